"""Pen strokes drawn as ink: one renderer for the page, the templates, the benchmarks and the tests."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SUBPIXELS = 4  # positions of the brush within a pixel, each way
THINNEST = 0.1  # pixels: the least width of a line scaled by `fitted`
MAX_WIDTH_PIXELS = 1000  # pixels: the largest width of a line; a brush far wider would take gigabytes
ROUGHNESS = 0.1  # pixels by which the outline may fall short between two stamps
DISCS_KEPT = 2048  # more than all widths that clients can send need at all positions within a pixel

Path = NDArray[np.float64]  # (N, 2), x and y along a line


class Stroke(NamedTuple):
    """One line of the pen or the eraser."""

    points: NDArray[np.floating[Any]]  # (N, 2), x and y in canvas pixels, y down; (0, 0) is the canvas's corner
    width: float = 20.0  # of the line, canvas pixels
    erase: bool = False


def draw(strokes: Sequence[Stroke], side: int = 280, base: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return the ink (side, side) uint8, 255 = ink, of the strokes drawn one after the other on `base`.

    Lines have round caps and smooth edges. A stroke of one point is a dot, an empty stroke leaves nothing, and ink
    outside the canvas is cut off. `base` is ink (side, side); None is an empty canvas. `web/pad/strokes.js` draws the
    same ink in the browser, to the bit.

    Raises ValueError if a stroke's points are not (N, 2) finite numbers, or its width is not in (0, MAX_WIDTH_PIXELS].
    """
    margin = max((_disc_side(stroke.width) for stroke in strokes), default=0)
    canvas = np.zeros((side + 2 * margin, side + 2 * margin), np.uint8)
    paper = canvas[margin : margin + side, margin : margin + side]
    if base is not None:
        paper[:] = base
    for stroke in strokes:
        _stamp(canvas, margin, stroke)
    return paper.copy()


def brush_of(paths: Sequence[NDArray[np.floating[Any]]], share: float) -> float:
    """Return the brush width, in units of the paths, that is this share of the height of the drawing it makes."""
    width, height = np.ptp(np.concatenate(paths), axis=0).tolist()
    return share / (1 - share) * max(height, width / 2) or 1.0


def fitted(strokes: Sequence[Stroke], side: int, longest: float) -> list[Stroke]:
    """Return the same strokes, scaled and moved to the middle of a canvas with that side; at least one must be a pen's.

    `longest` is the longer side, in pixels, of the box around all ink, erased ink included. Brushes are scaled too.
    """
    pens = [stroke for stroke in strokes if not stroke.erase]
    points = np.concatenate([stroke.points for stroke in pens])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = longest / ((high - low).max() + max(stroke.width for stroke in pens))
    return [
        Stroke(
            (points - (low + high) / 2) * scale + side / 2, min(max(width * scale, THINNEST), MAX_WIDTH_PIXELS), erase
        )
        for points, width, erase in strokes
    ]


def _stamp(canvas: NDArray[np.uint8], margin: int, stroke: Stroke) -> None:
    """Stamp the brush along the stroke, on a canvas with a margin around it."""
    size, side = _disc_side(stroke.width), len(canvas) - 2 * margin
    corners = np.rint((_path(stroke, side) - size / 2) * SUBPIXELS).astype(np.int64)
    seen = ((corners > -size * SUBPIXELS) & (corners < side * SUBPIXELS)).all(axis=1)
    whole, part = np.divmod(corners[seen], SUBPIXELS)
    which = (part[:, 1] * SUBPIXELS + part[:, 0]).tolist()
    leave = np.minimum if stroke.erase else np.maximum
    brush = {one: ~_disc(stroke.width, one) if stroke.erase else _disc(stroke.width, one) for one in set(which)}
    for (x, y), one in zip((whole + margin).tolist(), which, strict=True):
        patch = canvas[y : y + size, x : x + size]
        leave(patch, brush[one], out=patch)


def _path(stroke: Stroke, side: int) -> Path:
    """Return points (N, 2) along the stroke, so close that discs stamped there look like one line.

    They lie at fixed steps from the start, plus one at the end, so a growing stroke keeps its earlier stamps.
    """
    points = np.asarray(stroke.points, dtype=np.float64)
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"a stroke's points must be (N, 2) finite numbers, not of shape {points.shape}")
    points = points.clip(-2 * side, 3 * side)  # so far outside, the place does not matter, but long lines cost time
    along = _along(points)
    chord = math.sqrt(4 * stroke.width * ROUGHNESS)  # a chord of this length is ROUGHNESS away from its arc
    step = max(chord, 1 / SUBPIXELS)  # closer stamps would fall on the same place
    return _at(np.append(step * np.arange(math.ceil(along[-1] / step)), along[-1]), along, points)


def evenly(path: Path, count: int) -> Path:
    """Return `count` points (count, 2) at equal distances along the path (N, 2)."""
    along = _along(path)
    return _at(np.linspace(0, along[-1], count), along, path)


def _along(path: Path) -> NDArray[np.float64]:
    """Return the distance (N,) of each point of the path (N, 2) from its start.

    `hypot` is avoided because browsers round it differently.
    """
    return np.concatenate([[0.0], np.sqrt(np.square(np.diff(path, axis=0)).sum(axis=1)).cumsum()])


def _at(stops: NDArray[np.float64], along: NDArray[np.float64], path: Path) -> Path:
    """Return the points (M, 2) of the path (N, 2) at the distances `stops` (M,); `along` is `_along(path)`."""
    return np.stack([np.interp(stops, along, path[:, axis]) for axis in (0, 1)], axis=1)


def _disc_side(width: float) -> int:
    """Return the side, in pixels, of a square that holds the disc at any position within a pixel."""
    if not 0 < width <= MAX_WIDTH_PIXELS:
        raise ValueError(f"a stroke's width must be above 0 and at most {MAX_WIDTH_PIXELS}, not {width}")
    return math.ceil(width) + 2


@functools.lru_cache(maxsize=DISCS_KEPT)
def _disc(width: float, which: int) -> NDArray[np.uint8]:
    """Return the brush (side, side), 255 within, at one of the SUBPIXELS ** 2 positions, counted row by row."""
    side = _disc_side(width)
    y, x = ((np.arange(side) + 0.5 - (side / 2 + part / SUBPIXELS)) ** 2 for part in divmod(which, SUBPIXELS))
    distances = np.sqrt(y[:, None] + x)
    disc: NDArray[np.uint8] = np.rint(255 * (width / 2 + 0.5 - distances).clip(0, 1)).astype(np.uint8)
    return disc
