"""How handwriting varies around a template: digits for a network to learn from, that MNIST has little of.

Knows: how a hand bends, mixes, cuts and draws a template. Does not know: what the templates show, or networks.
"""

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

CANVAS, HEIGHT = 96, 80  # pixels: what templates are drawn on, and how high; four to one pixel of the digit
THINNEST, THICKEST = 1 / 20, 1 / 4  # brushes, of the digit's height
SHARES = (0.08, 0.18, 0.08, 0.08, 0.12, 0.08, 0.08, 0.12, 0.06, 0.12)  # of the digits, 0 to 9, in `handwriting`
CURVE_STEPS = 6  # points of the curve for each that a template gives
BETWEEN = 0.6  # share of handwriting that is between two templates, where there are such as are alike
ALIKE = 0.25  # of a template's box: how far apart two that are alike may lie, on average over their lines


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
    return [_cut(random, stroke) for stroke in _waved(random, paths)]


@functools.cache
def alike(digit: int) -> list[list[str]]:
    """For each template of that digit, those of its others that have as many strokes and run much the same way."""
    templates = DIGITS[digit]
    lines = [[evenly(stroke, 40) for stroke in _shape(text).strokes()] for text in templates]
    return [
        [text for text, its in zip(templates, lines, strict=True) if its is not own and _distance(own, its) < ALIKE]
        for own in lines
    ]


def picture(random: np.random.Generator, paths: Sequence[Path], thickest: float = THICKEST) -> NDArray[np.uint8]:
    """The paths drawn with a random brush, as large as the canvas allows, and made a digit (28, 28).

    `thickest`: what share of their height the brush may be at most.
    """
    brush = brush_of(paths, random.uniform(THINNEST, thickest))
    return drawn([Stroke(path, brush) for path in paths])


def drawn(strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """The digit (28, 28) that the strokes make; they must leave ink."""
    digit = _digit(strokes)
    assert digit is not None  # for it is as large as the canvas
    return digit


def redrawn(written: Sequence[Handwritten], count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What people wrote, as the same hands would write it again: so many digits, or one of each if that is more.

    Images (count, 28, 28) uint8 and what they are (count,) int64. Each digit is turned, slanted, widened and waved as
    templates are, and drawn with a random brush; or with its own, where some of its strokes erase.
    """
    random = np.random.default_rng(seed)
    chosen = [written[number % len(written)] for number in range(max(count, len(written)))] if written else []
    images = [_rewritten(random, digit.strokes) for digit in chosen]
    labels = np.array([digit.label for digit in chosen], np.int64)
    return np.array(images, np.uint8).reshape(len(chosen), SIDE, SIDE), labels


def _rewritten(random: np.random.Generator, strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """One digit written again."""
    paths = [stroke.points for stroke in strokes]
    low, size = np.concatenate(paths).min(axis=0), max(np.ptp(np.concatenate(paths), axis=0).max(), 1e-6)
    bent = _waved(random, [(path - low) / size for path in paths])
    brush = brush_of(bent, random.uniform(THINNEST, THICKEST))
    again = [Stroke(path, brush) for path in bent]
    if any(stroke.erase for stroke in strokes):
        again = [Stroke(path, width / size, erase) for path, (_, width, erase) in zip(bent, strokes, strict=True)]
    digit = _digit(again)
    return drawn(strokes) if digit is None else digit  # where all came to be erased, as it was


def _digit(strokes: Sequence[Stroke]) -> NDArray[np.uint8] | None:
    """The strokes drawn as large as the canvas allows, and made a digit (28, 28); None where they leave nothing."""
    digit = to_mnist(draw(fitted(strokes, CANVAS, HEIGHT), CANVAS))
    return None if digit is None else np.rint(digit * 255).astype(np.uint8)


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


def _waved(random: np.random.Generator, paths: Sequence[Path]) -> list[Path]:
    """Paths in a box of about 1 x 1, as a whole turned, slanted, widened and waved."""
    path = np.concatenate(paths) @ _affine(random).T
    waves = random.normal(0, 0.7, (2, 2)) * 2 * np.pi  # cycles per height, x and y of two waves
    path += random.normal(0, 0.03, 2) * np.sin(path @ waves + random.uniform(0, 2 * np.pi, 2))
    lifts = np.cumsum([len(stroke) for stroke in paths])[:-1]
    return np.split(path, lifts)


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
