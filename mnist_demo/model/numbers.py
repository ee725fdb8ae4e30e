"""Numbers: read a drawing of a row of digits, or a page of rows.

A drawing is first read as one digit. Then a network reads its parts, and the lattice combines these readings. The
answer has several digits only if the lattice's gate accepts them.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink import segmentation
from mnist_demo.ink.preprocess import Box, sketch_of
from mnist_demo.ink.segmentation import WAYS, Segmentation
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.lattice import Lattice, Score, Weights, combined
from mnist_demo.model.reading import NumberDigit, NumberReading, Reading

FILE = Path(__file__).with_name("numbers.json")  # written by `python -m benchmarks.fit_numbers`
PAD = 280  # pixels: the least canvas that strokes are drawn on
BATCH = 256  # digits read at once

Ink = NDArray[np.uint8]
ReadImages = Callable[[NDArray[np.float32]], list[Reading]]


def stored_weights() -> dict[str, dict[str, dict[str, float]]]:
    """Return the fitted weights by kind of pieces ("strokes" or "ink"), part of the lattice, and feature."""
    weights: dict[str, dict[str, dict[str, float]]] = json.loads(FILE.read_text(encoding="utf-8"))["weights"]
    return weights


@functools.cache
def weights_of(pieces: str) -> Weights:
    """Return the fitted weights for pieces that are "strokes", or that are parts of "ink"."""
    stored = stored_weights()[pieces]
    return Weights(*(np.array(list(stored[name].values())) for name in Weights._fields))


def read_number(read: ReadImages, drawing: Ink | Sequence[Stroke]) -> NumberReading:
    """Read a row of digits, drawn as ink (H, W), 255 = ink, or as strokes. `read` has a network read images.

    Raises ValueError as `to_mnist` and `draw` do.
    """
    if isinstance(drawing, np.ndarray):
        return _read_ink(read, drawing)
    ink = _on_pad(drawing)
    if any(stroke.erase for stroke in drawing):
        return _read_ink(read, ink)
    return _read_pieces(read, ink, lambda: segmentation.of_strokes(drawing), weights_of("strokes"))


def _on_pad(strokes: Sequence[Stroke]) -> Ink:
    """Return the ink of strokes on a canvas that holds them all."""
    reach = max(
        (float(np.max(stroke.points)) + stroke.width / 2 for stroke in strokes if len(stroke.points)), default=0.0
    )
    return draw(strokes, max(PAD, min(math.ceil(reach), 10 * PAD)))


def _read_ink(read: ReadImages, ink: Ink) -> NumberReading:
    return _read_pieces(read, ink, lambda: segmentation.of_ink(ink), weights_of("ink"))


def _read_pieces(read: ReadImages, ink: Ink, cut: Callable[[], Segmentation | None], weights: Weights) -> NumberReading:
    """Return the reading of a drawing that `cut` divides into pieces."""
    sketch = sketch_of(ink)
    if sketch is None:
        return NumberReading("", (), 0.0)
    whole, pieces = read(sketch.digit[np.newaxis])[0], cut()
    number = None if pieces is None or len(pieces.boxes) < 2 else _several(read, pieces, weights, whole)
    if number is not None:
        return number
    if whole.answer is None:
        return NumberReading(None, (), whole.certainty)
    return NumberReading(str(whole.answer), (NumberDigit(sketch.box, whole),), whole.certainty)


def _several(read: ReadImages, pieces: Segmentation, weights: Weights, whole: Reading) -> NumberReading | None:
    """Return the number that the pieces make; None if they are not accepted as several digits."""
    scores, images = read_groups(read, pieces)
    lattice = Lattice(pieces, scores)
    chosen, certainty = lattice.digits(_score([whole]), weights)
    if not chosen:
        return None
    digits = tuple(NumberDigit(_pixels(pieces.groups[at].box), _reading(scores[at], images[at])) for at in chosen)
    return NumberReading("".join(str(one.reading.answer) for one in digits), digits, certainty)


def read_groups(read: ReadImages, pieces: Segmentation) -> tuple[list[Score], list[NDArray[np.float32]]]:
    """Return how the network reads each group, and the group's image, drawn in the first way."""
    images = [image for group in pieces.groups for image in pieces.images(group)]
    parts = (np.stack(images[start : start + BATCH]) for start in range(0, len(images), BATCH))
    readings = [reading for part in parts for reading in read(part)]
    ways = [readings[start : start + len(WAYS)] for start in range(0, len(readings), len(WAYS))]
    return [_score(way) for way in ways], images[:: len(WAYS)]


def _score(ways: Sequence[Reading]) -> Score:
    return combined(np.stack([one.probabilities for one in ways]), [one.answer is None for one in ways])


def _reading(score: Score, image: NDArray[np.float32]) -> Reading:
    """Return the reading of an accepted digit."""
    probabilities = score.probabilities.astype(np.float32)
    return Reading(int(probabilities.argmax()), probabilities, image, score.certainty)


def _pixels(box: segmentation.Box) -> Box:
    """Return the pixels that a box touches."""
    return Box(math.floor(box.top), math.floor(box.left), math.ceil(box.bottom), math.ceil(box.right))


def read_page(read: ReadImages, ink: Ink) -> list[NumberReading]:
    """Read each row of digits, from top to bottom. Return an empty list if the ink is blank.

    Raises ValueError as `to_mnist` does.
    """
    if sketch_of(ink) is None:
        return []
    rows = [(_read_ink(read, row.ink), row) for row in segmentation.rows_of(ink)]
    return [_moved(reading, row.top, row.left) for reading, row in rows if reading.text != ""]


def _moved(reading: NumberReading, down: int, right: int) -> NumberReading:
    """Return a reading of part of a picture, its boxes in the whole picture's pixels."""
    digits = [
        one._replace(box=Box(one.box.top + down, one.box.left + right, one.box.bottom + down, one.box.right + right))
        for one in reading.digits
    ]
    return reading._replace(digits=tuple(digits))
