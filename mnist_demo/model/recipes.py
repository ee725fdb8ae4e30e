"""Training recipes as values.

`tutorial` is the tutorial's recipe, `fast` the quickest one that reaches 99 % on the test set, `best` the one behind
the shipped weights. `teach` continues from trained weights and learns from misread digits.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from mnist_demo.model.networks import MODELS

MAX_COUNT = 1_000_000  # the largest number of epochs, and of images per step: there are fewer images


@dataclass(frozen=True)
class Recipe:
    """All the values of one training run. Shares are in [0, 1]."""

    name: str
    optimizer: Literal["sgd", "adam", "adamw"]
    lr: float  # learning rate; with a one-cycle schedule, the highest one
    epochs: int
    batch_size: int
    test_batch_size: int = 1000
    momentum: float | None = None  # for SGD; None for other optimizers
    weight_decay: float = 0.0
    one_cycle: bool = False  # learning rate up, then down to almost 0 (Smith & Topin 2018, arXiv:1708.07120)
    label_smoothing: float = 0.0  # share of a label spread over all ten digits (Szegedy et al. 2016, arXiv:1512.00567)
    averaging: float = 0.0  # decay per step of the weights' moving average, which is then the result; 0: no average
    dropout: float | None = None  # of a network that takes it, as Net does; None: the network's own
    held_out: int = 0  # training images held out for validation; 0: test after each epoch, as the tutorial does
    distortion: bool = False  # `augment.distort` each batch, except --extra digits, which are redrawn already
    mnist: int | None = None  # number of MNIST training images, chosen at random; None: all
    handwriting: int = 0  # number of images from `synthetic.handwriting` added to the training images
    non_digits: int = 0  # number of images added from `non_digits.non_digits` (Hendrycks et al. 2019, arXiv:1812.04606)
    non_digit_weight: float = 0.5  # of a non-digit in the loss; a digit has 1
    written: float = 0.1  # share of all images that are --extra digits, redrawn by `synthetic.redrawn`
    # Share of the initial network's answers in the targets of all other images (Li & Hoiem 2017, arXiv:1606.09282)
    distillation: float = 0.0
    # Smallest share of the trained weights in the result, the rest being the initial ones (Wortsman et al. 2022,
    # arXiv:2109.01903); `Training.choose_interpolation` may raise it
    interpolation: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError, in one line that names the flag, if a value is invalid."""
        for name in ("epochs", "batch_size", "test_batch_size"):
            flag, value = f"--{name.replace('_', '-')}", getattr(self, name)
            if value < 1:
                raise ValueError(f"{flag} must be at least 1, not {value}")
            if value > MAX_COUNT or type(value) is not int:
                raise ValueError(f"{flag} must be a whole number up to {MAX_COUNT}, not {value}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"--lr must be a number above 0, not {self.lr}")
        if self.momentum is not None and self.optimizer != "sgd":
            raise ValueError(f"--momentum does not apply to {self.optimizer}, the optimizer of recipe {self.name}")
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise ValueError(f"--momentum must be at least 0 and below 1, not {self.momentum}")


TEACH = "teach"  # the recipe that continues from trained weights, with digits from a stroke file

TAUGHT = Recipe(
    name=TEACH,
    optimizer="adamw",
    lr=5e-4,
    epochs=2,
    batch_size=128,
    one_cycle=True,
    averaging=0.95,
    held_out=5000,
    distortion=True,
    mnist=5000,
    handwriting=400,
    non_digits=400,
    distillation=1.0,
    interpolation=0.7,
)

COMMON = {  # of ConvNet, and of a network that has none of its own by that name
    "tutorial": Recipe(name="tutorial", optimizer="adam", lr=1e-3, epochs=20, batch_size=512),
    "fast": Recipe(
        name="fast",
        optimizer="adamw",
        lr=1.6e-2,
        epochs=2,
        batch_size=256,
        one_cycle=True,
        label_smoothing=0.1,
        held_out=5000,
    ),
    "best": Recipe(
        name="best",
        optimizer="adamw",
        lr=2e-3,
        epochs=28,
        batch_size=128,
        weight_decay=0.1,
        one_cycle=True,
        label_smoothing=0.05,
        averaging=0.9995,
        held_out=5000,
        distortion=True,
        handwriting=20000,
        non_digits=36000,
    ),
    TEACH: TAUGHT,
}

OWN: dict[str, dict[str, Recipe]] = {  # by network: a recipe here takes the place of the common one
    "net": {
        "tutorial": Recipe(name="tutorial", optimizer="sgd", lr=0.01, momentum=0.5, epochs=10, batch_size=64),
        "fast": Recipe(
            name="fast",
            optimizer="adamw",
            lr=1e-2,
            epochs=4,
            batch_size=128,
            one_cycle=True,
            dropout=0.0,
            held_out=5000,
        ),
        "best": Recipe(
            name="best",
            optimizer="adamw",
            lr=6e-3,
            epochs=80,
            batch_size=128,
            weight_decay=0.02,
            one_cycle=True,
            averaging=0.9995,
            dropout=0.0,
            held_out=5000,
            distortion=True,
            handwriting=16000,
            non_digits=15000,
        ),
        TEACH: replace(TAUGHT, lr=2e-3, dropout=0.0, interpolation=0.8),
    },
}

RECIPES = {name: COMMON | OWN.get(name, {}) for name in MODELS}
