"""How a network is trained, as values. Knows no code that would train it.

`tutorial` is the tutorial's, `fast` the quickest honest way to 99 %, `best` what the shipped weights come from, and
`teach` goes on from those to learn a hand from some digits that were misread.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from mnist_demo.model.networks import MODELS

MOST = 1_000_000  # epochs, or images a step: more than there are images


@dataclass(frozen=True)
class Recipe:
    """All the values of one training run. Shares are in [0, 1]."""

    name: str
    optimizer: Literal["sgd", "adam", "adamw"]
    lr: float  # learning rate; the highest one where the schedule is one-cycle
    epochs: int
    batch_size: int
    test_batch_size: int = 1000
    momentum: float | None = None  # SGD's; None where the optimizer has no use for it
    weight_decay: float = 0.0
    one_cycle: bool = False  # learning rate up, then down to nothing (Smith & Topin 2018, arXiv:1708.07120)
    label_smoothing: float = 0.0  # share of a label spread over all ten digits (Szegedy et al. 2016, arXiv:1512.00567)
    averaging: float = 0.0  # decay per step of the weights' moving average, which is what is kept; 0: none
    dropout: float | None = None  # of a network that takes it, as Net does; None: the network's own
    held_out: int = 0  # training images kept apart to validate on; 0: test after each epoch, as the tutorial does
    distortion: bool = False  # every batch goes through `augment.distort`; all but what was written, redrawn as it is
    mnist: int | None = None  # of the training images, that many, drawn at random; None: all
    handwriting: int = 0  # images from `synthetic.handwriting` that join the training images
    non_digits: int = 0  # images from `non_digits.non_digits`, likewise (Hendrycks et al. 2019, arXiv:1812.04606)
    non_digit_weight: float = 0.5  # of such an image in the loss, against a digit's 1
    written: float = 0.1  # share of all images that what --extra names makes, redrawn by `synthetic.redrawn`
    # On all else, the share of the earlier network's answers in what is learnt (Li & Hoiem 2017, arXiv:1606.09282)
    keeping: float = 0.0
    # From the earlier weights to those learnt, the share that is gone, or more: `Training.settle` (Wortsman et al.
    # 2022, arXiv:2109.01903)
    way: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError, in one line that names the flag, where a value makes no sense."""
        for name in ("epochs", "batch_size", "test_batch_size"):
            flag, value = f"--{name.replace('_', '-')}", getattr(self, name)
            if value < 1:
                raise ValueError(f"{flag} must be at least 1, not {value}")
            if value > MOST or type(value) is not int:
                raise ValueError(f"{flag} must be a whole number up to {MOST}, not {value}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"--lr must be a number above 0, not {self.lr}")
        if self.momentum is not None and self.optimizer != "sgd":
            raise ValueError(f"--momentum is of no use to {self.optimizer}, which recipe {self.name} trains with")
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise ValueError(f"--momentum must be at least 0 and under 1, not {self.momentum}")


TEACH = "teach"  # the recipe that goes on from trained weights, and needs digits of one's own

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
    keeping=1.0,
    way=0.7,
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
        TEACH: replace(TAUGHT, lr=2e-3, dropout=0.0, way=0.8),
    },
}

RECIPES = {name: COMMON | OWN.get(name, {}) for name in MODELS}
