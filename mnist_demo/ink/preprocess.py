"""Convert a sketch to a digit like those of MNIST. NumPy only.

The digits of MNIST were made from larger pictures in the same way (Yadav & Bottou 2019, arXiv:1905.10498).
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 28  # of a digit, pixels
BOX = 20  # the longer side of its ink, pixels
CENTRE = 14  # the pixel index, in x and in y, nearest to its centre of mass
SMALLEST_BOX = 10  # pixels: smaller ink is not enlarged to the whole box
SPECK = 0.1  # of the canvas's shorter side: smaller ink, such as one click of the brush, is not a digit
FAINTEST = 0.02  # of the darkest ink: fainter ink does not widen the box


class Box(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right` of a picture; `bottom` and `right` are exclusive."""

    top: int
    left: int
    bottom: int
    right: int


class Sketch(NamedTuple):
    """The intermediate results between ink and a digit."""

    box: Box  # of the ink, canvas pixels
    side: int  # of the square that the box is padded to, canvas pixels
    averaged: NDArray[np.float32]  # (20, 20), the square averaged by area; on the ink's scale, or [0, 1] for floats
    scaled: NDArray[np.float32]  # (20, 20) in [0, 1], scaled to a darkest pixel of 1
    shift: tuple[int, int]  # pixels down and to the right, from the middle of 28 x 28 to where `scaled` lies
    digit: NDArray[np.float32]  # (28, 28) in [0, 1]


def to_mnist(ink: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return the digit (28, 28) float32 in [0, 1] for the ink, or None if the ink is blank or a speck.

    `ink` is (H, W), 0 = paper and 255 = ink. Any other number type and scale works too, since only the ratio to the
    darkest ink counts; values below 0 are paper.

    The ink's bounding box is padded to a square, averaged by area to 20 x 20, and scaled to a darkest pixel of 1. Whole
    pixels then shift its centre of mass as near to index 14 as the ink's edges allow.

    Raises ValueError if `ink` is not a two-dimensional array of finite numbers, or has no pixels.
    """
    sketch = sketch_of(ink)
    return None if sketch is None else sketch.digit


def sketch_of(ink: NDArray[Any]) -> Sketch | None:
    """Return the intermediate results of `to_mnist`, which takes the same ink and raises the same errors."""
    ink = np.asarray(ink)
    if ink.ndim != 2 or ink.size == 0 or ink.dtype.kind not in "buif":
        raise ValueError(f"ink must be an (H, W) array of numbers, not {ink.dtype} of shape {ink.shape}")
    if ink.dtype.kind == "f":
        if not np.isfinite(ink).all():
            raise ValueError("ink must hold finite numbers only")
        ink = np.maximum(ink, 0)  # values far below 0 would overflow
        ink = ink / (float(ink.max()) or 1.0)  # the darkest ink may be too large for float32
    columns, rows = ink.max(axis=0), ink.max(axis=1)
    peak = float(columns.max())
    if peak <= 0:
        return None
    top, bottom = _extent(rows, peak)
    left, right = _extent(columns, peak)
    side = max(bottom - top, right - left)
    if side < SPECK * min(ink.shape):
        return None
    side = max(side, SMALLEST_BOX)
    crop: NDArray[Any] = ink[top:bottom, left:right].astype(np.float32)
    if ink.dtype.kind == "i":
        np.maximum(crop, 0, out=crop)
    averaged = _averaging(bottom - top, side) @ crop @ _averaging(right - left, side).T
    scaled = averaged / averaged.max()
    return Sketch(Box(top, left, bottom, right), side, averaged, scaled, *_centred(scaled))


def _extent(profile: NDArray[Any], peak: float) -> tuple[int, int]:
    """Return the start and end (exclusive) of the ink in the brightest pixels of all rows, or of all columns."""
    inked = np.flatnonzero(profile > FAINTEST * peak)
    return int(inked[0]), int(inked[-1]) + 1


@functools.lru_cache(maxsize=1024)
def _averaging(length: int, side: int) -> NDArray[np.float32]:
    """Return the weights (20, length) that average `length` pixels, in the middle of `side`, to 20 that span `side`."""
    start = -((side - length) // 2)
    edges = start + np.arange(BOX + 1) * (side / BOX)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: NDArray[np.float32] = (np.maximum(overlap, 0) * (BOX / side)).astype(np.float32)
    return weights


def _centred(box: NDArray[np.float32]) -> tuple[tuple[int, int], NDArray[np.float32]]:
    """Return the shift, in pixels down and to the right, and the digit (28, 28) with the box (20, 20) shifted by it.

    The shift brings the centre of mass to the middle, or as near to it as the ink fits.
    """
    (rows, y), (columns, x) = (_place(box.sum(axis=axis)) for axis in (1, 0))
    digit = np.zeros((SIDE, SIDE), np.float32)
    ink = box[rows, columns]
    digit[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    margin = (SIDE - BOX) // 2
    return (y - rows.start - margin, x - columns.start - margin), digit


def _place(profile: NDArray[np.float32]) -> tuple[slice, int]:
    """Return the part of the rows or columns (20,) that has ink, and the one of 28 at which it begins."""
    inked = np.flatnonzero(profile)
    first, last = int(inked[0]), int(inked[-1])
    centre = float(profile @ np.arange(BOX, dtype=np.float32) / profile.sum())
    shift = round(CENTRE - round(centre, 3))  # rounded first, so that the last bit does not decide for symmetrical ink
    return slice(first, last + 1), min(max(first + shift, 0), SIDE - 1 - (last - first))
