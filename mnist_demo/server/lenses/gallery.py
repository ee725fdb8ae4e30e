"""Labelled samples of the test set, with each network's reading."""

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

SHOWN = 18  # the most samples at a time


class Wanted(Question):
    """A choice of samples."""

    digit: Annotated[int, Field(ge=0, le=9)] | None
    hard: bool  # if True, only those that at least one network misreads


@dataclass(frozen=True)
class Gallery:
    """The samples to choose from."""

    images: NDArray[np.uint8]  # (N, 28, 28), 255 = ink
    labels: NDArray[np.int64]  # (N,)
    hard: NDArray[np.bool_]  # (N,), True if at least one network misreads it
    classifiers: Mapping[str, Classifier]

    def pick(self, digit: int | None, hard: bool, seed: int | None = None) -> list[dict[str, Any]]:
        """Return up to SHOWN random tiles, of one digit or any, of hard samples or all."""
        return self.tiles(self.choose(digit, hard, seed))

    def choose(self, digit: int | None, hard: bool, seed: int | None = None) -> NDArray[np.int64]:
        """Return the indices of the samples that `pick` returns."""
        wanted = self.hard if hard else np.ones_like(self.hard)
        if digit is not None:
            wanted = wanted & (self.labels == digit)
        return np.random.default_rng(seed).permutation(np.flatnonzero(wanted))[:SHOWN]

    def tiles(self, indices: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return each sample with its label and every network's reading."""
        return tiles(self.classifiers, self.digits(indices), self.labels[indices], indices)

    def digits(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return those samples as the networks' input, (N, 28, 28) in [0, 1]."""
        return self.images[indices].astype(np.float32) / np.float32(255)


def open_gallery(samples: Samples, classifiers: Mapping[str, Classifier]) -> Gallery:
    """Return a gallery of those samples, which must be the test set for "hard" to have a meaning."""
    hard = np.zeros(len(samples.labels), bool)
    for classifier in classifiers.values():
        hard[[index for index, _ in classifier.card.misread if index < len(hard)]] = True
    return Gallery(samples.images.squeeze(1).numpy(), samples.labels.numpy(), hard, classifiers)


def functions(gallery: Gallery) -> Functions:
    """Return the requests that the browser may send."""
    return {"samples": Function(Wanted, lambda wanted: gallery.pick(wanted.digit, wanted.hard))}
