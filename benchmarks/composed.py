"""Numbers composed of single digits, from stroke templates or from MNIST, to fit and to test segmentation.

Lengths "in heights" are multiples of the height of a digit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mnist_demo.data.synthetic import write
from mnist_demo.ink.strokes import Path, Stroke, draw

HEIGHT = 64  # pixels, of the digits of a number in ink

Random = np.random.Generator
Ink = NDArray[np.uint8]


class WrittenNumber(NamedTuple):
    """A number as strokes."""

    digits: str
    strokes: list[Path]
    owners: list[int]  # for each stroke, the index of its digit, from the left


class InkNumber(NamedTuple):
    """A number as ink."""

    digits: str
    ink: Ink  # (H, W), 255 = ink
    owners: NDArray[np.int64]  # (H, W): for each pixel of ink, the index of its digit, from the left


class Layout(NamedTuple):
    """Spacing, slope and sizes of one person's digits, in heights."""

    gap: float  # the mean gap between two digits; if it is below 0, they overlap sideways
    jitter: float  # the gaps' standard deviation
    slope: float  # of the line that the digits stand on
    uneven: float  # the standard deviation of the logarithm of the digits' sizes
    smallest: float  # the least gap

    def next_gap(self, random: Random) -> float:
        """Return the gap to the next digit."""
        return max(self.smallest, float(random.normal(self.gap, self.jitter)))


def layout(random: Random, smallest: float) -> Layout:
    """Return a random layout: three in five set digits apart, the others close together."""
    is_wide = random.random() < 0.6
    gap, jitter = (0.25, 0.15) if is_wide else (0.08, 0.1)
    return Layout(gap, jitter, float(random.normal(0, 0.05)), 0.18, smallest)


def write_number(random: Random, count: int, smallest: float = -0.25) -> WrittenNumber:
    """Write that many digits side by side, each about 100 high; `smallest` is the least gap, in heights."""
    chosen, plan = random.integers(10, size=count).tolist(), layout(random, smallest)
    strokes: list[Path] = []
    owners: list[int] = []
    x = 0.0
    for index, digit in enumerate(chosen):
        paths = write(random, digit)
        (left, top), (right, bottom) = np.concatenate(paths).min(axis=0), np.concatenate(paths).max(axis=0)
        scale = 100 * math.exp(random.normal(0, plan.uneven)) / max(bottom - top, 0.3)
        x += 100 * plan.next_gap(random) if index else 0.0
        base = plan.slope * x + random.normal(0, 6)
        strokes += [(path - [left, bottom]) * scale + [x, base] for path in paths]
        owners += [index] * len(paths)
        x += (right - left) * scale
    return WrittenNumber("".join(map(str, chosen)), strokes, owners)


def ink_number(written: WrittenNumber, brush: float, height: float = HEIGHT) -> InkNumber:
    """Return a written number as ink; `brush` in heights, `height` in pixels."""
    points = np.concatenate(written.strokes)
    scale, margin = height / 100, brush * height + 4
    low, size = points.min(axis=0), np.ptp(points, axis=0) * scale + 2 * margin
    strokes = [Stroke((path - low) * scale + margin, brush * height) for path in written.strokes]
    rows, columns = math.ceil(size[1]), math.ceil(size[0])
    layers = [
        draw([stroke for stroke, own in zip(strokes, written.owners, strict=True) if own == digit], max(rows, columns))
        for digit in range(max(written.owners) + 1)
    ]
    return _merged(written.digits, [layer[:rows, :columns] for layer in layers])


def sample_number(random: Random, images: NDArray[np.uint8], labels: Sequence[int], plan: Layout) -> InkNumber:
    """Set MNIST digits (N, 28, 28) side by side, slanted alike and each of its own size."""
    slant = float(random.normal(0, 0.15))
    digits = [_resized(image, slant, math.exp(random.normal(0, plan.uneven))) for image in images]
    places, x = [], 2 * HEIGHT
    for index, digit in enumerate(digits):
        x += round(HEIGHT * plan.next_gap(random)) if index else 0
        places.append((round(2 * HEIGHT + plan.slope * x + HEIGHT * random.normal(0, 0.06)), x))
        x += digit.shape[1]
    layers = [np.zeros((4 * HEIGHT, x + 2 * HEIGHT), np.uint8) for _ in digits]
    for layer, digit, (bottom, left) in zip(layers, digits, places, strict=True):
        layer[bottom - digit.shape[0] : bottom, left : left + digit.shape[1]] = digit
    return _merged("".join(map(str, labels)), layers)


def _resized(image: NDArray[np.uint8], slant: float, scale: float) -> Ink:
    """Return a digit (28, 28) enlarged to about HEIGHT, slanted, and cut out."""
    zoom = scale * HEIGHT / 20
    matrix = np.array([[zoom, -slant * zoom, 14 * slant * zoom + 30], [0, zoom, 10]])
    large = cv2.warpAffine(image, matrix, (int(28 * zoom) + 60, int(28 * zoom) + 20), flags=cv2.INTER_CUBIC)
    rows, columns = np.flatnonzero((large > 40).any(axis=1)), np.flatnonzero((large > 40).any(axis=0))
    return np.asarray(large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.uint8)


def _merged(digits: str, layers: Sequence[Ink]) -> InkNumber:
    """Return the ink of all digits, laid over each other."""
    stack = np.stack(layers)
    return InkNumber(digits, stack.max(axis=0), stack.argmax(axis=0))
