"""Training and test data: MNIST, synthetic digits, stroke files, and drawings that are not digits."""
