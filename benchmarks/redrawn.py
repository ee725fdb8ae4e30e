"""The ways to redraw an MNIST digit as a crisp pen drawing on the page's canvas, for `benchmarks.drawings`."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_demo.ink.preprocess import to_mnist

CANVAS = 280  # pixels, the page's
CUT = 110  # brighter pixels of a digit enlarged bicubically are ink
GAP = 12  # pixels cut out of a stroke
JITTER = 3  # pixels, the largest displacement of the outline

Sample = NDArray[np.uint8]  # (28, 28)
Ink = NDArray[np.uint8]  # (280, 280)
Random = np.random.Generator


def enlarged(sample: Sample, side: int) -> NDArray[np.uint8]:
    """Return the box of the sample's ink, enlarged to a longer side of `side` pixels, still grey."""
    rows, columns = np.flatnonzero(sample.any(axis=1)), np.flatnonzero(sample.any(axis=0))
    box = sample[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(length * side / max(box.shape))) for length in box.shape)
    return np.asarray(Image.fromarray(box).resize((width, height), Image.Resampling.BICUBIC))


def placed(box: NDArray[np.uint8], top: float, left: float) -> Ink:
    """Place the box on a canvas; `top` and `left` are shares, in [0, 1], of the room there is."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    y, x = (round(share * (CANVAS - length)) for share, length in zip((top, left), box.shape, strict=True))
    canvas[y : y + box.shape[0], x : x + box.shape[1]] = box
    return canvas


def cut(gray: Ink) -> Ink:
    """Return crisp ink."""
    return np.where(gray > CUT, 255, 0).astype(np.uint8)


def middle(sample: Sample, side: int) -> Ink:
    """Draw the sample in the middle of the canvas."""
    return cut(placed(enlarged(sample, side), 0.5, 0.5))


def corner(sample: Sample, random: Random) -> Ink:
    """Draw the sample 110 pixels high in one of the four corners."""
    top, left = random.choice([0.02, 0.98], size=2)
    return cut(placed(enlarged(sample, 110), top, left))


def tiny(sample: Sample, random: Random) -> Ink:
    """Draw the sample 44 pixels high anywhere."""
    return cut(placed(enlarged(sample, 44), *random.uniform(size=2)))


def grown(ink: Ink, pixels: int) -> Ink:
    """Dilate the ink by that many pixels on each side, by squares and diamonds in turn: nearly by a disc."""
    for step in range(pixels):
        around = np.pad(ink, 1, mode="edge")
        square = [(y, x) for y in (0, 1, 2) for x in (0, 1, 2)]
        places = square if step % 2 else [(y, x) for y, x in square if 1 in (y, x)]
        ink = functools.reduce(np.maximum, [around[y : y + CANVAS, x : x + CANVAS] for y, x in places])
    return ink


def thin(sample: Sample, random: Random) -> Ink:
    """Draw the sample 200 pixels high, eroded by 4 pixels on each side, or by fewer if nothing would be left."""
    ink = middle(sample, 200)
    eroded = (255 - grown(255 - ink, pixels) for pixels in (4, 3, 2, 1, 0))
    return next(left for left in eroded if to_mnist(left) is not None)


def transformed(sample: Sample, matrix: NDArray[np.float64]) -> Ink:
    """Draw the sample 200 pixels high, with the matrix (2, 2) applied about the canvas's middle."""
    back, centre = np.linalg.inv(matrix), np.full(2, CANVAS / 2)
    (a, b), (d, e) = back
    c, f = centre - back @ centre
    canvas = Image.fromarray(placed(enlarged(sample, 200), 0.5, 0.5))
    moved = canvas.transform(canvas.size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC)
    return cut(np.asarray(moved))


def tilted(sample: Sample, random: Random) -> Ink:
    """Draw the sample turned by 15 degrees, either way."""
    angle = np.deg2rad(random.choice([-15, 15]))
    return transformed(sample, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def sheared(sample: Sample, random: Random) -> Ink:
    """Draw the sample sheared by 0.3, either way."""
    return transformed(sample, np.array([[1, random.choice([-0.3, 0.3])], [0, 1]]))


def jittered(sample: Sample, random: Random) -> Ink:
    """Draw the sample with its outline displaced by up to 3 pixels, differently every ten."""
    y, x = np.indices((CANVAS, CANVAS))
    fields = random.uniform(-JITTER, JITTER, (2, CANVAS // 10, CANVAS // 10)).astype(np.float32)
    dy, dx = (np.asarray(Image.fromarray(f).resize((CANVAS, CANVAS), Image.Resampling.BILINEAR)) for f in fields)
    moved = (np.rint(y + dy).astype(int).clip(0, CANVAS - 1), np.rint(x + dx).astype(int).clip(0, CANVAS - 1))
    ink: Ink = middle(sample, 200)[moved]
    return ink


def broken(sample: Sample, random: Random) -> Ink:
    """Draw the sample with 12 pixels of a stroke missing somewhere."""
    ink = middle(sample, 200)
    pixels = np.argwhere(ink)
    offsets = pixels - pixels[random.integers(len(pixels))]
    near = offsets[np.hypot(*offsets.T) < 30]
    along = np.linalg.eigh(near.T @ near).eigenvectors[:, 1]  # the direction in which the nearby ink reaches furthest
    gone = (np.floor(offsets @ along + GAP / 2) // GAP == 0) & (np.hypot(*offsets.T) < 40)
    ink[tuple(pixels[gone].T)] = 0
    return ink


REDRAWN: dict[str, Callable[[Sample, Random], Ink]] = {
    "centred, 200 px": lambda sample, random: middle(sample, 200),
    "full canvas, 264 px": lambda sample, random: middle(sample, 264),
    "small, 80 px": lambda sample, random: middle(sample, 80),
    "corner, 110 px": corner,
    "tiny, 44 px anywhere": tiny,
    "thin": thin,
    "thick": lambda sample, random: grown(middle(sample, 190), 7),
    "tilted 15 degrees": tilted,
    "sheared 0.3": sheared,
    "jitter": jittered,
    "broken stroke": broken,
}
