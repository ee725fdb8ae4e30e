"""Draw a digit, see what two small convolutional networks make of it, live.

Read in this order: `ink` (pen strokes and image files become ink, and ink a digit), `data` (MNIST, and drawings that it
has little of), `model` (the two networks, their recipes and weights, what they answer and what that is worth),
`training` (how they learn), `server` and `web` (what a person sees), and the command lines: `train`, `predict`,
`evaluate`, `export`, `serve`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.model.classifier import Classifier
    from mnist_demo.server import Sketchpad, demo

__all__ = ["Classifier", "Sketchpad", "demo"]
__version__ = "0.1.0"

PLACES = {"Classifier": "mnist_demo.model.classifier", "Sketchpad": "mnist_demo.server", "demo": "mnist_demo.server"}


def __getattr__(name: str) -> Any:
    """Import `Classifier`, `Sketchpad` or `demo` when asked for, so that `import mnist_demo` does not load torch."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
