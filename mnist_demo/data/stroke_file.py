"""Stroke files: handwritten digits as JSON lines.

A line is `{"label": 4, "strokes": [[[x, y], ...], ...]}`, y down, at any scale. It may add the brush of each stroke,
`"brushes": [[width, erase], ...]`: the width in the units of the points, and 1 if the stroke erases, else 0. Without
brushes, all strokes are a pen's of the usual width. Other fields and blank lines are ignored.
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
MAX_DIGIT_POINTS = 20_000  # of one digit
MAX_COORDINATE = 1e6  # the largest absolute value of a coordinate, and the largest width of a brush
USUAL = 1 / 9  # of a drawing's height: the assumed brush width, which is the page's for a digit 180 pixels high
CANVAS = 96  # pixels, to check that erasing left some ink


class Handwritten(NamedTuple):
    """A digit written with a pen."""

    label: int  # 0 to 9
    strokes: list[Stroke]  # each of at least one point, at any scale; together they leave ink

    @property
    def paths(self) -> list[Path]:
        """The points (N, 2), x and y, of each stroke."""
        return [np.asarray(stroke.points, np.float64) for stroke in self.strokes]


def read_written(file: pathlib.Path) -> list[Handwritten]:
    """Return the digits in a stroke file, in order.

    Raises OSError if the file cannot be read, and ValueError as `digits_of` does.
    """
    return digits_of(read_whole(file), str(file))


def digits_of(content: bytes, file: str) -> list[Handwritten]:
    """Return the digits in the content of a stroke file; `file` is its name for errors.

    Raises ValueError, in one line that names the file and line, if a line is invalid or there are no digits.
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
        raise ValueError(f"{file} holds no digits: its lines must look like {FORM}")
    return written


def _digit(line: bytes) -> Handwritten:
    """Return the digit on one line. Raises ValueError if the line is invalid."""
    try:
        content = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError(f"not JSON such as {FORM}") from None
    if not isinstance(content, dict) or not {"label", "strokes"} <= set(content):
        raise ValueError(f"not an object such as {FORM}")
    label = content["label"]
    if type(label) is not int or not 0 <= label <= 9:
        raise ValueError(f"label must be a digit, 0 to 9, not {_short(label)}")
    paths, brushes = _paths(content["strokes"]), content.get("brushes")
    if brushes is None:
        width = brush_of(paths, USUAL)
        return Handwritten(label, [Stroke(path, width) for path in paths])
    strokes = [Stroke(path, *brush) for path, brush in zip(paths, _brushes(brushes, len(paths)), strict=True)]
    _check_ink(strokes)
    return Handwritten(label, strokes)


def _paths(strokes: Any) -> list[Path]:
    """Return the points of each stroke. Raises ValueError if they are invalid."""
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise ValueError("strokes must be lists of at least one point [x, y]")
    points = [point for stroke in strokes for point in stroke]
    if not 1 <= len(points) <= MAX_DIGIT_POINTS:
        raise ValueError(f"strokes must have from 1 to {MAX_DIGIT_POINTS} points in all, not {len(points)}")
    for point in points:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_coordinate, point)):
            raise ValueError(f"a point must be two numbers up to {MAX_COORDINATE:g}, not {_short(point)}")
    return [np.array(stroke, float) for stroke in strokes]


def _brushes(brushes: Any, count: int) -> list[tuple[float, bool]]:
    """Return the width of each of `count` brushes, and if it erases. Raises ValueError if they are invalid."""
    if not isinstance(brushes, list) or len(brushes) != count:
        raise ValueError(f"brushes must be a list with one brush for each of the {count} strokes")
    for brush in brushes:
        is_brush = isinstance(brush, list) and len(brush) == 2 and brush[1] in (0, 1)
        if not is_brush or not _is_coordinate(brush[0]) or not brush[0] > 0:
            raise ValueError(f"a brush must be [width, 0 or 1], the width above 0, not {_short(brush)}")
    return [(float(width), bool(erase)) for width, erase in brushes]


def _is_coordinate(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= MAX_COORDINATE  # type: ignore[arg-type]


def _check_ink(strokes: Sequence[Stroke]) -> None:
    """Raise ValueError if the strokes leave no visible ink."""
    erasing = sum(stroke.erase for stroke in strokes)
    if erasing == len(strokes):
        raise ValueError("all strokes erase")
    if erasing and to_mnist(draw(fitted(strokes, CANVAS, CANVAS), CANVAS)) is None:
        raise ValueError("all ink is erased again")


def _short(value: object) -> str:
    """Return a value as JSON, cut to a length that suits an error message."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
