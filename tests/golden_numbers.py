"""Write the golden numbers, which hold the browser's segmentation to Python's:

`PYTHONPATH=. python tests/golden_numbers.py`
"""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.composed import write_number
from mnist_demo.data.synthetic import write
from mnist_demo.ink import segmentation
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.segmentation import WAYS, Segmentation
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.lattice import Lattice, Score, combined
from mnist_demo.model.numbers import weights_of

FILE = Path(__file__).parent / "web" / "numbers.jsonl.gz"
INK_FILE = FILE.with_name("ink_numbers.jsonl.gz")
COUNT = 150
DRAWN = 15  # of the numbers, the first ones: their images are stored
WIDTH = 20  # pixels, of the pen

Line = dict[str, Any]


def strokes_of(number: int) -> list[list[float]]:
    """Return one drawing on the pad, a list x, y, x, y, ... a stroke: some are one digit, or have a dot more."""
    random = np.random.default_rng(number)
    paths = write(random, number // 10 % 10) if number % 10 == 0 else write_number(random, 2 + number % 4).strokes
    points = np.concatenate(paths)
    low, scale = points.min(axis=0), 240 / np.ptp(points, axis=0).max()
    strokes = [((path - low) * scale + 20).round(2).ravel().tolist() for path in paths]
    return [*strokes, [250.0, 150.0]] if number % 15 == 1 else strokes


def cut_ink(strokes: list[list[float]], width: int) -> Line:
    """Return the segmentation of the ink of strokes as a line of the file has it."""
    pieces = ink_parts_of(strokes, width)
    groups = [{"pieces": list(one.pieces), "gap": one.gap, "spread": one.spread} for one in pieces.groups]
    cuts = pieces.cuts[np.triu_indices(len(pieces.boxes), 1)].round(6).tolist()
    return {"boxes": [list(box) for box in pieces.boxes], "cuts": cuts, "groups": groups}


def ink_parts_of(strokes: list[list[float]], width: int) -> Segmentation:
    """Return the segmentation of the ink of strokes."""
    pieces = segmentation.of_ink(draw([Stroke(np.array(one).reshape(-1, 2), width) for one in strokes]))
    assert pieces is not None
    return pieces


def ink_lines() -> Iterator[Line]:
    """Return the lines of the file of ink, made anew."""
    for number in range(COUNT):
        strokes, width = strokes_of(number), (8, 14, 20)[number % 3]
        pieces = ink_parts_of(strokes, width)
        images = [image for group in pieces.groups for image in pieces.images(group)] if number < DRAWN else []
        about = {"strokes": strokes, "width": width, "images": [as_text(image) for image in images]}
        yield about | cut_ink(strokes, width)


def as_text(image: Any) -> str:
    """Return an image (28, 28) as base64 of 784 bytes."""
    return base64.b64encode(np.rint(255 * image).astype(np.uint8).tobytes()).decode()


def parts_of(strokes: list[list[float]]) -> Segmentation:
    """Return the segmentation of the strokes."""
    pieces = segmentation.of_strokes([Stroke(np.array(one).reshape(-1, 2), WIDTH) for one in strokes])
    assert pieces is not None
    return pieces


def cut(strokes: list[list[float]]) -> Line:
    """Return the segmentation as a line of the file has it."""
    pieces = parts_of(strokes)
    groups = [{"pieces": list(one.pieces), "gap": one.gap, "spread": one.spread} for one in pieces.groups]
    return {"height": pieces.height, "groups": groups}


def images_of(strokes: list[list[float]]) -> list[str]:
    """Return the images of all groups, as base64 of 784 bytes each."""
    pieces = parts_of(strokes)
    images = [image for group in pieces.groups for image in pieces.images(group)]
    return [as_text(image) for image in images]


def readings_of(network: Classifier, strokes: list[list[float]]) -> list[Line]:
    """Return what a network says of the whole drawing, and of all images."""
    pieces = parts_of(strokes)
    whole = to_mnist(draw([Stroke(np.array(one).reshape(-1, 2), WIDTH) for one in strokes]))
    images = [whole, *(image for group in pieces.groups for image in pieces.images(group))]
    return [
        {"answer": one.answer, "probabilities": one.probabilities.round(4).tolist()}
        for one in network.read_images(np.stack([image for image in images if image is not None]))
    ]


def digits_of(strokes: list[list[float]], readings: list[Line]) -> list[int] | None:
    """Return the groups that those readings make the digits, from the left; None if they are not several."""
    pieces, starts = parts_of(strokes), range(1, len(readings), len(WAYS))
    scores = [score_of(readings[at : at + len(WAYS)]) for at in starts]
    return Lattice(pieces, scores).digits(score_of(readings[:1]), weights_of("strokes"))[0] or None


def score_of(ways: list[Line]) -> Score:
    """Return the score of readings."""
    return combined(np.array([one["probabilities"] for one in ways]), [one["answer"] is None for one in ways])


def lines() -> Iterator[Line]:
    """Return the lines of the file, made anew."""
    network = Classifier.load("convnet")
    for number in range(COUNT):
        strokes = strokes_of(number)
        readings = readings_of(network, strokes)
        images = images_of(strokes) if number < DRAWN else []
        about = {"strokes": strokes, "readings": readings, "images": images}
        yield about | cut(strokes) | {"digits": digits_of(strokes, readings)}


def golden(file: Path = FILE) -> Iterator[Line]:
    """Yield the lines of the file."""
    with gzip.open(file, "rt", encoding="utf-8") as stored:
        yield from map(json.loads, stored)


def store(file: Path, content: Iterable[Line]) -> None:
    """Write the file."""
    text = "".join(json.dumps(line) + "\n" for line in content)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> None:
    """Write both files: strokes, and ink."""
    store(FILE, lines())
    store(INK_FILE, ink_lines())


if __name__ == "__main__":
    main()
