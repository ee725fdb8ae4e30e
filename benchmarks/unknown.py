"""Non-digits of kinds that are never in the training data, on which `benchmarks.drawings` measures rejection."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnist_demo.data.synthetic import bend, write

Random = np.random.Generator
Paths = list[NDArray[np.float64]]  # one (N, 2) a stroke

# Two templates for each kind; `mnist_demo.data.templates` describes their format.
SIGNS: dict[str, tuple[str, str]] = {
    "G": (
        "80,20 54,4 24,20 12,52 26,86 54,97 80,84 82,54! 54,54",
        "78,16 46,4 16,34 18,76 48,97 80,80! 80,52! 54,52! 80,52! 80,98",
    ),
    "P": ("24,98 24,4! 62,4 80,26 62,48 24,50", "26,4 26,98 / 26,6 70,4 82,28 60,50 26,50"),
    "Y": ("10,2 50,48! 90,2 / 50,48 50,98", "12,2 50,50 / 88,2 30,98"),
    "h": ("24,2 24,98! 26,56 50,40 72,54 74,98", "30,2 20,98! 28,56 54,42 70,58 66,98"),
    "n": ("20,30 20,98! 22,50 50,32 76,46 78,98", "12,36 22,32! 22,96! 26,52 54,34 72,50 70,90 86,96"),
    "r": ("30,30 30,98! 32,54 50,34 76,36", "26,32 32,98! 36,56 56,36 78,42"),
    "t": ("48,4 48,84 60,97 78,90 / 20,32 78,32", "46,2 46,98 / 22,36 72,34"),
    "w": ("8,30 28,92! 50,40! 72,92! 92,30", "8,32 14,84 34,92 48,70! 48,36! 52,84 72,94 88,74 90,30"),
    "circle with a cross": (
        "50,2 16,16 2,50 16,84 50,98 84,84 98,50 84,16 50,2 / 50,2 50,98 / 2,50 98,50",
        "50,2 16,16 2,50 16,84 50,98 84,84 98,50 84,16 50,2 / 18,18 82,82 / 82,18 18,82",
    ),
    "diamond": ("50,2 90,50! 50,98! 10,50! 50,2", "50,2 78,50! 50,98! 22,50! 50,2"),
    "question mark": (
        "18,24 34,4 62,4 78,24 66,46 50,58 50,74 / 50,94 51,97",
        "22,30 26,8 56,2 74,22 52,48 48,72 / 48,92 50,96",
    ),
    "tick": ("6,56 34,92! 94,8", "14,60 30,88! 80,20"),
    "moon": (
        "64,4 26,22 14,54 30,86 66,97! 44,74 40,46 50,20 64,4",
        "40,2 74,22 84,54 68,86 32,97! 56,72 60,44 52,18 40,2",
    ),
    "leaf": (
        "12,90 20,40 50,14 90,8! 84,50 58,80 12,90 / 4,98 70,30",
        "50,2 20,36 22,68 50,86 78,68 80,36 50,2 / 50,22 50,98",
    ),
    "cat's face": (
        "20,44 16,8! 38,26 62,26! 84,8! 80,44 84,70 50,96 16,70 20,44 / 36,50 36,56 / 64,50 64,56 / 44,72 50,78 56,72",
        "50,24 20,36 14,66 34,92 66,92 86,66 80,36 50,24 / 22,36 20,6! 40,26 / 60,26 80,6! 78,36"
        " / 38,56 38,60 / 62,56 62,60",
    ),
}


def sign(random: Random, name: str) -> Paths:
    """Draw that sign in one of the ways people draw it."""
    return bend(random, SIGNS[name][random.integers(len(SIGNS[name]))])


def digit(random: Random) -> Paths:
    """Draw any digit in one of the ways people write it."""
    return write(random, int(random.integers(10)))


def closed_scribble(random: Random) -> Paths:
    """Draw a line round and round, back to where it began."""
    waves = np.arange(1, 9)
    angles = np.linspace(0, 2 * np.pi, 120)[:, None] * waves + random.uniform(0, 2 * np.pi, (2, 1, len(waves)))
    around = (np.sin(angles) @ (random.normal(size=(2, len(waves), 1)) / np.sqrt(waves)[:, None]))[..., 0].T
    return [np.concatenate([around, around[:1]])]


def side_by_side(random: Random) -> Paths:
    """Draw two digits, as in 42."""
    left, right = digit(random), digit(random)
    apart = np.concatenate(left)[:, 0].max() - np.concatenate(right)[:, 0].min() + random.uniform(0.15, 0.35)
    return left + [path + np.array([apart, 0]) for path in right]


def struck_out(random: Random) -> Paths:
    """Draw a digit with one or two long lines through it."""
    rise, other = random.uniform(0.25, 0.6) * random.choice([-1, 1], 2)
    lines = [np.array([[-0.15, 0.5 + rise], [1.05, 0.5 - rise]]), np.array([[-0.15, 0.5 + other], [1.05, 0.5 - other]])]
    return digit(random) + lines[: random.integers(1, 3)]


UNKNOWN: dict[str, Callable[[Random], Paths]] = {
    **{name: functools.partial(sign, name=name) for name in SIGNS},
    "closed scribble": closed_scribble,
    "pair side by side": side_by_side,
    "digit struck out": struck_out,
}
