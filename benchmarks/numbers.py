"""Measure how numbers are read: `python -m benchmarks.numbers --numbers FILE --signs FILE`.

FILE holds numbers that people wrote, as JSON lines `{"digits": "42", "strokes": [[[x, y], ...], ...]}`, y down, any
scale; and signs, digits among them, as `benchmarks.strangers` takes them. Nothing may be chosen by these files. The
other numbers are composed of MNIST's test digits.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.composed import Layout, sample_number
from benchmarks.report import json_file, machine, table, write_json
from benchmarks.unknown import UNKNOWN
from mnist_demo import commandline
from mnist_demo.data.mnist import load_mnist
from mnist_demo.files import read_whole
from mnist_demo.ink.strokes import Path as Line
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.model.reading import NumberReading

PAD, MARGIN = 280, 20  # pixels, of the page
BRUSH, SIZE = 20, 180  # pixels, of one sign on the page
INK_SIDE, INK_BRUSH = 560, 16  # pixels, of numbers drawn as ink
LONG = 6  # digits: longer numbers are counted together
SETS = {  # of MNIST's test digits
    "set apart": Layout(0.25, 0.08, 0.0, 0.12, 0.1),
    "slanted line": Layout(0.25, 0.08, 0.1, 0.2, 0.1),
    "touching": Layout(-0.02, 0.02, 0.0, 0.12, -0.06),
}


class Tally(NamedTuple):
    """What came of some drawings."""

    drawn: int
    exact: int  # read right to the last digit
    accepted_wrong: int
    digits: int
    errors: int  # digits: the edit distance of the accepted texts; all of a rejected number's
    seconds: float

    def row(self) -> list[str]:
        """Return the cells of a table: per cent exact, per cent accepted and wrong, digit errors in per cent, ms."""
        share = 100 / max(1, self.drawn)
        parts = share * self.exact, share * self.accepted_wrong, 100 * self.errors / max(1, self.digits)
        return [str(self.drawn), *(f"{part:.1f}" for part in parts), f"{10 * share * self.seconds:.1f}"]


class Case(NamedTuple):
    """A drawing and its number."""

    digits: str
    drawing: NDArray[np.uint8] | list[Stroke]


def lines_of(file: Path, key: str) -> Iterator[tuple[str, list[Line]]]:
    """Yield what is written and its strokes, from a file of JSON lines. Raises ValueError if a line is damaged."""
    for number, line in enumerate(read_whole(file).decode().splitlines(), start=1):
        try:
            content = json.loads(line)
            yield str(content[key]), [np.array(stroke, float).reshape(-1, 2) for stroke in content["strokes"]]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f'{file}, line {number}: is not {{"{key}": "3", "strokes": [[[x, y], ...]]}}') from None


def on_canvas(paths: Sequence[Line], side: int, brush: float, longest: float) -> list[Stroke]:
    """Return strokes in the middle of a canvas, so large."""
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (longest - brush) / max((high - low).max(), 1e-6)
    return [Stroke((path - (low + high) / 2) * scale + side / 2, brush) for path in paths]


def composed(plan: Layout, count: int) -> Iterator[Case]:
    """Yield numbers of 2 to 6 test digits."""
    random, test = np.random.default_rng(7), load_mnist("test")
    for number in range(count):
        chosen = random.integers(len(test.labels), size=2 + number % 5)
        made = sample_number(random, test.images[chosen, 0].numpy(), test.labels[chosen].tolist(), plan)
        yield Case(made.digits, made.ink)


def tally(cases: Iterable[Case], read: Callable[[Any], NumberReading]) -> Tally:
    """Return what comes of the drawings."""
    total = [0, 0, 0, 0, 0]
    start = time.perf_counter()
    for digits, drawing in cases:
        text = read(drawing).text
        distance = len(digits) if text is None else edits(digits, text)
        total = [
            a + b
            for a, b in zip(total, [1, text == digits, text not in (None, digits), len(digits), distance], strict=True)
        ]
    drawn, exact, wrong, count, errors = total
    return Tally(drawn, exact, wrong, count, errors, time.perf_counter() - start)


def edits(one: str, other: str) -> int:
    """Return the edit distance (Levenshtein) of two texts."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        before, row = row, [at]
        for column, own in enumerate(other, start=1):
            row.append(min(before[column] + 1, row[-1] + 1, before[column - 1] + (letter != own)))
    return row[-1]


def number_rows(file: Path, network: Classifier) -> Iterator[tuple[str, Tally]]:
    """Yield the rows of numbers that people wrote, from strokes and from ink."""
    written = list(lines_of(file, "digits"))
    strokes = [Case(digits, on_canvas(paths, PAD, BRUSH, PAD - MARGIN)) for digits, paths in written]
    by_length = {}
    for length in range(2, LONG + 1):
        some = [one for one in strokes if min(LONG, len(one.digits)) == length]
        by_length[length] = tally(tqdm(some, disable=None), network.read_number)
    yield "written, strokes", Tally(*(sum(values) for values in zip(*by_length.values(), strict=True)))
    for length, one in by_length.items():
        yield f"written, strokes, {length}{' or more' * (length == LONG)} digits", one
    inks = (
        Case(digits, draw(on_canvas(paths, INK_SIDE, INK_BRUSH, INK_SIDE - 2 * MARGIN), INK_SIDE))
        for digits, paths in tqdm(written, disable=None)
    )
    yield "written, ink", tally(inks, network.read_number)


def sign_rows(signs: Sequence[tuple[str, list[Line]]], network: Classifier) -> Iterator[tuple[str, list[str]]]:
    """Yield what single digits and other signs lose to numbers."""
    digits = [one for one in signs if one[0].isdigit()]
    others = [one for one in signs if not one[0].isdigit()]
    for name, as_drawn in (("strokes", list), ("ink", draw)):
        yield from losses(f"digits, {name}", digits, network, as_drawn)
        yield from losses(f"signs, {name}", others, network, as_drawn)


def unknown_rows(network: Classifier, count: int) -> Iterator[tuple[str, list[str]]]:
    """Yield what our own non-digits lose, pairs of digits left out."""
    random = np.random.default_rng(3)
    drawn = [(name, make(random)) for name, make in UNKNOWN.items() if "side by side" not in name for _ in range(count)]
    for name, as_drawn in (("strokes", list), ("ink", draw)):
        yield from losses(f"non-digits, {name}", drawn, network, as_drawn)


def losses(
    name: str, drawn: Sequence[tuple[str, list[Line]]], network: Classifier, as_drawn: Callable[[list[Stroke]], Any]
) -> Iterator[tuple[str, list[str]]]:
    """Yield a row: per cent right and rejected by `read`, and by `read_number`."""
    found = [0, 0, 0, 0]
    for label, paths in tqdm(drawn, disable=None):
        strokes = on_canvas(paths, PAD, BRUSH, SIZE)
        alone, text = network.read(draw(strokes)).answer, network.read_number(as_drawn(strokes)).text
        found = [
            a + b for a, b in zip(found, [str(alone) == label, alone is None, text == label, text is None], strict=True)
        ]
    yield name, [str(len(drawn)), *(f"{100 * one / len(drawn):.2f}" for one in found)]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.numbers", description="Measure how numbers are read.")
    p.add_argument("weights", nargs="*", default=list(MODELS), metavar="WEIGHTS", help="files, or shipped ones by name")
    p.add_argument("--numbers", type=Path, metavar="FILE", help="numbers that people wrote, as JSON lines")
    p.add_argument("--signs", type=Path, metavar="FILE", help="digits and other signs, as JSON lines")
    p.add_argument("--every", type=int, default=1, metavar="N", help="use every Nth sign only (default: all)")
    p.add_argument("--count", type=int, default=500, metavar="N", help="composed numbers of each kind (default: 500)")
    p.add_argument("--json", type=json_file, metavar="FILE", help="write the figures there too")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[list[str]] = []
    lost: list[list[str]] = []
    try:
        for name in options.weights:
            network = Classifier.load(name if name in MODELS else Path(name))
            found = [(kind, tally(composed(plan, options.count), network.read_number)) for kind, plan in SETS.items()]
            found += number_rows(options.numbers, network) if options.numbers else []
            rows += [[name, kind, *one.row()] for kind, one in found]
            lost += [[name, kind, *cells] for kind, cells in unknown_rows(network, max(1, options.count // 25))]
            signs = list(lines_of(options.signs, "symbol"))[:: options.every] if options.signs else []
            lost += [[name, kind, *cells] for kind, cells in (sign_rows(signs, network) if signs else [])]
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{machine()}\n")
    print(table(["network", "numbers", "count", "exact, %", "accepted and wrong, %", "digit errors, %", "ms"], rows))
    print()
    print(table(["network", "drawn", "count", "right", "rejected", "right as number", "rejected as number"], lost))
    write_json(options.json, {"numbers": rows, "losses": lost})
    return 0


if __name__ == "__main__":
    commandline.run(main)
