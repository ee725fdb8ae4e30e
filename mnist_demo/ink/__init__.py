"""From pictures and pen strokes to ink, and from ink to a 28 x 28 digit. Imports no torch."""
