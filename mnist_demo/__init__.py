"""Draw a digit, see what two small convolutional networks make of it, live.

Read in this order: `models` (the two networks), `data` (MNIST, resident), `drawing` (a sketch becomes a digit),
`strokes` and `pictures` (pen strokes and image files become ink), `handwriting`, `scribbles` and `distort` (the
drawings that MNIST has little of), `recipes`, `training`, `following`, `train`, `figures` and `evaluate` (how they
learn and what they are worth), `weights` (the file in between), `classifier` and `predict` (ink in, probabilities out),
`page` (what a person sees).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.classifier import Classifier
    from mnist_demo.page import Sketchpad, demo

__all__ = ["Classifier", "Sketchpad", "demo"]
__version__ = "0.1.0"

PLACES = {"Classifier": "mnist_demo.classifier", "Sketchpad": "mnist_demo.page", "demo": "mnist_demo.page"}


def __getattr__(name: str) -> Any:
    """Import `Classifier`, `Sketchpad` or `demo` when asked for, so that `import mnist_demo` does not load torch."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
