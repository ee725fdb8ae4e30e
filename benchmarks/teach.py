"""Measure what teaching a network one's handwriting gives and costs: `python -m benchmarks.teach --strokes FILE`.

FILE is a stroke file with digits of several people; each line names its writer in the field `"writer"`. For each of the
writers that a shipped network reads worst, `python -m mnist_demo.train --recipe teach` learns their first two misread
digits of each kind, at most ten in all. The accuracy before and after is measured on that writer's other digits, on all
other writers, on MNIST's validation and test digits, and as the rejection of non-digits. This reads the last two sets:
choose nothing by their results.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.drawings import gathered, invent, write
from benchmarks.report import json_file, machine, table, write_json
from benchmarks.unknown import UNKNOWN
from mnist_demo import commandline
from mnist_demo.data.mnist import load_mnist
from mnist_demo.data.stroke_file import read_written
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

WRITERS = 10  # those that a network reads worst
GOOD = 99  # per cent of a writer's digits
EACH_KIND, MAX_CORRECTIONS = 2, 10  # the most corrections: of a kind, and in all
HELD_OUT = 5000  # MNIST's training digits that only the tutorial's recipe trains on
KIND = "strokes 180 px, brush 20"  # how pen strokes are drawn
Images = NDArray[np.float32]  # (N, 28, 28) in [0, 1]
Figures = dict[str, float]


class Hands(NamedTuple):
    """Digits of several writers, one per row."""

    lines: list[str]
    images: Images
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]


class Rest(NamedTuple):
    """Data on which the network must not get worse."""

    validation: Images
    labels: NDArray[np.int64]
    unknown: Images


def hands_in(file: Path) -> Hands:
    """Return the digits in the file. Raises ValueError, in one line, if it is invalid or a line names no writer."""
    written = read_written(file)
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    writers = [json.loads(line).get("writer") for line in lines]
    if not all(type(writer) is int for writer in writers):
        raise ValueError(f'{file}: each line must name its writer, such as "writer": 3')
    images = write(KIND, [one.paths for one in written]).ours
    return Hands(lines, images, np.array([one.label for one in written]), np.array(writers))


def rest() -> Rest:
    """Return MNIST's validation digits and all non-digits."""
    held_out = load_mnist("train").split(HELD_OUT)[1]
    return Rest(
        np.divide(held_out.images[:, 0].numpy(), 255, dtype=np.float32),
        held_out.labels.numpy(),
        gathered(map(invent, UNKNOWN)).ours,
    )


def right(network: Classifier, images: Images, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return if each image is read right: (N,) bool."""
    answers = np.concatenate([network.probabilities(part) for part in np.array_split(images, len(images) // 500 + 1)])
    return np.asarray(answers.argmax(1) == labels)


def corrections(misread: NDArray[np.intp], labels: NDArray[np.int64]) -> list[int]:
    """Return the misread digits, in order, that a user would correct: EACH_KIND of a kind, MAX_CORRECTIONS in all."""
    chosen: list[int] = []
    for index in misread.tolist():
        if sum(labels[other] == labels[index] for other in chosen) < EACH_KIND and len(chosen) < MAX_CORRECTIONS:
            chosen.append(index)
    return chosen


def taught(model: str, lines: Sequence[str]) -> tuple[Classifier, float]:
    """Return the shipped network after teaching it those lines, and the seconds that took. Raises OSError."""
    with tempfile.TemporaryDirectory() as folder:
        extra, output = Path(folder, "extra.jsonl"), Path(folder, "yours.safetensors")
        extra.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = [sys.executable, "-m", "mnist_demo.train", "--model", model, "--recipe", "teach"]
        start = time.perf_counter()
        run = subprocess.run([*command, "--extra", extra, "--output", output], capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if run.returncode:
            raise OSError(f"teaching failed: {run.stderr.strip()}")
        return Classifier.load(output), seconds


class Worth(NamedTuple):
    """The accuracy of a network."""

    is_right: NDArray[np.bool_]  # (N,), for the digits of all writers
    validation: float  # accuracy in per cent, like the next
    test: float
    refused: float  # per cent of non-digits that are rejected

    def figures(self, own: NDArray[np.bool_], kept: NDArray[np.bool_]) -> Figures:
        """Return the results for one writer, whose digits `own` (N,) are scored where `kept` (N,) is True."""
        return {
            "misread": int((~self.is_right & own & kept).sum()),
            "corrections misread": int((~self.is_right & own & ~kept).sum()),
            "others": 100 * float(self.is_right[~own].mean()),
            "validation": self.validation,
            "test": self.test,
            "refused": self.refused,
        }


def worth(network: Classifier, hands: Hands, rest: Rest) -> Worth:
    """Return the accuracy of a network on all writers and on the rest of the data."""
    return Worth(
        right(network, hands.images, hands.labels),
        100 * float(right(network, rest.validation, rest.labels).mean()),
        100 * network.card.test_accuracy,
        100 * float((~network.known(rest.unknown)).mean()),
    )


def lessons(model: str, hands: Hands, rest: Rest, count: int) -> list[dict[str, Any]]:
    """Return the results before and after teaching, for each of the writers that the network reads worst."""
    shipped, rows = worth(Classifier.load(model), hands, rest), []
    for writer in tqdm(worst(shipped.is_right, hands)[:count], desc=model, unit=" writers", disable=None):
        own = hands.writers == writer
        chosen = corrections(np.flatnonzero(own & ~shipped.is_right), hands.labels)
        kept = np.ones(len(own), bool)
        kept[chosen] = False
        network, seconds = taught(model, [hands.lines[index] for index in chosen])
        before, after = (one.figures(own, kept) for one in (shipped, worth(network, hands, rest)))
        row = {
            "writer": writer,
            "corrections": len(chosen),
            "seconds": seconds,
            "interpolation": network.card.recipe.get("interpolation", 1.0),
        }
        rows.append(row | {"before": before, "after": after})
    return rows


def worst(is_right: NDArray[np.bool_], hands: Hands) -> list[int]:
    """Return all writers with misread digits, those with most first."""
    misread = {writer: int((~is_right)[hands.writers == writer].sum()) for writer in set(hands.writers.tolist())}
    return sorted(filter(misread.get, misread), key=lambda writer: (-misread[writer], writer))


def spread(model: str, hands: Hands) -> str:
    """Return how many writers the shipped network reads well, and its accuracy on the worst, in one line."""
    is_right = right(Classifier.load(model), hands.images, hands.labels)
    shares = [100 * float(is_right[hands.writers == writer].mean()) for writer in set(hands.writers.tolist())]
    good = sum(share >= GOOD for share in shares)
    return f"{model}: accuracy of {GOOD} % or more for {good} of {len(shares)} writers, at least {min(shares):.1f} %"


def shown(lesson: dict[str, Any]) -> list[str]:
    """Return a lesson as a row of the table."""
    before, after = lesson["before"], lesson["after"]
    lost = (f"{before[what] - after[what]:+.2f}" for what in ("others", "validation", "test", "refused"))
    told = (str(lesson["writer"]), str(lesson["corrections"]), str(after["corrections misread"]))
    return [*told, str(before["misread"]), str(after["misread"]), *lost, f"{lesson['seconds']:.1f}"]


def summed(lessons: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return all lessons as one: sums of digits, means of shares and seconds."""

    def both(when: str) -> Figures:
        rows = [lesson[when] for lesson in lessons]
        totals = {what: sum(row[what] for row in rows) for what in rows[0]}
        return {what: total if "misread" in what else total / len(rows) for what, total in totals.items()}

    return {
        "writer": "all",
        "corrections": sum(lesson["corrections"] for lesson in lessons),
        "seconds": sum(lesson["seconds"] for lesson in lessons) / len(lessons),
        "before": both("before"),
        "after": both("after"),
    }


HEADER = ("writer", "corrections", "still misread", "the rest: misread before", "after")
LOST = tuple(f"lost: {what}, points" for what in ("other writers", "validation", "test", "non-digits refused"))


def report(model: str, lessons: Sequence[dict[str, Any]]) -> str:
    """Return the table of one network, and its summary."""
    total = summed(lessons)
    before, after = total["before"]["misread"], total["after"]["misread"]
    gone = f"{100 * (1 - after / before):.0f} per cent of the rest's errors gone" if before else "no errors in the rest"
    rows = [shown(lesson) for lesson in (*lessons, total)]
    return f"{model}: {gone}\n\n{table([*HEADER, *LOST, 'seconds'], rows)}\n"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.teach", description="What teaching gives and costs.")
    p.add_argument("--strokes", type=Path, required=True, metavar="FILE", help="stroke file with writers")
    p.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS), help="networks (default: both)")
    p.add_argument("--writers", type=int, default=WRITERS, metavar="N", help=f"number of writers (default: {WRITERS})")
    p.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.writers < 1:
            raise ValueError(f"--writers must be at least 1, not {options.writers}")
        hands, world = hands_in(options.strokes), rest()
        print(machine(), flush=True)
        all_lessons = {}
        for model in options.model:
            print(spread(model, hands), flush=True)
            all_lessons[model] = lessons(model, hands, world, options.writers)
            print(report(model, all_lessons[model]) if all_lessons[model] else f"{model}: misreads nobody", flush=True)
    except (ValueError, OSError) as error:
        commandline.complain(error)
        return commandline.WRONG
    write_json(options.json, all_lessons)
    return 0


if __name__ == "__main__":
    commandline.run(main)
