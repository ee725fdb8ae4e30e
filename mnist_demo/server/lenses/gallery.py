"""Labelled samples of the test set, as each network reads them.

Knows: which samples there are, and which are hard. Does not know: how they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server.engine import Function, Functions, Question
from mnist_demo.server.readings import tiles

SHOWN = 18  # samples at a time


class Wanted(Question):
    """Which samples."""

    digit: Annotated[int, Field(ge=0, le=9)] | None
    hard: bool  # only those that at least one network misreads


@dataclass(frozen=True)
class Gallery:
    """The samples one can choose from."""

    images: NDArray[np.uint8]  # (N, 28, 28), 255 = ink
    labels: NDArray[np.int64]  # (N,)
    hard: NDArray[np.bool_]  # (N,), True where at least one network was found to misread it
    classifiers: Mapping[str, Classifier]

    def pick(self, digit: int | None, hard: bool, seed: int | None = None) -> list[dict[str, Any]]:
        """Up to SHOWN random tiles: of that digit, or of any; the hard ones alone, or any."""
        return self.tiles(self.choose(digit, hard, seed))

    def choose(self, digit: int | None, hard: bool, seed: int | None = None) -> NDArray[np.int64]:
        """Which samples `pick` shows: their indices."""
        wanted = self.hard if hard else np.ones_like(self.hard)
        if digit is not None:
            wanted = wanted & (self.labels == digit)
        return np.random.default_rng(seed).permutation(np.flatnonzero(wanted))[:SHOWN]

    def tiles(self, indices: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Each sample with its label and what every network makes of it."""
        return tiles(self.classifiers, self.digits(indices), self.labels[indices], indices)

    def digits(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Those samples as networks read them, (N, 28, 28) in [0, 1]."""
        return self.images[indices].astype(np.float32) / np.float32(255)


def open_gallery(samples: Samples, classifiers: Mapping[str, Classifier]) -> Gallery:
    """A gallery of those samples, which must be the test set for "hard" to mean anything."""
    hard = np.zeros(len(samples.labels), bool)
    for classifier in classifiers.values():
        hard[[index for index, _ in classifier.card.misread if index < len(hard)]] = True
    return Gallery(samples.images.squeeze(1).numpy(), samples.labels.numpy(), hard, classifiers)


def functions(gallery: Gallery) -> Functions:
    """Return what the browser may ask."""
    return {"samples": Function(Wanted, lambda wanted: gallery.pick(wanted.digit, wanted.hard))}
