"""Pen strokes become ink: one renderer for the page, the templates, the benchmarks and the tests.

Knows: how a round brush leaves ink along a path, and how handwriting varies around a template. Does not know:
networks, or what becomes of the ink.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_demo.drawing import SIDE, to_mnist
from mnist_demo.templates import DIGITS

SUBPIXELS = 4  # places within a pixel, each way, that the brush is set down at
ROUGHNESS = 0.1  # pixels by which the outline may fall short between two places
CANVAS, HEIGHT = 96, 80  # pixels: what templates are drawn on, and how high; four to one pixel of the digit
THINNEST, THICKEST = 1 / 20, 1 / 4  # brushes, of the digit's height
SHARES = (0.08, 0.15, 0.08, 0.09, 0.13, 0.08, 0.08, 0.12, 0.06, 0.13)  # of the digits, 0 to 9, in `handwriting`
CURVE_STEPS = 6  # points of the curve for each that a template gives
BETWEEN = 0.6  # share of handwriting that is between two templates, where there are such as are alike
ALIKE = 0.25  # of a template's box: how far apart two that are alike may lie, on average over their lines

Path = NDArray[np.float64]  # (N, 2), x and y, the template's box being 0 to 1


class Stroke(NamedTuple):
    """One line of the pen, or of the eraser."""

    points: NDArray[np.float32]  # (N, 2), x and y in canvas pixels, y down; (0, 0) is the canvas's corner
    width: float = 20.0  # of the line, canvas pixels
    erase: bool = False


def draw(strokes: Sequence[Stroke], side: int = 280, base: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """The ink (side, side), 255 = ink, that the strokes leave one after the other; round caps, smooth edges.

    They are drawn upon `base`, ink (side, side), where there is one.

    A stroke of one point is a dot, one of none leaves nothing, and what is outside the canvas is cut off.

    Raises ValueError where a stroke's points are not (N, 2) finite numbers, or its width is not above 0.
    """
    margin = max((_disc_side(stroke.width) for stroke in strokes), default=0)
    canvas = np.zeros((side + 2 * margin, side + 2 * margin), np.uint8)
    paper = canvas[margin : margin + side, margin : margin + side]
    if base is not None:
        paper[:] = base
    for stroke in strokes:
        _stamp(canvas, margin, stroke)
    return paper.copy()


def _stamp(canvas: NDArray[np.uint8], margin: int, stroke: Stroke) -> None:
    """Sets the brush down along the stroke, on a canvas that has a margin around it."""
    size, discs = _disc_side(stroke.width), _discs(stroke.width, stroke.erase)
    leave = np.minimum if stroke.erase else np.maximum
    corners = _path(stroke, len(canvas)) + (margin - size / 2)
    places = np.rint(corners * SUBPIXELS).astype(np.int64)
    seen = ((places >= 0) & (places < (len(canvas) - margin) * SUBPIXELS)).all(axis=1)
    whole, part = np.divmod(places[seen], SUBPIXELS)
    for (x, y), which in zip(whole.tolist(), (part[:, 1] * SUBPIXELS + part[:, 0]).tolist(), strict=True):
        patch = canvas[y : y + size, x : x + size]
        leave(patch, discs[which], out=patch)


def _path(stroke: Stroke, side: int) -> NDArray[np.float64]:
    """Points (N, 2) along the stroke, near enough to each other that discs set down there look like one line."""
    points = np.asarray(stroke.points, dtype=np.float64)
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"a stroke's points must be (N, 2) finite numbers, not of shape {points.shape}")
    points = points.clip(-2 * side, 3 * side)  # far outside: where exactly is of no matter, but steps are
    along = _along(points)
    step = math.sqrt(4 * stroke.width * ROUGHNESS)  # a chord of that length is ROUGHNESS away from its circle's top
    return _resampled(points, along, math.ceil(along[-1] / step) + 1)


def _along(path: Path) -> NDArray[np.float64]:
    """(N,): how far along the line each of its N points lies."""
    return np.concatenate([[0.0], np.hypot(*np.diff(path, axis=0).T).cumsum()])


def _resampled(path: Path, along: NDArray[np.float64], count: int) -> Path:
    """The same line by `count` points, as far from each other along it; `along` is the path's `_along`."""
    stops = np.linspace(0, along[-1], count)
    return np.stack([np.interp(stops, along, path[:, axis]) for axis in (0, 1)], axis=1)


def _disc_side(width: float) -> int:
    """Pixels a side of the square that holds a disc wherever within a pixel it lies."""
    if not 0 < width < math.inf:
        raise ValueError(f"a stroke's width must be a number above 0, not {width}")
    return math.ceil(width) + 2


@functools.lru_cache(maxsize=64)
def _discs(width: float, erase: bool) -> NDArray[np.uint8]:
    """The brush (SUBPIXELS ** 2, side, side) at each place within a pixel: 255 within, or 0 within where it erases."""
    side = _disc_side(width)
    offsets = side / 2 + np.arange(SUBPIXELS) / SUBPIXELS
    squares = (np.arange(side) + 0.5 - offsets[:, None]) ** 2  # (SUBPIXELS, side)
    distances = np.sqrt(squares[:, None, :, None] + squares[None, :, None, :])  # (SUBPIXELS, SUBPIXELS, side, side)
    discs: NDArray[np.uint8] = np.rint(255 * (width / 2 + 0.5 - distances).clip(0, 1)).astype(np.uint8)
    return (255 - discs if erase else discs).reshape(-1, side, side)


def handwriting(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits (count, 28, 28) uint8 and what they are (count,) int64: templates bent at random, then drawn."""
    random = np.random.default_rng(seed)
    labels = random.choice(10, size=count, p=SHARES)
    images = [picture(random, write(random, label)) for label in labels.tolist()]
    return np.array(images, np.uint8).reshape(count, SIDE, SIDE), labels


def write(random: np.random.Generator, digit: int) -> list[Path]:
    """That digit in one of the ways people write it, or in one between two that are alike."""
    templates = DIGITS[digit]
    number = random.integers(len(templates))
    others = alike(digit)[number]
    is_between = others and random.random() < BETWEEN
    return bend(random, templates[number], others[random.integers(len(others))] if is_between else None)


def bend(random: np.random.Generator, template: str, other: str | None = None) -> list[Path]:
    """The template, a text as `templates` describes it, as one more hand would draw it: a path for each stroke.

    Its points are moved a little; where another template of as many strokes is given, it comes to lie somewhere
    between the two. Its whole is turned, slanted, widened and waved, its strokes' ends are cut.
    """
    paths = _moved(random, template)
    if other is not None:
        share = random.random()
        paths = [_mixed(one, two, share) for one, two in zip(paths, _moved(random, other), strict=True)]
    path = np.concatenate(paths) @ _affine(random).T
    waves = random.normal(0, 0.7, (2, 2)) * 2 * np.pi  # cycles per height, x and y of two waves
    path += random.normal(0, 0.03, 2) * np.sin(path @ waves + random.uniform(0, 2 * np.pi, 2))
    lifts = np.cumsum([len(stroke) for stroke in paths])[:-1]
    return [_cut(random, stroke) for stroke in np.split(path, lifts)]


@functools.cache
def alike(digit: int) -> list[list[str]]:
    """For each template of that digit, those of its others that have as many strokes and run much the same way."""
    templates = DIGITS[digit]
    lines = [[evenly(stroke, 40) for stroke in _shape(text).strokes()] for text in templates]
    return [
        [text for text, its in zip(templates, lines, strict=True) if its is not own and _distance(own, its) < ALIKE]
        for own in lines
    ]


def evenly(path: Path, count: int) -> Path:
    """The same line by `count` points, as far from each other along it."""
    return _resampled(path, _along(path), count)


def picture(random: np.random.Generator, paths: Sequence[Path], thickest: float = THICKEST) -> NDArray[np.uint8]:
    """The paths drawn with a random brush, as large as the canvas allows, and made a digit (28, 28).

    `thickest`: what share of their height the brush may be at most.
    """
    everything = np.concatenate(paths)
    low, high = everything.min(axis=0), everything.max(axis=0)
    longer, height = (high - low).max(), (high - low)[1]
    share = random.uniform(THINNEST, thickest)
    brush = share / (1 - share) * max(height, longer / 2)  # in units of the path, for now
    scale = HEIGHT / (longer + brush)
    strokes = [Stroke((path - (low + high) / 2) * scale + CANVAS / 2, brush * scale) for path in paths]
    digit = to_mnist(draw(strokes, CANVAS))
    assert digit is not None  # for it is as large as the canvas
    return np.rint(digit * 255).astype(np.uint8)


def smooth(times: Sequence[int]) -> NDArray[np.float64]:
    """(N, P): a Catmull-Rom spline through P points, each taken that many times; twice makes a corner."""
    taken = np.repeat(np.eye(len(times)), times, axis=0)
    around = np.concatenate([taken[:1], taken, taken[-1:]])
    before, start, end, after = around[:-3, None], around[1:-2, None], around[2:-1, None], around[3:, None]
    t = np.linspace(0, 1, CURVE_STEPS, endpoint=False)[:, None]
    away, towards = (end - before) / 2, (after - start) / 2
    hermite = (
        (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * away
        + (3 * t**2 - 2 * t**3) * end + (t**3 - t**2) * towards
    )  # fmt: skip
    return np.concatenate([hermite.reshape(-1, len(times)), taken[-1:]])


def _moved(random: np.random.Generator, template: str) -> list[Path]:
    """The template's strokes, its points moved a little."""
    shape = _shape(template)
    return shape.strokes(random.normal(0, 0.02, shape.points.shape))


def _mixed(one: Path, two: Path, share: float) -> Path:
    """The line that lies that share of the way from one to the other."""
    count = max(len(one), len(two))
    return (1 - share) * evenly(one, count) + share * evenly(two, count)


def _distance(one: Sequence[Path], two: Sequence[Path]) -> float:
    """The mean distance between lines of as many points each; infinite where one has more lines than the other."""
    return float(np.hypot(*(np.array(one) - two).T).mean()) if len(one) == len(two) else math.inf


class _Shape(NamedTuple):
    """A template, ready to be bent."""

    points: Path  # (P, 2), what the template gives
    curve: NDArray[np.float64]  # (N, P), the curve's points as mixtures of those
    lifts: list[int]  # where, among N, a new stroke begins

    def strokes(self, moves: Path | float = 0.0) -> list[Path]:
        """The curve, a path for each stroke, its points moved by `moves` (P, 2)."""
        return np.split(self.curve @ (self.points + moves), self.lifts)


@functools.cache
def _shape(text: str) -> _Shape:
    """A template's text, as `templates` describes it, made numbers."""
    strokes = [stroke.split() for stroke in text.split("/")]
    points = [[float(number) / 100 for number in point.strip("!").split(",")] for stroke in strokes for point in stroke]
    curves = [smooth([1 + point.endswith("!") for point in stroke]) for stroke in strokes]
    lifts = np.cumsum([len(curve) for curve in curves])[:-1].tolist()
    rows = np.zeros((sum(len(curve) for curve in curves), len(points)))
    row = column = 0
    for curve in curves:
        rows[row : row + curve.shape[0], column : column + curve.shape[1]] = curve
        row, column = row + curve.shape[0], column + curve.shape[1]
    return _Shape(np.array(points), rows, lifts)


def _affine(random: np.random.Generator) -> NDArray[np.float64]:
    """A matrix (2, 2) that turns, slants and widens as handwriting differs."""
    turn, slant, widen = random.normal(0, [0.12, 0.2, 0.18])
    cos, sin = math.cos(turn), math.sin(turn)
    slanted = np.array([[math.exp(widen), -slant], [0, 1]])
    turned: NDArray[np.float64] = np.array([[cos, -sin], [sin, cos]]) @ slanted
    return turned


def _cut(random: np.random.Generator, stroke: Path) -> Path:
    """The stroke without up to a tenth at either end, or half of its template's first or last line if that is less."""
    first, last = (random.uniform(0, 0.1, 2) * len(stroke)).astype(int).clip(max=CURVE_STEPS // 2)
    return stroke[first : len(stroke) - last]
