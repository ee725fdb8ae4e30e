"""A sketch becomes a digit MNIST could have held. NumPy only.

Knows: how the digits of MNIST were made from larger pictures (Yadav & Bottou 2019, arXiv:1905.10498), and what is
too little ink to be one. Does not know: who drew the sketch, or who reads the digit.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 28  # of a digit, pixels
BOX = 20  # the longer side of its ink, pixels
CENTRE = 14  # the pixel index, in x and in y, that its centre of mass lies nearest to
SMALLEST_BOX = 10  # pixels: what is smaller is not enlarged to the whole box
SPECK = 0.1  # of the canvas's shorter side: ink that reaches less far, like one click of the brush, is no digit
FAINTEST = 0.02  # of the darkest ink: what is fainter does not widen the box


class Box(NamedTuple):
    """Part of a picture, in its pixels: from a row and a column to another row and column, these exclusive."""

    top: int
    left: int
    bottom: int
    right: int


class Sketch(NamedTuple):
    """What becomes of the ink on its way to a digit, step by step."""

    box: Box  # of the ink, canvas pixels
    side: int  # of the square that the box is padded to, canvas pixels
    averaged: NDArray[np.float32]  # (20, 20), the square by area; in the ink's numbers, floats over their darkest
    scaled: NDArray[np.float32]  # (20, 20) in [0, 1], its darkest pixel made 1
    shift: tuple[int, int]  # pixels down and to the right, by which `scaled` was moved out of the middle of 28 x 28
    digit: NDArray[np.float32]  # (28, 28) in [0, 1]


def to_mnist(ink: NDArray[Any]) -> NDArray[np.float32] | None:
    """The digit (28, 28) float32 in [0, 1] that the ink makes, or None where it is blank or a speck.

    `ink`: (H, W), 0 = paper and 255 = ink; any other number type and scale does too, for only the ratio to the
    darkest ink counts. What is under 0 is paper.
    The ink's box is made a square, averaged by area to 20 x 20, its darkest pixel made 1, and shifted by whole pixels
    to bring its centre of mass nearest to index 14, though never so far that ink would fall off the edge.

    Raises ValueError where `ink` is not a two-dimensional array of finite numbers, or has no pixels.
    """
    sketch = steps(ink)
    return None if sketch is None else sketch.digit


def steps(ink: NDArray[Any]) -> Sketch | None:
    """The steps of `to_mnist`, which takes the same ink, raises the same errors, and returns the last of them."""
    ink = np.asarray(ink)
    if ink.ndim != 2 or ink.size == 0 or ink.dtype.kind not in "buif":
        raise ValueError(f"ink must be an (H, W) array of numbers, not {ink.dtype} of shape {ink.shape}")
    if ink.dtype.kind == "f":
        if not np.isfinite(ink).all():
            raise ValueError("ink must hold finite numbers only")
        ink = np.maximum(ink, 0)  # what is far under 0 would overflow
        ink = ink / (float(ink.max()) or 1.0)  # for the darkest ink might be no float32
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
    """From where to where (exclusive) the brightest pixels of rows or columns are ink."""
    inked = np.flatnonzero(profile > FAINTEST * peak)
    return int(inked[0]), int(inked[-1]) + 1


@functools.lru_cache(maxsize=1024)
def _averaging(length: int, side: int) -> NDArray[np.float32]:
    """(20, length): what each of `length` pixels, in the middle of `side`, gives to each of 20 that span `side`."""
    start = -((side - length) // 2)
    edges = start + np.arange(BOX + 1) * (side / BOX)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: NDArray[np.float32] = (np.maximum(overlap, 0) * (BOX / side)).astype(np.float32)
    return weights


def _centred(box: NDArray[np.float32]) -> tuple[tuple[int, int], NDArray[np.float32]]:
    """The box (20, 20) where its centre of mass is in the middle of (28, 28), or as near to it as its ink fits.

    With it, how far down and to the right that is of where the box would lie in the middle.
    """
    (rows, y), (columns, x) = (_place(box.sum(axis=axis)) for axis in (1, 0))
    digit = np.zeros((SIDE, SIDE), np.float32)
    ink = box[rows, columns]
    digit[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    margin = (SIDE - BOX) // 2
    return (y - rows.start - margin, x - columns.start - margin), digit


def _place(profile: NDArray[np.float32]) -> tuple[slice, int]:
    """What part of rows or columns (20,) has ink, and at which of 28 that part begins."""
    inked = np.flatnonzero(profile)
    first, last = int(inked[0]), int(inked[-1])
    centre = float(profile @ np.arange(BOX, dtype=np.float32) / profile.sum())
    shift = round(CENTRE - round(centre, 3))  # rounded first, or the last bit would place what is symmetrical
    return slice(first, last + 1), min(max(first + shift, 0), SIDE - 1 - (last - first))
