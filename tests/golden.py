"""Write the golden drawings, which tie the browser's ink and digits to Python's:

`PYTHONPATH=. python tests/golden.py`
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_demo.data.mnist import load_mnist
from mnist_demo.data.synthetic import write
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import Stroke, draw

FILE = Path(__file__).parent / "web" / "drawings.jsonl.gz"
SIDE = 280
COUNT = 1000
ZOOM = 8  # pixels of the pad for each pixel of an MNIST digit that lies on it

Action = dict[
    str, Any
]  # a stroke {"width", "erase", "points": [x, y, ...]}, or a picture {"picture": base64 of 28 x 28}


def actions_of(random: np.random.Generator, number: int, pictures: NDArray[np.uint8]) -> list[Action]:
    """Return one drawing; its number decides what is special about it."""
    width = round(float(random.choice([random.integers(6, 61), random.uniform(1, 60)])), 2)
    size = random.uniform(20, 260)
    place = random.uniform(-40, SIDE - size / 2, 2)
    actions = [stroke(path * size + place, width) for path in write(random, number % 10)]
    special = number // 10 % 10
    if special == 0:  # a photo's ink, perhaps with strokes on it
        picture = {"picture": base64.b64encode(pictures[number].tobytes()).decode()}
        return [picture, *actions[: number % 3]]
    if special in (1, 2):  # an eraser across it
        across = np.stack([random.uniform(-20, 300, 5), random.uniform(-20, 300, 5)], axis=1)
        return [*actions, stroke(across, 30, erase=True), *actions[: number % 2]]
    if special == 3:  # a speck, a dot, or nothing
        dot = stroke(random.uniform(0, SIDE, (1 + number % 2, 2)), width)
        return [[dot], [], [{**dot, "erase": True}], [dot, stroke(random.uniform(0, SIDE, (2, 2)), 6)]][number % 4]
    return actions


def stroke(path: NDArray[np.floating[Any]], width: float, erase: bool = False) -> Action:
    """Return the stroke along the path (N, 2)."""
    return {"width": width, "erase": erase, "points": path.round(2).ravel().tolist()}


def ink_of(actions: list[Action]) -> NDArray[np.uint8]:
    """Return the ink (SIDE, SIDE) uint8 of the drawing."""
    ink = np.zeros((SIDE, SIDE), np.uint8)
    for action in actions:
        if "picture" in action:
            ink = enlarged(action["picture"])
        else:
            points = np.array(action["points"]).reshape(-1, 2)
            ink = draw([Stroke(points, action["width"], action["erase"])], SIDE, ink)
    return ink


def enlarged(picture: str) -> NDArray[np.uint8]:
    """Return the picture's 28 x 28 pixels, each as ZOOM x ZOOM, in the middle of the pad."""
    pixels = np.frombuffer(base64.b64decode(picture), np.uint8).reshape(28, 28)
    margin = (SIDE - 28 * ZOOM) // 2
    return np.pad(np.kron(pixels, np.ones((ZOOM, ZOOM), np.uint8)), margin)


def expected(actions: list[Action]) -> dict[str, Any]:
    """Return a line of the file: the drawing, the SHA-256 of its ink, and its digit, base64 of 784 bytes or None."""
    ink = ink_of(actions)
    digit = to_mnist(ink)
    pixels = None if digit is None else base64.b64encode(np.rint(255 * digit).astype(np.uint8).tobytes()).decode()
    return {"actions": actions, "ink": hashlib.sha256(ink.tobytes()).hexdigest(), "digit": pixels}


def pixels_of(line: dict[str, Any]) -> list[int]:
    """Return the 784 pixels of a line's digit; none if there is too little ink."""
    return [] if line["digit"] is None else list(base64.b64decode(line["digit"]))


def golden() -> Iterator[dict[str, Any]]:
    """Yield the lines of the file."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Write the file."""
    random = np.random.default_rng(1)
    pictures = load_mnist("train").images[:COUNT, 0].numpy()
    lines = [json.dumps(expected(actions_of(random, number, pictures))) + "\n" for number in range(COUNT)]
    FILE.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
