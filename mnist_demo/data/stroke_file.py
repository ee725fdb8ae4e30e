"""Digits that people wrote with a pen, from files of JSON lines.

Knows: what a line says, and where one makes no sense. Does not know: who wrote them, or what becomes of them.

A line is `{"label": 4, "strokes": [[[x, y], ...], ...]}`, y down, at any scale. It may say, too, what each stroke was
drawn with, `"brushes": [[width, erase], ...]`, the width in the units of the points, erase 0 or 1; where it does not,
all are a pen's of the usual width. Whatever else it says is ignored, and so are blank lines.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mnist_demo.files import read_whole
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import Path, Stroke, brush_of, draw, fitted

FORM = '{"label": 3, "strokes": [[[x, y], ...], ...]}'
MOST_POINTS = 20_000  # of one digit
FURTHEST = 1e6  # of a coordinate, either way, and of a brush's width
USUAL = 1 / 9  # of what is drawn, is as high as a brush of unknown width is wide: the page's, for a digit of 180 pixels
CANVAS = 96  # pixels, on which is seen whether anything is left of what was partly erased


class Handwritten(NamedTuple):
    """A digit written with a pen."""

    label: int  # 0 to 9
    strokes: list[Stroke]  # of a point at least, at any scale; they leave ink

    @property
    def paths(self) -> list[Path]:
        """(N, 2), x and y, for each stroke."""
        return [np.asarray(stroke.points, np.float64) for stroke in self.strokes]


def read_written(file: pathlib.Path) -> list[Handwritten]:
    """What the file's lines hold, in their order.

    Raises OSError where there is no such file, and ValueError as `digits_of` does.
    """
    return digits_of(read_whole(file), str(file))


def digits_of(content: bytes, file: str) -> list[Handwritten]:
    """What the lines of a file of that name hold, in their order.

    Raises ValueError, in one line that names the file's, where one is damaged, or where there is none.
    """
    written = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            written.append(_digit(line))
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from None
    if not written:
        raise ValueError(f"{file} holds no digits: a line of it is {FORM}")
    return written


def _digit(line: bytes) -> Handwritten:
    """What one line holds. Raises ValueError where that makes no sense."""
    try:
        content = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError(f"is no JSON, as in {FORM}") from None
    if not isinstance(content, dict) or not {"label", "strokes"} <= set(content):
        raise ValueError(f"is no {FORM}")
    label = content["label"]
    if type(label) is not int or not 0 <= label <= 9:
        raise ValueError(f"its label must be a digit, 0 to 9, not {_short(label)}")
    paths, brushes = _paths(content["strokes"]), content.get("brushes")
    if brushes is None:
        width = brush_of(paths, USUAL)
        return Handwritten(label, [Stroke(path, width) for path in paths])
    strokes = [Stroke(path, *brush) for path, brush in zip(paths, _brushes(brushes, len(paths)), strict=True)]
    _check_ink(strokes)
    return Handwritten(label, strokes)


def _paths(strokes: Any) -> list[Path]:
    """The points of its strokes. Raises ValueError where they make no sense."""
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise ValueError("its strokes must be lists of points [x, y], one at least in each")
    points = [point for stroke in strokes for point in stroke]
    if not 1 <= len(points) <= MOST_POINTS:
        raise ValueError(f"its strokes must have from 1 to {MOST_POINTS} points, not {len(points)}")
    for point in points:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_coordinate, point)):
            raise ValueError(f"a point must be two numbers up to {FURTHEST:g}, not {_short(point)}")
    return [np.array(stroke, float) for stroke in strokes]


def _brushes(brushes: Any, count: int) -> list[tuple[float, bool]]:
    """Width and whether it erases, for each of so many strokes. Raises ValueError where they make no sense."""
    if not isinstance(brushes, list) or len(brushes) != count:
        raise ValueError(f"its brushes must be a list of as many as it has strokes, {count}")
    for brush in brushes:
        is_brush = isinstance(brush, list) and len(brush) == 2 and brush[1] in (0, 1)
        if not is_brush or not _is_coordinate(brush[0]) or not brush[0] > 0:
            raise ValueError(f"a brush must be [width, 0 or 1], the width above 0, not {_short(brush)}")
    return [(float(width), bool(erase)) for width, erase in brushes]


def _is_coordinate(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= FURTHEST  # type: ignore[arg-type]


def _check_ink(strokes: Sequence[Stroke]) -> None:
    """Raises ValueError where the strokes leave nothing to be seen."""
    erasing = sum(stroke.erase for stroke in strokes)
    if erasing == len(strokes):
        raise ValueError("all its strokes erase")
    if erasing and to_mnist(draw(fitted(strokes, CANVAS, CANVAS), CANVAS)) is None:
        raise ValueError("all its ink is erased again")


def _short(value: object) -> str:
    """A value as an error's line may quote it."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
