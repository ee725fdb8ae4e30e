"""Draw a digit and watch two small convolutional networks read it, live.

Read in this order: `ink` (from pen strokes and image files to ink, and from ink to a digit), `data` (MNIST and other
training data), `model` (the two networks, their recipes, weights, answers and accuracy), `training` (the training
loop), `server` and `web` (the page), and the command lines: `train`, `predict`, `evaluate`, `export`, `serve`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.model.classifier import Classifier
    from mnist_demo.server import Sketchpad, demo

__all__ = ["Classifier", "Sketchpad", "demo"]

PLACES = {
    "Classifier": "mnist_demo.model.classifier",
    "Sketchpad": "mnist_demo.server",
    "demo": "mnist_demo.server",
    "__version__": "mnist_demo.commandline",
}


def __getattr__(name: str) -> Any:
    """Import what the package offers on first use, so that `import mnist_demo` does not load torch."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
