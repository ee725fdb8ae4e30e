"""Measure the networks on drawings: `python -m benchmarks.drawings [WEIGHTS ...] [--strokes FILE]`.

The drawings are the MNIST test digits, redrawn as crisp pen drawings on the page's canvas in many ways; with
`--strokes`, real pen strokes; and drawings that are not digits. A column of the table is a weights file, or the mean of
several that differ only in their seed; `plain resize` is the first of them, given the canvas merely averaged down to 28
x 28. This reads the test set: choose nothing by its results.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmarks.redrawn import CANVAS, REDRAWN, Ink, middle
from benchmarks.report import json_file, machine, table, write_json
from benchmarks.unknown import UNKNOWN
from mnist_demo import commandline
from mnist_demo.data.mnist import load_mnist
from mnist_demo.data.stroke_file import Handwritten, read_written
from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model import metrics
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

WRITTEN = {  # the height and the brush of pen strokes, in pixels; the second is the page's
    "strokes 180 px, brush 12": (180, 12),
    "strokes 180 px, brush 20": (180, 20),
    "strokes 180 px, brush 28": (180, 28),
    "strokes 110 px, brush 20": (110, 20),
    "strokes 80 px, brush 20": (80, 20),
}
EACH = 200  # drawings of each kind of non-digit
CHUNK = 250  # drawings per task
TIMED = 200  # readings


class Digits(NamedTuple):
    """Drawings as inputs of a network."""

    ours: NDArray[np.float32]  # (N, 28, 28), made by `to_mnist`, as in `Classifier.read`
    plain: NDArray[np.float32]  # (N, 28, 28), the canvas averaged down


def digits_of(inks: Iterable[Ink]) -> Digits:
    """Convert drawings to digits; zeros if `to_mnist` finds nothing drawn."""
    ours, plain, blank = [], [], np.zeros((SIDE, SIDE), np.float32)
    for ink in inks:
        digit = to_mnist(ink)
        ours.append(blank if digit is None else digit)
        plain.append(ink.reshape(SIDE, CANVAS // SIDE, SIDE, CANVAS // SIDE).mean(axis=(1, 3), dtype=np.float32) / 255)
    return Digits(np.stack(ours), np.stack(plain))


def fitted(paths: Sequence[NDArray[Any]], side: float, brush: float) -> Ink:
    """Draw the paths with that brush in the middle of the canvas, the longer side of the ink `side` pixels."""
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (side - brush) / max((high - low).max(), 1e-6)
    return draw([Stroke((path - (low + high) / 2) * scale + CANVAS / 2, brush) for path in paths])


def redraw(kind: str, first: int, samples: NDArray[np.uint8]) -> Digits:
    """Redraw samples in one way; `first` is the number of the first one, and each sample's number is its seed."""
    numbered = enumerate(samples, start=first)
    return digits_of(REDRAWN[kind](sample, np.random.default_rng(number)) for number, sample in numbered)


def write(kind: str, strokes: Sequence[Sequence[NDArray[np.float64]]]) -> Digits:
    """Draw pen strokes at one size with one brush."""
    return digits_of(fitted(paths, *WRITTEN[kind]) for paths in strokes)


def invent(kind: str, count: int = EACH) -> Digits:
    """Draw `count` non-digits of one kind, in many sizes and with several brushes."""
    random = np.random.default_rng(list(kind.encode()))
    sizes = zip(random.uniform(100, 240, count), random.uniform(12, 28, count), strict=True)
    return digits_of(fitted(UNKNOWN[kind](random), side, brush) for side, brush in sizes)


def gathered(parts: Iterable[Digits]) -> Digits:
    """Join the digits of all parts."""
    return Digits(*(np.concatenate(images) for images in zip(*parts, strict=True)))


class Column(NamedTuple):
    """Networks of one recipe, whose results are averaged."""

    name: str
    networks: list[Classifier]
    plain: bool = False  # if True, the input is the canvas averaged down, and only the answer counts

    def right(self, digits: Digits, labels: NDArray[np.int64]) -> float:
        """Return the accuracy in per cent, rejected drawings included."""
        images = digits.plain if self.plain else digits.ours
        return 100 * statistics.mean(float((n.probabilities(images).argmax(1) == labels).mean()) for n in self.networks)

    def right_alone(self, images: Tensor, labels: Tensor) -> float:
        """Return the accuracy in per cent on images (N, 1, 28, 28) uint8, of each network in a single pass."""
        networks = [network.model.network for network in self.networks]
        scores = [metrics.log_probabilities(network, images) for network in networks]
        return 100 * statistics.mean(metrics.accuracy(score, labels) for score in scores)

    def refused(self, digits: Digits) -> float:
        """Return the per cent of drawings that are rejected."""
        return 100 * statistics.mean(float((~n.known(digits.ours)).mean()) for n in self.networks)

    def calibration_error(self, digits: Digits, labels: NDArray[np.int64]) -> float:
        """Return the expected calibration error in percentage points."""
        scores = (torch.from_numpy(network.probabilities(digits.ours)) for network in self.networks)
        return 100 * statistics.mean(metrics.calibration_error(p, torch.from_numpy(labels)) for p in scores)

    def milliseconds(self, inks: Sequence[Ink]) -> float:
        """Return the median time from ink to probabilities, by `Classifier.read`."""
        taken = []
        for ink in inks:
            start = time.perf_counter()
            self.networks[0].read(ink)
            taken.append(1000 * (time.perf_counter() - start))
        return statistics.median(taken)


def columns_of(files: Sequence[str]) -> list[Column]:
    """Return the networks of weights files, those of one recipe together, and the first of each model again, plain."""
    columns: dict[str, Column] = {}
    plain: dict[str, Column] = {}
    for file in files:
        network = Classifier.load(file if file in MODELS else Path(file))
        model, name = network.card.model, f"{network.card.model} {network.card.recipe['name']}"
        columns.setdefault(name, Column(name, [])).networks.append(network)
        plain.setdefault(model, Column(f"{model} plain resize", [network], plain=True))
    return [*columns.values(), *plain.values()]


Row = tuple[str, dict[str, float]]  # what was drawn; the result of each column that has one


def every(what: str, columns: Sequence[Column], figure: Callable[[Column], float]) -> Row:
    """Return a row with that result of every column."""
    return what, {column.name: figure(column) for column in columns}


def ours(what: str, columns: Sequence[Column], figure: Callable[[Column], float]) -> Row:
    """Return a row with that result of the columns that read as `Classifier.read` does."""
    return every(what, [column for column in columns if not column.plain], figure)


def redrawn_rows(columns: Sequence[Column], pool: ProcessPoolExecutor, count: int) -> Iterator[Row]:
    """Yield the accuracy on the first `count` test digits, unchanged and redrawn, and other results on them."""
    test = load_mnist("test")
    samples, labels = test.images[:count, 0].numpy(), test.labels[:count].numpy()
    pixels: NDArray[np.float32] = np.divide(samples, 255, dtype=np.float32)
    same = Digits(pixels, pixels)
    yield ours("MNIST pixels", columns, lambda column: column.right(same, labels))
    alone = test.images[:count], test.labels[:count]
    yield ours("MNIST pixels, the network alone", columns, lambda column: column.right_alone(*alone))
    starts = range(0, len(samples), CHUNK)
    chunks = [samples[start : start + CHUNK] for start in starts]
    for kind in REDRAWN:
        yield _right(kind, columns, gathered(pool.map(redraw, [kind] * len(chunks), starts, chunks)), labels)
    yield ours("MNIST pixels refused", columns, lambda column: column.refused(same))
    yield ours("calibration error", columns, lambda column: column.calibration_error(same, labels))
    inks = [middle(sample, 200) for sample in samples[:TIMED]]
    yield ours("ink to probabilities, ms", columns, lambda column: column.milliseconds(inks))


def written_rows(columns: Sequence[Column], pool: ProcessPoolExecutor, written: Sequence[Handwritten]) -> Iterator[Row]:
    """Yield the accuracy on the pen strokes, and the share rejected."""
    labels = np.array([one.label for one in written])
    strokes = [one.paths for one in written]
    chunks = [strokes[start : start + CHUNK] for start in range(0, len(strokes), CHUNK)]
    for kind in WRITTEN:
        digits = gathered(pool.map(write, [kind] * len(chunks), chunks))
        yield _right(kind, columns, digits, labels)
        yield _refused(f"{kind}, refused", columns, digits)


def unknown_rows(columns: Sequence[Column], pool: ProcessPoolExecutor) -> Iterator[Row]:
    """Yield the share of non-digits that is rejected, by kind and in all."""
    drawn = dict(zip(UNKNOWN, pool.map(invent, UNKNOWN), strict=True))
    for kind, digits in drawn.items():
        yield _refused(f"refused: {kind}", columns, digits)
    yield _refused("refused: all that is no digit", columns, gathered(drawn.values()))


def _right(what: str, columns: Sequence[Column], digits: Digits, labels: NDArray[np.int64]) -> Row:
    return every(what, columns, lambda column: column.right(digits, labels))


def _refused(what: str, columns: Sequence[Column], digits: Digits) -> Row:
    return ours(what, columns, lambda column: column.refused(digits))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.drawings", description="Measure the networks on drawings.")
    p.add_argument("weights", nargs="*", default=list(MODELS), metavar="WEIGHTS", help="files, or shipped ones by name")
    p.add_argument("--strokes", type=Path, metavar="FILE", help="stroke file to read too")
    p.add_argument("--digits", type=int, default=10_000, metavar="N", help="test digits to redraw (default: all)")
    p.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    return p


def rows(columns: Sequence[Column], count: int, written: Sequence[Handwritten]) -> Iterator[Row]:
    """Yield all rows, for the first `count` test digits and for the pen strokes, if any."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from redrawn_rows(columns, pool, count)
        if written:
            yield from written_rows(columns, pool, written)
        yield from unknown_rows(columns, pool)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if not 1 <= options.digits <= 10_000:
            raise ValueError(f"--digits must be from 1 to 10000, not {options.digits}")
        columns = columns_of(options.weights)
        written = read_written(options.strokes) if options.strokes else []
        figures = dict(tqdm(rows(columns, options.digits, written), unit=" rows", disable=None))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    names = [column.name for column in columns]
    lines = [[what, *(f"{row[name]:.2f}" if name in row else "" for name in names)] for what, row in figures.items()]
    print(f"{machine()}; {options.digits} test digits; per cent, unless a row says otherwise\n")
    print(table(["drawn", *names], lines))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    commandline.run(main)
