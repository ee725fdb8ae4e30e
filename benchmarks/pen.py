"""Digits written with a pen, from the files that `--strokes` takes."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Handwritten(NamedTuple):
    """A digit written with a pen."""

    label: int
    paths: list[NDArray[np.float64]]  # (N, 2), x and y, for each stroke


def strokes_in(file: Path | None) -> list[Handwritten]:
    """What the file's lines hold; nothing where none is given.

    Raises OSError where there is no such file, ValueError where a line is none.
    """
    if file is None:
        return []
    written = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            content = json.loads(line)
            written.append(Handwritten(int(content["label"]), [np.array(path, float) for path in content["strokes"]]))
        except (ValueError, LookupError, TypeError):
            raise ValueError(f'{file}, line {number}, is no {{"label": 3, "strokes": [[[x, y], ...], ...]}}') from None
    return written
