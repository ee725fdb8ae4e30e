"""Ink in, probabilities out; and the same for image files: `python -m mnist_demo.predict FILE...`.

Knows: how a trained network answers. Does not know: how it was trained, or who asks.
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn

from mnist_demo.drawing import to_mnist
from mnist_demo.models import MODELS, HalfPixelShifts, certainty
from mnist_demo.weights import Card, load_named, load_weights

LARGEST = 2000  # pixels a side; a larger picture is made smaller first, for it would take seconds and gigabytes


class Reading(NamedTuple):
    """What a network makes of a drawing."""

    answer: int | None  # the digit; None where nothing is drawn, or where it is no digit the network knows
    probabilities: NDArray[np.float32]  # (10,); zeros where nothing is drawn
    image: NDArray[np.float32] | None  # (28, 28) in [0, 1], what the network saw; None where nothing is drawn


class Classifier:
    """A trained network that reads drawings. Holds no state between calls, so threads may share it."""

    def __init__(self, model: nn.Module, card: Card, device: torch.device) -> None:
        self.model = HalfPixelShifts(model).to(device).eval()
        self.card = card
        self.device = device

    @classmethod
    def load(cls, name: str | Path = "convnet", device: str | None = None) -> Self:
        """The network of that name (a key of MODELS), or the one in that weights file.

        `device`: a torch device's name; None is the CPU, which answers single digits soonest.
        Raises ValueError, in one line, where the file is missing, damaged or holds another network.
        """
        model, card = load_named(str(name)) if name in MODELS else load_weights(Path(name))
        return cls(model, card, torch.device(device or "cpu"))

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, 28, 28) in [0, 1] to the probabilities (N, 10) of the ten digits, each row summing to 1."""
        return self._tempered(self._log_probabilities(images))

    def known(self, images: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Images (N, 28, 28) in [0, 1] to (N,) bool: False where it is no digit the network knows."""
        return self._certain(self._log_probabilities(images))

    def read(self, ink: NDArray[np.uint8]) -> Reading:
        """What the drawing (H, W), 0 = paper and 255 = ink, says."""
        image = to_mnist(ink)
        if image is None:
            return Reading(None, np.zeros(10, np.float32), None)
        return self.read_images(image[np.newaxis])[0]

    def read_images(self, images: NDArray[np.float32]) -> list[Reading]:
        """What each of images (N, 28, 28) in [0, 1], digits as MNIST has them, says."""
        log_probabilities = self._log_probabilities(images)
        rows = zip(images, self._tempered(log_probabilities), self._certain(log_probabilities), strict=True)
        return [Reading(int(row.argmax()) if is_certain else None, row, image) for image, row, is_certain in rows]

    @torch.inference_mode()
    def _log_probabilities(self, images: NDArray[np.float32]) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).unsqueeze(1)
        log_probabilities: Tensor = self.model(pixels.to(self.device)).cpu()
        return log_probabilities

    def _tempered(self, log_probabilities: Tensor) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = (log_probabilities / self.card.temperature).softmax(1).numpy()
        return probabilities

    def _certain(self, log_probabilities: Tensor) -> NDArray[np.bool_]:
        certain: NDArray[np.bool_] = (certainty(log_probabilities) >= self.card.threshold).numpy()
        return certain


def ink_of(picture: Image.Image) -> NDArray[np.uint8]:
    """The ink (H, W) in a picture, dark on light or light on dark: how far each pixel is from the paper's colour.

    The paper is what the picture's border mostly shows. Where that is transparent, what is not transparent is
    ink. What differs from the paper by less than a quarter of what the darkest ink does is taken for paper, so
    that shadows and compression leave no marks.
    """
    if picture.mode in ("I;16", "I", "F"):  # which Pillow would cut at 255
        values = np.asarray(picture, np.float64).clip(min=0)
        picture = Image.fromarray(np.rint(255 * values / max(values.max(), 1e-9)).astype(np.uint8))
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.int32)
    opacity = rgba[..., 3]
    luminance = np.asarray(picture.convert("RGB").convert("L"), dtype=np.int32)
    contrast = opacity if _paper(opacity) == 0 else np.abs(luminance - _paper(luminance)) * opacity // 255
    contrast[contrast < contrast.max() / 4] = 0
    return contrast.astype(np.uint8)


def _paper(values: NDArray[np.int32]) -> int:
    return int(np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])))


def _describe(reading: Reading) -> str:
    if reading.image is None:
        return "nothing drawn"
    if reading.answer is None:
        return "not a digit I know"
    return f"{reading.answer}  {100 * reading.probabilities.max():.1f} %"


def _as_json(path: str, reading: Reading) -> dict[str, object]:
    probabilities = [round(float(p), 6) for p in reading.probabilities]
    return {"file": path, "answer": reading.answer, "probabilities": probabilities}


def _open(path: str) -> Image.Image:
    try:
        picture = Image.open(path)
        picture.thumbnail((LARGEST, LARGEST))
        return ImageOps.exif_transpose(picture)
    except Exception as error:  # of a damaged file Pillow raises whatever its decoder meets
        reason = error if isinstance(error, OSError) and error.strerror else "no image that can be read"
        raise ValueError(f"{path}: {reason}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mnist_demo.predict", description="Reads a digit from each image.")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a picture of one digit: any size, dark on light or light on dark"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network that reads (default: convnet)")
    source.add_argument("--weights", type=Path, metavar="FILE", help="a weights file to read with instead")
    parser.add_argument("--json", action="store_true", help="print one JSON line per file, with all ten probabilities")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0, or 2 where a file or the weights could not be read."""
    options = _parser().parse_args(arguments)
    try:
        classifier = Classifier.load(options.weights or options.model)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    code = 0
    for path in options.files:
        try:
            reading = classifier.read(ink_of(_open(path)))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            code = 2
            continue
        print(json.dumps(_as_json(path, reading)) if options.json else f"{path}  {_describe(reading)}")
    return code


if __name__ == "__main__":
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `... | head -1` ends without a traceback
    sys.exit(main())
