"""Draw a digit, see what two small convolutional networks make of it, live.

Read in this order: `models` (the two networks), `data` (MNIST, resident), `drawing` (a sketch becomes a digit),
`strokes` and `pictures` (pen strokes and image files become ink), `handwriting`, `scribbles` and `distort` (the
drawings that MNIST has little of), `recipes`, `training`, `following`, `train`, `figures` and `evaluate` (how they
learn and what they are worth), `weights` (the file in between), `classifier` and `predict` (ink in, probabilities out),
`page` (what a person sees).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.classifier import Classifier

__all__ = ["Classifier"]


def __getattr__(name: str) -> Any:
    """`Classifier`, loaded when it is asked for: whoever wants less shall not wait for torch."""
    if name != "Classifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mnist_demo.classifier import Classifier

    return Classifier
