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
    from mnist_demo.page import demo

__all__ = ["Classifier", "demo"]
__version__ = "0.1.0"

PLACES = {"Classifier": "mnist_demo.classifier", "demo": "mnist_demo.page"}


def __getattr__(name: str) -> Any:
    """`Classifier` and `demo`, loaded when they are asked for: whoever wants less shall not wait for torch."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
