"""Synthetic drawings that are not digits, so that a network learns to reject what it does not recognise.

The shapes that `benchmarks.unknown` measures rejection on are kept out of this module and out of the templates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_demo.data.synthetic import bend, picture, smooth, write
from mnist_demo.data.templates import OTHERS
from mnist_demo.ink.preprocess import SIDE
from mnist_demo.ink.strokes import Path

THICKEST = 1 / 5  # of a drawing's height: with a thicker brush, a letter looks like a digit drawn small on the pad


def non_digits(count: int, seed: int) -> NDArray[np.uint8]:
    """Return drawings (count, 28, 28) uint8 of letters, signs, things, turned or overlaid digits, and scribbles.

    A network trained on them as outliers learns to reject drawings (Hendrycks et al. 2019, arXiv:1812.04606).
    """
    random = np.random.default_rng(seed)
    kinds = random.choice(len(_KINDS), size=count, p=[share for _, share in _KINDS])
    images = [picture(random, _KINDS[kind][0](random), THICKEST) for kind in kinds.tolist()]
    return np.array(images, np.uint8).reshape(count, SIDE, SIDE)


def non_digit(random: np.random.Generator) -> list[Path]:
    """Return one such drawing as a pen's paths, in a box of about 1 x 1."""
    kind = int(random.choice(len(_KINDS), p=[share for _, share in _KINDS]))
    return _KINDS[kind][0](random)


def _sign(random: np.random.Generator) -> list[Path]:
    """Draw a letter, a sign or a thing."""
    return bend(random, OTHERS[random.integers(len(OTHERS))])


def _turned(random: np.random.Generator) -> list[Path]:
    """Draw a digit turned by a quarter; only digits that no longer look like digits then."""
    digit = (2, 3, 4, 5, 6, 7, 9)[random.integers(7)]
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]]) * random.choice([-1, 1])
    return [path @ quarter for path in write(random, digit)]


def _overlaid(random: np.random.Generator) -> list[Path]:
    """Draw two digits on top of each other; never a 1, which the other could hide."""
    one, other = random.choice([0, 2, 3, 4, 5, 6, 7, 8, 9], size=2, replace=False).tolist()
    over = write(random, other)
    return write(random, one) + _shifted(over, random.uniform(-0.35, 0.35, 2))


def _stacked(random: np.random.Generator) -> list[Path]:
    """Draw a digit above another."""
    one, other = random.integers(10, size=2).tolist()
    below = write(random, other)
    return write(random, one) + _shifted(below, np.array([random.uniform(-0.2, 0.2), 1.15]))


def _covered(random: np.random.Generator) -> list[Path]:
    """Draw a digit with a sign over it."""
    digit = write(random, int(random.integers(10)))
    return digit + _shifted(_sign(random), random.uniform(-0.3, 0.3, 2))


def _scribble(random: np.random.Generator) -> list[Path]:
    """Draw one long line back and forth, round or with corners."""
    points = random.uniform(size=(random.integers(7, 20), 2))
    points[::2] += random.normal(0, 0.4, 2)
    times = int(random.integers(1, 3))
    return [smooth([times] * len(points)) @ points]


def _lines(random: np.random.Generator) -> list[Path]:
    """Draw some short lines in random places, straight or bent."""
    return [smooth([1] * 3) @ random.uniform(size=(3, 2)) for _ in range(random.integers(4, 8))]


def _glyph(random: np.random.Generator) -> list[Path]:
    """Draw a letter of no alphabet: three or four strokes, straight or bent, between nine places."""
    return [_arc(random, *random.integers(3, size=(2, 2)) / 2) for _ in range(random.integers(3, 5))]


def _arc(random: np.random.Generator, start: Path, end: Path) -> Path:
    """Draw a line from `start` towards `end` (2,), straight as often as bent, and missing the end by a little."""
    bulge = random.choice([0, 0, 0.25, 0.5]) * random.choice([-1, 1])
    along = end - start + random.normal(0, 0.06, 2)
    middle = start + along / 2 + bulge * along[::-1] * [1, -1]
    path: Path = smooth([1, 1, 1]) @ np.stack([start, middle, start + along])
    return path


def _coil(random: np.random.Generator) -> list[Path]:
    """Draw loops along a line, as one does to try out a pen."""
    turned = np.linspace(0, 2 * np.pi * random.uniform(3, 6), 100)[:, None]
    circles = np.concatenate([np.cos(turned), random.choice([-1, 1]) * np.sin(turned)], axis=1)
    drift = random.uniform(0.03, 0.06) * np.array([np.cos(angle := random.uniform(0, 2 * np.pi)), np.sin(angle)])
    return [circles * random.uniform(0.3, 0.5, 2) + turned * drift]


def _polygon(random: np.random.Generator) -> list[Path]:
    """Draw a closed figure with five to eight random corners."""
    corners = random.uniform(size=(random.integers(5, 9), 2))
    return [np.concatenate([corners, corners[:1]])]


def _dots(random: np.random.Generator) -> list[Path]:
    """Draw dots or short dashes."""
    places = random.uniform(size=(random.integers(3, 9), 1, 2))
    return list(places + random.normal(0, 0.03, (len(places), 2, 2)))


def _marked(random: np.random.Generator) -> list[Path]:
    """Draw a digit with a dot or dash beside, above or below it; never below a 2 or a 7, which look like question
    marks.
    """
    digit = int(random.integers(10))
    sides = [(1.1, 0.2), (-0.25, 0.5), (1.1, 0.8), (0.5, -0.25), (0.5, 1.25)][: 4 if digit in (2, 7) else 5]
    reach = random.choice([0.04, 0.15])
    mark = np.array(sides[random.integers(len(sides))]) + _arc(random, *random.uniform(-reach, reach, (2, 2)))
    return [*write(random, digit), mark]


def _framed(random: np.random.Generator) -> list[Path]:
    """Draw a digit in a frame."""
    frame = _FRAMES[random.integers(len(_FRAMES))]
    digit = random.choice([0, 2, 3, 4, 5, 6, 7, 8, 9])  # no 1: with lines above and below, it is still a 1
    return write(random, int(digit)) + [(path - 0.5) * 1.7 + 0.5 for path in bend(random, frame)]


def _shifted(paths: Sequence[Path], by: NDArray[np.float64]) -> list[Path]:
    return [path + by for path in paths]


_FRAMES = (  # a box, a ring, lines above and below, brackets
    "2,2 98,2! 98,98! 2,98! 2,2",
    "50,2 14,14 2,50 14,86 50,98 86,86 98,50 86,14 50,2",
    "2,2 98,2 / 2,98 98,98",
    "20,2 2,30 2,70 20,98 / 80,2 98,30 98,70 80,98",
)
_KINDS = (  # kinds and their shares
    (_sign, 0.53),
    (_turned, 0.04),
    (_overlaid, 0.05),
    (_stacked, 0.03),
    (_covered, 0.06),
    (_marked, 0.07),
    (_scribble, 0.05),
    (_coil, 0.03),
    (_lines, 0.03),
    (_framed, 0.03),
    (_glyph, 0.04),
    (_polygon, 0.03),
    (_dots, 0.01),
)
