"""The ink of pen strokes sent by programs, within limits."""

import itertools
import math
from typing import Any

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray

from mnist_demo.ink.strokes import Stroke, draw

SIDE = 280  # pixels of the pad
MAX_STROKES = 400
MAX_POINTS = 10_000  # of all strokes together
MAX_LENGTH_PIXELS = 20_000  # of all strokes together: two minutes of drawing
MAX_COORDINATE_PIXELS = 4 * SIDE
MIN_WIDTH_PIXELS, MAX_WIDTH_PIXELS = 6, 100

Points = list[list[list[float]]]  # points [x, y] of each stroke


def ink_of(strokes: Any, width: Any) -> NDArray[np.uint8]:
    """Return the ink (SIDE, SIDE), 255 = ink, of strokes, lists of points [x, y]. Raises HTTPException (422)."""
    return draw(strokes_of(strokes, width), SIDE)


def strokes_of(strokes: Any, width: Any) -> list[Stroke]:
    """Return strokes, given as lists of points [x, y]. Raises HTTPException (422)."""
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise HTTPException(422, "strokes: a list of lists of points [x, y]")
    if not all(is_point(point) for stroke in strokes for point in stroke):
        limit = MAX_COORDINATE_PIXELS
        raise HTTPException(422, f"strokes: a point is [x, y], two numbers from -{limit} to {limit}")
    if type(width) is not int or not MIN_WIDTH_PIXELS <= width <= MAX_WIDTH_PIXELS:
        raise HTTPException(422, f"width: a whole number from {MIN_WIDTH_PIXELS} to {MAX_WIDTH_PIXELS}")
    if len(strokes) > MAX_STROKES or sum(map(len, strokes)) > MAX_POINTS:
        raise HTTPException(422, f"strokes: at most {MAX_STROKES} of {MAX_POINTS} points together")
    if sum(math.dist(*pair) for stroke in strokes for pair in itertools.pairwise(stroke)) > MAX_LENGTH_PIXELS:
        raise HTTPException(422, f"strokes: at most {MAX_LENGTH_PIXELS} pixels long together")
    return [Stroke(np.array(stroke, np.float64), width) for stroke in strokes]


def is_point(point: Any) -> bool:
    """Return if that is [x, y], on the pad or near it."""
    if not isinstance(point, list) or len(point) != 2:
        return False
    return all(type(number) in (int, float) and abs(number) <= MAX_COORDINATE_PIXELS for number in point)
