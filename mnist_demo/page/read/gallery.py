"""Labelled samples of the test set, as each network reads them.

Knows: which samples there are, and which are hard. Does not know: how they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.page.readings import said, tiles
from mnist_demo.page.yours import GoneError, Yours, key_of
from mnist_demo.weights import is_whole

SHOWN = 18  # samples at a time
MOST_MARKED = 48  # samples that a visitor's own network is asked about at a time


@dataclass(frozen=True)
class Gallery:
    """The samples one can choose from."""

    images: NDArray[np.uint8]  # (N, 28, 28), 255 = ink
    labels: NDArray[np.int64]  # (N,)
    hard: NDArray[np.bool_]  # (N,), True where at least one network was found to misread it
    classifiers: Mapping[str, Classifier]

    def marks(self, wanted: Any, yours: Yours) -> dict[str, Any]:
        """What a visitor's own network says of samples: {"indices": at most MOST_MARKED, "yours": key}.

        {"marks": [...]} in that order, none before its first step, or {"gone": True}. Raises HTTPException (422) where
        that makes no sense.
        """
        indices = wanted.get("indices") if isinstance(wanted, dict) else None
        if not isinstance(indices, list) or len(indices) > MOST_MARKED or not all(map(self.is_index, indices)):
            raise HTTPException(422, f"indices: at most {MOST_MARKED} whole numbers of samples")
        try:
            classifier = yours.classifier(key_of(wanted))
        except GoneError:
            return {"gone": True}
        if classifier is None:
            return {"marks": []}
        return {"marks": list(map(said, classifier.read_images(self.digits(np.array(indices, np.int64)))))}

    def is_index(self, number: object) -> bool:
        """Whether there is a sample of that number."""
        return is_whole(number, 0, len(self.labels) - 1)

    def pick(self, digit: int | None, hard: bool, seed: int | None = None) -> list[dict[str, Any]]:
        """Up to SHOWN random tiles: of that digit, or of any; the hard ones alone, or any."""
        return self.tiles(self.choose(digit, hard, seed))

    def choose(self, digit: int | None, hard: bool, seed: int | None = None) -> NDArray[np.int64]:
        """Which samples `pick` shows: their indices."""
        wanted = self.hard if hard else np.ones_like(self.hard)
        if digit is not None:
            wanted = wanted & (self.labels == digit)
        return np.random.default_rng(seed).permutation(np.flatnonzero(wanted))[:SHOWN]

    def pick_wanted(self, wanted: Any) -> list[dict[str, Any]]:
        """`pick` for a request from the browser. Raises HTTPException (422) where it makes no sense."""
        try:
            digit, hard = wanted["digit"], wanted["hard"]
        except (KeyError, TypeError):
            digit, hard = -1, False
        if type(hard) is not bool or (digit is not None and digit not in range(10)):
            raise HTTPException(422, "wanted: a digit or null, and whether hard ones alone")
        return self.pick(digit, hard)

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
