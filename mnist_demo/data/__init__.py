"""What networks are trained and judged on: MNIST, digits that resemble handwriting, drawings that are no digit."""
