"""Readings: what a network says of a digit, and of a number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.preprocess import Box


class Reading(NamedTuple):
    """What a network makes of a drawing."""

    answer: int | None  # the digit; None if nothing is drawn, or if it is not recognised as a digit
    probabilities: NDArray[np.float32]  # (10,); zeros if nothing is drawn
    image: NDArray[np.float32] | None  # (28, 28) in [0, 1], what the network saw; None if nothing is drawn
    certainty: float = 0.0  # in [0, 1], as `networks.certainty` has it; below `Card.threshold` there is no answer


class NumberDigit(NamedTuple):
    """A digit of a number."""

    box: Box  # in the drawing's pixels
    reading: Reading


class NumberReading(NamedTuple):
    """What a network makes of a drawing that may be a number."""

    text: str | None  # "42"; "7" for one digit; "" if nothing is drawn; None if it is rejected
    digits: tuple[NumberDigit, ...]  # from the left; none if there is no text
    certainty: float  # in [0, 1]: one digit's, or how likely the number is right


def page_json(rows: Sequence[NumberReading]) -> dict[str, Any]:
    """Return rows of digits as JSON: "number", a line each row, null if one is rejected; and "digits", of all rows."""
    texts = [row.text for row in rows]
    number = None if None in texts else "\n".join(text for text in texts if text)
    return {"number": number, "digits": [_digit_as_json(digit) for row in rows for digit in row.digits]}


def _digit_as_json(digit: NumberDigit) -> dict[str, Any]:
    return {"box": digit.box._asdict()} | reading_json(digit.reading)


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON: "answer", "certainty" and "probabilities"."""
    probabilities = np.round(reading.probabilities.astype(float), 6).tolist()
    return {"answer": reading.answer, "certainty": round(reading.certainty, 4), "probabilities": probabilities}
