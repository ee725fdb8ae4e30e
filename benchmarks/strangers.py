"""Measure the networks on digits and signs that strangers wrote: `python -m benchmarks.strangers --usps FILE ...`.

No network was trained on these files, and nothing may be chosen by them: look once, at the end. docs/figures.md says
where to get them. A column of the table is a weights file, or the mean of several that differ only in their seed;
`plain resize` is the first of them given the picture merely resized to 28 x 28.
"""

import argparse
import gzip
import json
import statistics
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.drawings import Column, Digits, Row, columns_of, every, gathered, ours, write
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo import commandline
from mnist_demo.data.mnist import load_mnist
from mnist_demo.files import read_whole, write_whole
from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS, bare
from mnist_demo.model.recipes import Recipe
from mnist_demo.model.weights import digest
from mnist_demo.server.lenses.strangers import FILE
from mnist_demo.training.samples import as_trained

PEN = "strokes 180 px, brush 20"  # how strokes are drawn: as on the page
SIGNS = "signs"
# Signs that look like a digit to any reader, by their LaTeX names: nobody can reject them without context.
TWINS = {*"/|()[],.lIijoOsSbqgzZyYGd>{}", r"\prime", r"\gt", r"\int", r"\{", r"\}", r"\gamma"}
SHARES = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03)  # of distorted validation digits that thresholds reject
WORST = 12  # signs to name

Images = NDArray[np.float32]


class Written(NamedTuple):
    """Drawings by strangers, and what they are."""

    digits: Digits
    names: NDArray[np.str_]  # (N,), "0" to "9", or a sign's LaTeX name

    def only(self, which: NDArray[np.bool_]) -> "Written":
        """Return those drawings of the N where `which` (N,) is true."""
        return Written(Digits(*(images[which] for images in self.digits)), self.names[which])

    @property
    def labels(self) -> NDArray[np.int64]:
        """Return the digits' labels (N,)."""
        return self.names.astype(np.int64)


def of_pictures(pictures: NDArray[Any], labels: NDArray[Any]) -> Written:
    """Return what networks see of pictures (N, H, W), 0 = paper and 255 = ink. Raises ValueError if one is blank."""
    seen = [to_mnist(picture) for picture in pictures]
    if any(one is None for one in seen):
        raise ValueError("a picture is blank")
    resized = [Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR) for picture in pictures]
    plain = np.array([np.asarray(one) for one in resized], np.float32) / np.float32(255)
    return Written(Digits(np.array(seen, np.float32), plain), np.asarray(labels).astype(int).astype(str))


def read_usps(file: Path) -> Written:
    """Load USPS digits: a gzipped text, a line each of the label and 256 numbers from -1 to 1."""
    try:
        rows = np.loadtxt(gzip.decompress(read_whole(file)).decode().splitlines(), ndmin=2)
        pictures = np.rint((rows[:, 1:].reshape(-1, 16, 16) + 1) * 127.5)
        return of_pictures(pictures.clip(0, 255).astype(np.uint8), rows[:, 0])
    except (gzip.BadGzipFile, EOFError, ValueError) as error:
        raise ValueError(f"{file} is not a gzipped text of USPS digits ({error})") from None


def read_ardis(file: Path) -> Written:
    """Load ARDIS digits: `images` (N, 28, 28), 255 = ink, and `labels` (N,) in a NumPy archive."""
    try:
        with np.load(file) as archive:
            return of_pictures(archive["images"].astype(np.uint8), archive["labels"])
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{file} is not an archive of ARDIS digits ({error})") from None


def read_signs(file: Path) -> Written:
    r"""Load pen strokes: JSON lines `{"symbol": "\\alpha", "strokes": [[[x, y], ...], ...]}`, y down, any scale."""
    names, strokes = [], []
    for number, line in enumerate(read_whole(file).decode().splitlines(), start=1):
        try:
            content = json.loads(line)
            paths = [np.array(stroke, float).reshape(-1, 2) for stroke in content["strokes"]]
            if not isinstance(content["symbol"], str) or not paths or not all(len(path) for path in paths):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise ValueError(f'{file}, line {number}: is not {{"symbol": "3", "strokes": [[[x, y], ...]]}}') from None
        names.append(content["symbol"])
        strokes.append(paths)
    if not names:
        raise ValueError(f"{file} holds no signs")
    parts = (write(PEN, strokes[start : start + 500]) for start in range(0, len(strokes), 500))
    return Written(gathered(parts), np.array(names))


def read_sets(options: argparse.Namespace) -> dict[str, Written]:
    """Load every set that the command line names, the digits and the other signs of pen strokes apart."""
    sets = {}
    if options.usps:
        sets["USPS"] = read_usps(options.usps)
    if options.ardis:
        sets["ARDIS"] = read_ardis(options.ardis)
    if options.signs:
        written = read_signs(options.signs)
        is_digit = np.isin(written.names, list("0123456789"))
        sets["formulas"], sets[SIGNS] = written.only(is_digit), written.only(~is_digit)
    if not sets:
        raise ValueError("nothing to measure: name at least one of --usps, --ardis and --signs")
    return sets


def certainties(network: Classifier, images: Images) -> NDArray[np.float64]:
    """Return the certainty (N,) with which the network reads images (N, 28, 28)."""
    parts = (network.read_images(images[start : start + 500]) for start in range(0, len(images), 500))
    return np.array([reading.certainty for part in parts for reading in part])


def auroc(digits: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return how often a digit is read with more certainty than another sign; a tie counts half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, digits, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(others)))


def right_if_accepted(column: Column, digits: Written) -> float:
    """Return the per cent of the accepted drawings that are read right."""
    shares = []
    for network in column.networks:
        accepted = network.known(digits.digits.ours)
        right = network.probabilities(digits.digits.ours).argmax(1) == digits.labels
        shares.append(float(right[accepted].mean()))
    return 100 * statistics.mean(shares)


def digit_rows(name: str, digits: Written, columns: Sequence[Column]) -> Iterator[Row]:
    """Return the rows of a set of digits."""
    right = partial(Column.right, digits=digits.digits, labels=digits.labels)
    yield every(f"{name}: right", columns, right)
    yield ours(f"{name}: rejected", columns, partial(Column.refused, digits=digits.digits))
    yield ours(f"{name}: right if accepted", columns, partial(right_if_accepted, digits=digits))
    for digit in sorted(set(digits.names)):
        some = digits.only(digits.names == digit)
        right = partial(Column.right, digits=some.digits, labels=some.labels)
        yield every(f"{name}: right, {digit}", columns, right)


def sign_rows(signs: Written, digits: Written, columns: Sequence[Column]) -> Iterator[Row]:
    """Return the rows of signs that are not digits, beside digits that the same people wrote."""
    for what, some in ((SIGNS, signs), (f"{SIGNS} without twins", without_twins(signs))):
        yield ours(f"{what}: rejected", columns, partial(Column.refused, digits=some.digits))
        yield ours(f"{what}: AUROC", columns, partial(mean_auroc, digits=digits, others=some))


def without_twins(signs: Written) -> Written:
    """Return the signs that a reader can tell from a digit."""
    return signs.only(~np.isin(signs.names, list(TWINS)))


def mean_auroc(column: Column, digits: Written, others: Written) -> float:
    """Return the AUROC of certainty, the mean over the column's networks."""
    images = digits.digits.ours, others.digits.ours
    return statistics.mean(auroc(*(certainties(network, some) for some in images)) for network in column.networks)


def all_rows(sets: dict[str, Written], columns: Sequence[Column]) -> Iterator[Row]:
    """Return the rows of all sets."""
    for name, written in sets.items():
        if name == SIGNS:
            yield from sign_rows(written, sets["formulas"], columns)
        else:
            yield from digit_rows(name, written, columns)


def curve(network: Classifier, sets: dict[str, Written]) -> list[list[str]]:
    """Return what each threshold rejects: a row for each share of MNIST's validation digits, distorted, that it does.

    The shipped threshold is chosen by those alone.
    """
    held_out = load_mnist("train").split(5000)[1].images
    distorted = as_trained(Recipe(**network.card.recipe), held_out, network.card.seed)
    varied, own = (certainties(network, (images[:, 0] / 255).numpy()) for images in (distorted, held_out))
    tried = [own, *(certainties(network, shown(name, written).digits.ours) for name, written in sets.items())]
    shipped = round(network.card.threshold, 6)
    levels = {shipped, *np.quantile(varied, SHARES).round(6).tolist()}
    return [
        [f"{100 * (varied < level).mean():.2f}{' (shipped)' * (level == shipped)}", f"{level:.3f}"]
        + [f"{100 * (certain < level).mean():.1f}" for certain in tried]
        for level in sorted(levels)
    ]


def shown(name: str, written: Written) -> Written:
    """Return a set as the curve shows it: signs without twins."""
    return without_twins(written) if name == SIGNS else written


def worst_signs(network: Classifier, signs: Written) -> str:
    """Return the signs, twins left out, that pass for a digit most often, with the per cent that do."""
    accepted = defaultdict(list)
    for name, is_accepted in zip(signs.names, network.known(signs.digits.ours), strict=True):
        accepted[str(name)].append(is_accepted)
    shares = sorted(((float(np.mean(one)), name) for name, one in accepted.items()), reverse=True)
    return ", ".join(f"{name} {100 * share:.0f}" for share, name in shares[:WORST])


def facts(network: Classifier, sets: dict[str, Written]) -> dict[str, Any]:
    """Return what the page's lens Report shows of one network. Shares are in [0, 1]."""
    told: dict[str, Any] = {"weights": digest(bare(network.model).state_dict())}
    for name, written in sets.items():
        some = shown(name, written)
        told[name] = {"count": len(some.names), "rejected": float((~network.known(some.digits.ours)).mean())}
        if name != SIGNS:
            answers = network.probabilities(some.digits.ours).argmax(1)
            told[name]["right"] = float((answers == some.labels).mean())
    return told


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description="Digits that strangers wrote.")
    p.add_argument("weights", nargs="*", default=list(MODELS), metavar="WEIGHTS", help="files, or shipped ones by name")
    p.add_argument("--usps", type=Path, metavar="FILE", help="USPS digits, a gzipped text")
    p.add_argument("--ardis", type=Path, metavar="FILE", help="ARDIS digits, a NumPy archive of images and labels")
    p.add_argument("--signs", type=Path, metavar="FILE", help="pen strokes of digits and other signs, as JSON lines")
    p.add_argument("--json", type=json_file, metavar="FILE", help="write the figures there too")
    p.add_argument("--write", action="store_true", help="keep the shipped networks' figures for the page's Report")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        columns = columns_of(options.weights)
        sets = read_sets(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    figures = dict(all_rows(sets, columns))
    print(f"{machine()}; per cent, AUROC in [0, 1]\n")
    names = [column.name for column in columns]
    cells = [[what, *(f"{row[one]:.4g}" if one in row else "" for one in names)] for what, row in figures.items()]
    print(table(["written by strangers", *names], cells))
    for column in columns:
        if not column.plain and column.networks[0].card.threshold:
            print(f"\n{column.name}: per cent rejected, by how many distorted validation digits a threshold rejects\n")
            print(table(["distorted", "threshold", "validation", *sets], curve(column.networks[0], sets)))
            if SIGNS in sets:
                print(f"\nSigns that pass most often, %: {worst_signs(column.networks[0], without_twins(sets[SIGNS]))}")
    write_json(options.json, figures)
    if options.write:
        shipped = {name: facts(Classifier.load(name), sets) for name in MODELS}
        write_whole(FILE, (json.dumps(shipped, indent=2) + "\n").encode())
    return 0


if __name__ == "__main__":
    commandline.run(main)
