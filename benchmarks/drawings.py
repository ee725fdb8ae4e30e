"""What networks make of drawings: `python -m benchmarks.drawings [WEIGHTS ...] [--strokes FILE]`.

The MNIST test digits, redrawn as crisp pen drawings on the page's canvas in every way a person might; with
`--strokes`, real pen strokes; and drawings that are no digit. A column of the table is a weights file, or the mean
of several that differ in their seed alone; `plain resize` is the first of them given the canvas merely averaged
down to 28 x 28. The test set is touched here: choose nothing by it.
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
from mnist_demo import commandline, evaluate
from mnist_demo.data.mnist import load_mnist
from mnist_demo.data.stroke_file import Handwritten, read_written
from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

WRITTEN = {  # pen strokes: how high they are drawn, and with what brush, in pixels; the second as on the page
    "strokes 180 px, brush 12": (180, 12),
    "strokes 180 px, brush 20": (180, 20),
    "strokes 180 px, brush 28": (180, 28),
    "strokes 110 px, brush 20": (110, 20),
    "strokes 80 px, brush 20": (80, 20),
}
EACH = 200  # drawings of each kind that is no digit
CHUNK = 250  # drawings a task
TIMED = 200  # readings


class Digits(NamedTuple):
    """Drawings, as networks get to see them."""

    ours: NDArray[np.float32]  # (N, 28, 28), made by `to_mnist`, as in `Classifier.read`
    plain: NDArray[np.float32]  # (N, 28, 28), the canvas averaged down


def digits_of(inks: Iterable[Ink]) -> Digits:
    """What becomes of the drawings; zeros where `to_mnist` finds nothing drawn."""
    ours, plain, blank = [], [], np.zeros((SIDE, SIDE), np.float32)
    for ink in inks:
        digit = to_mnist(ink)
        ours.append(blank if digit is None else digit)
        plain.append(ink.reshape(SIDE, CANVAS // SIDE, SIDE, CANVAS // SIDE).mean(axis=(1, 3), dtype=np.float32) / 255)
    return Digits(np.stack(ours), np.stack(plain))


def fitted(paths: Sequence[NDArray[Any]], side: float, brush: float) -> Ink:
    """The paths drawn with that brush in the middle of the canvas, the longer side of the ink that many pixels."""
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (side - brush) / max((high - low).max(), 1e-6)
    return draw([Stroke((path - (low + high) / 2) * scale + CANVAS / 2, brush) for path in paths])


def redraw(kind: str, first: int, samples: NDArray[np.uint8]) -> Digits:
    """Samples redrawn in one way; `first` is the number of the first one, and the number seeds what is random."""
    numbered = enumerate(samples, start=first)
    return digits_of(REDRAWN[kind](sample, np.random.default_rng(number)) for number, sample in numbered)


def write(kind: str, strokes: Sequence[Sequence[NDArray[np.float64]]]) -> Digits:
    """Pen strokes, drawn at one size with one brush."""
    return digits_of(fitted(paths, *WRITTEN[kind]) for paths in strokes)


def invent(kind: str, count: int = EACH) -> Digits:
    """That many drawings of one kind that is no digit, of many sizes and with several brushes."""
    random = np.random.default_rng(list(kind.encode()))
    sizes = zip(random.uniform(100, 240, count), random.uniform(12, 28, count), strict=True)
    return digits_of(fitted(UNKNOWN[kind](random), side, brush) for side, brush in sizes)


def gathered(parts: Iterable[Digits]) -> Digits:
    """All the parts' digits."""
    return Digits(*(np.concatenate(images) for images in zip(*parts, strict=True)))


class Column(NamedTuple):
    """Networks of one recipe, whose figures are averaged."""

    name: str
    networks: list[Classifier]
    plain: bool = False  # given the canvas averaged down, and asked for nothing but the digit

    def right(self, digits: Digits, labels: NDArray[np.int64]) -> float:
        """Per cent whose largest bar is the right one."""
        images = digits.plain if self.plain else digits.ours
        return 100 * statistics.mean(float((n.probabilities(images).argmax(1) == labels).mean()) for n in self.networks)

    def right_alone(self, images: Tensor, labels: Tensor) -> float:
        """Per cent right of images (N, 1, 28, 28) uint8, each network asked once and not at four half-pixel shifts."""
        networks = [network.model.network for network in self.networks]
        scores = [evaluate.log_probabilities(network, images) for network in networks]
        return 100 * statistics.mean(evaluate.accuracy(score, labels) for score in scores)

    def refused(self, digits: Digits) -> float:
        """Per cent said to be no digit."""
        return 100 * statistics.mean(float((~n.known(digits.ours)).mean()) for n in self.networks)

    def calibration_error(self, digits: Digits, labels: NDArray[np.int64]) -> float:
        """How far confidence is from accuracy, in points of a per cent."""
        scores = (torch.from_numpy(network.probabilities(digits.ours)) for network in self.networks)
        return 100 * statistics.mean(evaluate.calibration_error(p, torch.from_numpy(labels)) for p in scores)

    def milliseconds(self, inks: Sequence[Ink]) -> float:
        """From ink to probabilities, by `Classifier.read`: the median drawing's."""
        taken = []
        for ink in inks:
            start = time.perf_counter()
            self.networks[0].read(ink)
            taken.append(1000 * (time.perf_counter() - start))
        return statistics.median(taken)


def columns_of(files: Sequence[str]) -> list[Column]:
    """The networks of weights files, those of one recipe together; the first of each model once more, plain."""
    columns: dict[str, Column] = {}
    plain: dict[str, Column] = {}
    for file in files:
        network = Classifier.load(file if file in MODELS else Path(file))
        model, name = network.card.model, f"{network.card.model} {network.card.recipe['name']}"
        columns.setdefault(name, Column(name, [])).networks.append(network)
        plain.setdefault(model, Column(f"{model} plain resize", [network], plain=True))
    return [*columns.values(), *plain.values()]


Row = tuple[str, dict[str, float]]  # what was drawn; a figure for each column that has one


def every(what: str, columns: Sequence[Column], figure: Callable[[Column], float]) -> Row:
    """A row with that figure of every column."""
    return what, {column.name: figure(column) for column in columns}


def ours(what: str, columns: Sequence[Column], figure: Callable[[Column], float]) -> Row:
    """A row with that figure of the columns that read as `Classifier.read` does."""
    return every(what, [column for column in columns if not column.plain], figure)


def redrawn_rows(columns: Sequence[Column], pool: ProcessPoolExecutor, count: int) -> Iterator[Row]:
    """How many of the first `count` test digits are right, as they are and redrawn; and what else they tell."""
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
    """How many of the pen strokes are right, and how many are taken for no digit."""
    labels = np.array([one.label for one in written])
    strokes = [one.paths for one in written]
    chunks = [strokes[start : start + CHUNK] for start in range(0, len(strokes), CHUNK)]
    for kind in WRITTEN:
        digits = gathered(pool.map(write, [kind] * len(chunks), chunks))
        yield _right(kind, columns, digits, labels)
        yield _refused(f"{kind}, refused", columns, digits)


def unknown_rows(columns: Sequence[Column], pool: ProcessPoolExecutor) -> Iterator[Row]:
    """How many drawings that are no digit are refused: by kind, and all."""
    drawn = dict(zip(UNKNOWN, pool.map(invent, UNKNOWN), strict=True))
    for kind, digits in drawn.items():
        yield _refused(f"refused: {kind}", columns, digits)
    yield _refused("refused: all that is no digit", columns, gathered(drawn.values()))


def _right(what: str, columns: Sequence[Column], digits: Digits, labels: NDArray[np.int64]) -> Row:
    return every(what, columns, lambda column: column.right(digits, labels))


def _refused(what: str, columns: Sequence[Column], digits: Digits) -> Row:
    return ours(what, columns, lambda column: column.refused(digits))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.drawings", description="What networks make of drawings.")
    p.add_argument("weights", nargs="*", default=list(MODELS), metavar="WEIGHTS", help="files, or shipped ones by name")
    p.add_argument("--strokes", type=Path, metavar="FILE", help="pen strokes to read too, as JSON lines")
    p.add_argument("--digits", type=int, default=10_000, metavar="N", help="test digits to redraw (default: all)")
    p.add_argument("--json", type=json_file, metavar="FILE", help="write the figures there too")
    return p


def rows(columns: Sequence[Column], count: int, written: Sequence[Handwritten]) -> Iterator[Row]:
    """All rows, one after the other: of so many test digits, and of the pen strokes, where there are any."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from redrawn_rows(columns, pool, count)
        if written:
            yield from written_rows(columns, pool, written)
        yield from unknown_rows(columns, pool)


def main(arguments: list[str] | None = None) -> int:
    """The command line's work. Returns its exit code."""
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
