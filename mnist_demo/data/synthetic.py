"""Synthetic digits: templates varied as handwriting varies, for styles that MNIST has few of."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_demo.data.stroke_file import Handwritten
from mnist_demo.data.templates import DIGITS
from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.ink.strokes import Path, Stroke, brush_of, draw, evenly, fitted

CANVAS, HEIGHT = 96, 80  # pixels: the canvas, and a drawing's height on it; four pixels make one of the digit
THINNEST, THICKEST = 1 / 20, 1 / 4  # brushes, of the digit's height
SHARES = (0.08, 0.18, 0.08, 0.08, 0.12, 0.08, 0.08, 0.12, 0.06, 0.12)  # of the digits, 0 to 9, in `handwriting`
CURVE_STEPS = 6  # points of the curve for each point of a template
BETWEEN = 0.6  # share of digits drawn between two templates, if their template has similar ones
ALIKE = 0.25  # of a template's box: similar templates have a smaller mean distance between their lines


def handwriting(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return synthetic digits (count, 28, 28) uint8 and their labels (count,) int64: templates bent at random, then
    drawn.
    """
    random = np.random.default_rng(seed)
    labels = random.choice(10, size=count, p=SHARES)
    images = [picture(random, write(random, label)) for label in labels.tolist()]
    return np.array(images, np.uint8).reshape(count, SIDE, SIDE), labels


def write(random: np.random.Generator, digit: int) -> list[Path]:
    """Return the paths of that digit, from one of its templates or from between two similar ones."""
    templates = DIGITS[digit]
    number = random.integers(len(templates))
    others = alike(digit)[number]
    is_between = others and random.random() < BETWEEN
    return bend(random, templates[number], others[random.integers(len(others))] if is_between else None)


def bend(random: np.random.Generator, template: str, other: str | None = None) -> list[Path]:
    """Return a path for each stroke of a template (a string as `templates` describes it), varied as handwriting varies.

    Its points are moved a little. If another template with as many strokes is given, the result lies somewhere between
    the two. The whole is then turned, slanted, widened and waved, and the ends of its strokes are cut.
    """
    paths = _moved(random, template)
    if other is not None:
        share = random.random()
        paths = [_mixed(one, two, share) for one, two in zip(paths, _moved(random, other), strict=True)]
    return [_cut(random, stroke) for stroke in _waved(random, paths)]


@functools.cache
def alike(digit: int) -> list[list[str]]:
    """Return for each template of that digit its other templates with as many strokes that run in much the same way."""
    templates = DIGITS[digit]
    lines = [[evenly(stroke, 40) for stroke in _shape(text).strokes()] for text in templates]
    return [
        [text for text, its in zip(templates, lines, strict=True) if its is not own and _distance(own, its) < ALIKE]
        for own in lines
    ]


def picture(random: np.random.Generator, paths: Sequence[Path], thickest: float = THICKEST) -> NDArray[np.uint8]:
    """Draw the paths with a random brush, as large as the canvas allows, and return the digit (28, 28) uint8.

    `thickest` is the largest width of the brush, as a share of the height of the paths.
    """
    brush = brush_of(paths, random.uniform(THINNEST, thickest))
    return drawn([Stroke(path, brush) for path in paths])


def drawn(strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """Return the digit (28, 28) uint8 that the strokes make; they must leave ink."""
    digit = _digit(strokes)
    assert digit is not None  # drawn as large as the canvas allows, it is not a speck
    return digit


def redrawn(written: Sequence[Handwritten], count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return variations of handwritten digits: `count` of them, or one of each if that is more.

    Returns images (N, 28, 28) uint8 and labels (N,) int64. Each digit is turned, slanted, widened and waved as
    templates are, and drawn with a random brush, or with its own brushes if some of its strokes erase.
    """
    random = np.random.default_rng(seed)
    chosen = [written[number % len(written)] for number in range(max(count, len(written)))] if written else []
    images = [_rewritten(random, digit.strokes) for digit in chosen]
    labels = np.array([digit.label for digit in chosen], np.int64)
    return np.array(images, np.uint8).reshape(len(chosen), SIDE, SIDE), labels


def _rewritten(random: np.random.Generator, strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """Return one variation (28, 28) uint8 of a handwritten digit."""
    paths = [stroke.points for stroke in strokes]
    low, size = np.concatenate(paths).min(axis=0), max(np.ptp(np.concatenate(paths), axis=0).max(), 1e-6)
    bent = _waved(random, [(path - low) / size for path in paths])
    brush = brush_of(bent, random.uniform(THINNEST, THICKEST))
    again = [Stroke(path, brush) for path in bent]
    if any(stroke.erase for stroke in strokes):
        again = [Stroke(path, width / size, erase) for path, (_, width, erase) in zip(bent, strokes, strict=True)]
    digit = _digit(again)
    return drawn(strokes) if digit is None else digit  # unchanged, if the variation erased all its ink


def _digit(strokes: Sequence[Stroke]) -> NDArray[np.uint8] | None:
    """Draw the strokes as large as the canvas allows; return the digit (28, 28) uint8, or None if no ink is left."""
    digit = to_mnist(draw(fitted(strokes, CANVAS, HEIGHT), CANVAS))
    return None if digit is None else np.rint(digit * 255).astype(np.uint8)


def smooth(times: Sequence[int]) -> NDArray[np.float64]:
    """Return the matrix (N, P) of a Catmull-Rom spline through P points, each repeated as `times` says; 2 makes a
    corner.
    """
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


def _waved(random: np.random.Generator, paths: Sequence[Path]) -> list[Path]:
    """Turn, slant, widen and wave paths together; their box is about 1 x 1."""
    path = np.concatenate(paths) @ _affine(random).T
    waves = random.normal(0, 0.7, (2, 2)) * 2 * np.pi  # cycles per height, x and y of two waves
    path += random.normal(0, 0.03, 2) * np.sin(path @ waves + random.uniform(0, 2 * np.pi, 2))
    lifts = np.cumsum([len(stroke) for stroke in paths])[:-1]
    return np.split(path, lifts)


def _moved(random: np.random.Generator, template: str) -> list[Path]:
    """Return the template's strokes with each point moved a little."""
    shape = _shape(template)
    return shape.strokes(random.normal(0, 0.02, shape.points.shape))


def _mixed(one: Path, two: Path, share: float) -> Path:
    """Return the path that lies this share of the way from one path to the other."""
    count = max(len(one), len(two))
    return (1 - share) * evenly(one, count) + share * evenly(two, count)


def _distance(one: Sequence[Path], two: Sequence[Path]) -> float:
    """Return the mean distance between the lines of two drawings, or infinity if one has more lines than the other."""
    return float(np.hypot(*(np.array(one) - two).T).mean()) if len(one) == len(two) else math.inf


class _Shape(NamedTuple):
    """A template as numbers, ready to be bent."""

    points: Path  # (P, 2), those of the template
    curve: NDArray[np.float64]  # (N, P), the curve's points as mixtures of the template's
    lifts: list[int]  # the indices, among N, at which a new stroke begins

    def strokes(self, moves: Path | float = 0.0) -> list[Path]:
        """Return a path for each stroke of the curve, with the template's points moved by `moves` (P, 2)."""
        return np.split(self.curve @ (self.points + moves), self.lifts)


@functools.cache
def _shape(text: str) -> _Shape:
    """Parse a template, a string as `templates` describes it."""
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
    """Return a random matrix (2, 2) that turns, slants and widens as handwriting varies."""
    turn, slant, widen = random.normal(0, [0.12, 0.2, 0.18])
    cos, sin = math.cos(turn), math.sin(turn)
    slanted = np.array([[math.exp(widen), -slant], [0, 1]])
    turned: NDArray[np.float64] = np.array([[cos, -sin], [sin, cos]]) @ slanted
    return turned


def _cut(random: np.random.Generator, stroke: Path) -> Path:
    """Cut up to a tenth off either end of the stroke, but at most half of its template's first or last line."""
    first, last = (random.uniform(0, 0.1, 2) * len(stroke)).astype(int).clip(max=CURVE_STEPS // 2)
    return stroke[first : len(stroke) - last]
