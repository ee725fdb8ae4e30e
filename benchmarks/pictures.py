"""Measure the networks on pictures as users upload them: `python -m benchmarks.pictures`.

MNIST's test digits and handwritten templates, in turn, are set into pictures of every kind of `benchmarks.made`. Beside
each network is the same one with plain ink: all that differs from the border's median brightness, as this project read
pictures before. This reads the test set: choose nothing by its results.
"""

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from benchmarks.made import CLEAN, MADE, NO_DIGIT, of_sample, of_template
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo.data.mnist import load_mnist
from mnist_demo.ink.picture import ink_of, open_picture
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

KINDS = CLEAN | MADE
CHUNK = 50  # pictures that a process makes and reads at a time
WEIGHED = 5  # pictures of a kind to measure memory on


class Outcome(NamedTuple):
    """The numbers of pictures read right, read wrong and rejected."""

    right: int
    wrong: int
    refused: int


Outcomes = dict[str, Outcome]  # by the name of the column


def plain_ink(picture: Image.Image) -> NDArray[np.uint8]:
    """Return what differs from the border's median brightness, or is opaque if the border is transparent."""
    rgba = np.asarray(picture.convert("RGBA"), np.int32)
    opacity, gray = rgba[..., 3], np.asarray(picture.convert("RGB").convert("L"), np.int32)
    paper, ground = (
        int(np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])))
        for values in (gray, opacity)
    )
    contrast = opacity if ground == 0 else np.abs(gray - paper) * opacity // 255
    contrast[contrast < contrast.max() / 4] = 0
    return contrast.astype(np.uint8)


def stored(picture: Image.Image) -> bytes:
    """Return the picture as a file: as JPEG if it came from one, else as PNG."""
    file = io.BytesIO()
    if picture.format == "JPEG":
        picture.save(file, "JPEG", quality="keep")
    else:
        picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def made(kind: str, first: int, count: int) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return pictures of that kind, as files, and the digits they show, -1 for none; a picture's number is its seed."""
    test = load_mnist("test")
    files, labels = [], []
    for number in range(first, first + count):
        random = np.random.default_rng([number, *kind.encode()])
        which = int(random.integers(len(test.labels)))
        label = int(test.labels[which])
        if kind in NO_DIGIT:
            picture, label = NO_DIGIT[kind](random), -1
        else:
            hand = of_template(label, random) if number % 2 else of_sample(test.images[which, 0].numpy())
            picture = KINDS[kind](hand, random)
        files.append(stored(picture))
        labels.append(label)
    return files, np.array(labels)


def outcomes(kind: str, first: int, count: int) -> Outcomes:
    """Return the outcomes of that many pictures of that kind, by network."""
    torch.set_num_threads(1)
    files, labels = made(kind, first, count)
    ways: dict[str, Callable[[Image.Image], NDArray[np.uint8]]] = {"": ink_of, " before": plain_ink}
    inks = {way: [ink(open_picture(io.BytesIO(file))) for file in files] for way, ink in ways.items()}
    return {
        f"{name}{way}": _outcome(network, inks[way], labels)
        for name, network in ((name, Classifier.load(name)) for name in MODELS)
        for way in ways
    }


def cost(files: Sequence[bytes]) -> tuple[float, float]:
    """Return the median ms from file to ink, and the MB by which reading them made this process grow. On Linux."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, taken = _memory("VmRSS"), []
    for file in files:
        start = time.perf_counter()
        ink_of(open_picture(io.BytesIO(file)))
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken), _memory("VmHWM") - before


def _memory(what: str) -> float:
    """Return the MB that this process holds (VmRSS), or held at most (VmHWM)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[what].split()[0]) / 1024


def _outcome(network: Classifier, inks: Sequence[NDArray[np.uint8]], labels: NDArray[np.int64]) -> Outcome:
    given = [network.read(ink).answer for ink in inks]
    refused = sum(answer is None for answer in given)
    right = sum(answer == label for answer, label in zip(given, labels.tolist(), strict=True))
    return Outcome(right, len(given) - right - refused, refused)


def summed(parts: Iterable[Outcomes]) -> Outcomes:
    """Return the outcomes of all parts together."""
    total: Outcomes = {}
    for part in parts:
        for name, outcome in part.items():
            so_far = total.get(name, Outcome(0, 0, 0))
            total[name] = Outcome(*(one + other for one, other in zip(so_far, outcome, strict=True)))
    return total


class Row(NamedTuple):
    """The outcome of one kind of picture."""

    kind: str
    outcomes: Outcomes
    milliseconds: float
    megabytes: float


def rows(kinds: Sequence[str], count: int, processes: int) -> Iterator[Row]:
    """Yield one kind after the other, with `count` pictures of each."""
    spawn = get_context("spawn")
    firsts = list(range(0, count, CHUNK))
    sizes = [min(CHUNK, count - first) for first in firsts]
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        for kind in kinds:
            parts = pool.map(outcomes, [kind] * len(firsts), firsts, sizes)
            total = summed(parts)
            files, _ = made(kind, 0, min(count, WEIGHED))
            with ProcessPoolExecutor(1, mp_context=spawn) as fresh:
                yield Row(kind, total, *fresh.submit(cost, files).result())


def shares(outcome: Outcome) -> str:
    """Return the per cent right and wrong; the rest is rejected."""
    count = sum(outcome)
    return f"{100 * outcome.right / count:.1f} / {100 * outcome.wrong / count:.1f}"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description="Measure the networks on pictures.")
    p.add_argument("--pictures", type=int, default=500, metavar="N", help="pictures of each kind (default: 500)")
    p.add_argument("--kinds", nargs="+", metavar="KIND", help="only kinds with one of these in their names")
    p.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    return p


def chosen(parts: Sequence[str] | None) -> list[str]:
    """Return the kinds with one of those parts in their names, or all for None. Raises ValueError if none has one."""
    kinds = [*KINDS, *NO_DIGIT]
    found = kinds if parts is None else [kind for kind in kinds if any(part in kind for part in parts)]
    if not found:
        raise ValueError(f"--kinds: none of {', '.join(kinds)} has {' or '.join(parts or [])} in it")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if options.pictures < 1:
            raise ValueError(f"--pictures must be at least 1, not {options.pictures}")
        kinds = chosen(options.kinds)
        done = list(
            tqdm(rows(kinds, options.pictures, os.cpu_count() or 1), total=len(kinds), unit=" kinds", disable=None)
        )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    names = list(done[0].outcomes)
    print(f"{machine()}; {options.pictures} pictures of each kind; per cent right / wrong, the rest refused\n")
    lines = [
        [r.kind, *(shares(r.outcomes[n]) for n in names), f"{r.milliseconds:.0f}", f"{r.megabytes:.0f}"] for r in done
    ]
    print(table(["picture", *names, "ms", "MB"], lines))
    figures = {
        r.kind: {n: o._asdict() for n, o in r.outcomes.items()} | {"ms": r.milliseconds, "MB": r.megabytes}
        for r in done
    }
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
