"""The classifier: ink in, digit and probabilities out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.ink.strokes import Stroke
from mnist_demo.model import numbers
from mnist_demo.model.networks import MODELS, HalfPixelShifts, certainty
from mnist_demo.model.reading import NumberReading, Reading
from mnist_demo.model.weights import Card, load_named, load_weights

__all__ = ["Classifier", "NumberReading", "Reading"]


def _checked(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the images as contiguous float32. Raises ValueError if they are not (N, 28, 28) numbers in [0, 1]."""
    images = np.asarray(images)
    if images.shape[1:] != (SIDE, SIDE) or images.dtype.kind not in "buif":
        raise ValueError(f"images must be (N, 28, 28) numbers, not {images.dtype} of shape {images.shape}")
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError("images must hold only numbers from 0 to 1")
    return np.ascontiguousarray(images, dtype=np.float32)


class Classifier:
    """A trained network that reads drawings. It keeps no state between calls, so threads may share it."""

    def __init__(self, model: nn.Module, card: Card, device: torch.device) -> None:
        self.model = HalfPixelShifts(model).to(device).eval()
        self.card = card
        self.device = device

    @classmethod
    def load(cls, name: str | Path = "convnet", device: str | None = None) -> Self:
        """Return the network of that name (a key of MODELS), or the network in that weights file.

        `device` is a torch device's name. None is the CPU, which answers single digits fastest.

        Raises ValueError, in one line, if the file is missing, damaged or holds another network.
        """
        model, card = load_named(str(name)) if name in MODELS else load_weights(Path(name))
        return cls(model, card, torch.device(device or "cpu"))

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities (N, 10) float32 of the ten digits for images (N, 28, 28) in [0, 1]; each row sums to
        1.

        Raises ValueError for any other input, as all methods that take images do.
        """
        return self._tempered(self._log_probabilities(images))

    def known(self, images: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return (N,) bool for images (N, 28, 28) in [0, 1]: False for those that are not recognised as digits."""
        return self._certain(self._log_probabilities(images))

    def read(self, ink: NDArray[np.uint8]) -> Reading:
        """Read a drawing (H, W), 0 = paper and 255 = ink, of one digit. Raises ValueError as `to_mnist` does."""
        image = to_mnist(ink)
        if image is None:
            return Reading(None, np.zeros(10, np.float32), None)
        return self.read_images(image[np.newaxis])[0]

    def read_images(self, images: NDArray[np.float32]) -> list[Reading]:
        """Read each of the images (N, 28, 28) in [0, 1], digits as in MNIST."""
        log_probabilities = self._log_probabilities(images)
        tempered, known = self._tempered(log_probabilities), self._certain(log_probabilities)
        rows = zip(images, tempered, known, certainty(log_probabilities).tolist(), strict=True)
        return [Reading(int(row.argmax()) if is_known else None, row, image, c) for image, row, is_known, c in rows]

    def read_number(self, drawing: NDArray[np.uint8] | Sequence[Stroke]) -> NumberReading:
        """Read a row of digits, drawn as ink (H, W), 255 = ink, or as strokes, which can be cut more reliably.

        Raises ValueError as `to_mnist` and `draw` do.
        """
        return numbers.read_number(self.read_images, drawing)

    def read_page(self, ink: NDArray[np.uint8]) -> list[NumberReading]:
        """Read the rows of digits in ink (H, W), 255 = ink, from top to bottom; [] if it is blank.

        Raises ValueError as `to_mnist` does.
        """
        return numbers.read_page(self.read_images, ink)

    @torch.inference_mode()
    def _log_probabilities(self, images: NDArray[np.float32]) -> Tensor:
        pixels = torch.from_numpy(_checked(images)).unsqueeze(1)
        log_probabilities: Tensor = self.model(pixels.to(self.device)).cpu()
        return log_probabilities

    def _tempered(self, log_probabilities: Tensor) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = (log_probabilities / self.card.temperature).softmax(1).numpy()
        return probabilities

    def _certain(self, log_probabilities: Tensor) -> NDArray[np.bool_]:
        certain: NDArray[np.bool_] = (certainty(log_probabilities) >= self.card.threshold).numpy()
        return certain
