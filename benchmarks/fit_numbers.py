"""Fit how numbers are segmented and accepted: `python -m benchmarks.fit_numbers` writes `model/numbers.json`.

The examples are numbers composed of MNIST's training digits and of our templates, single digits in several pieces, and
the non-digits that training shows. The partition is fitted by its conditional likelihood, as in a CRF, the gate by
logistic regression. Both networks' readings are fitted together, so that other networks may use the same weights.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks.composed import InkNumber, WrittenNumber, ink_number, layout, sample_number, write_number
from mnist_demo import commandline
from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.data.non_digits import non_digit
from mnist_demo.data.synthetic import write
from mnist_demo.files import write_whole
from mnist_demo.ink import segmentation
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.segmentation import Segmentation
from mnist_demo.ink.strokes import Path, Stroke, draw, fitted
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.lattice import GATE, GROUP, PAIR, Lattice, Score, Weights, advance, combined
from mnist_demo.model.networks import MODELS
from mnist_demo.model.numbers import FILE, read_groups

LENGTHS, SHARES = (2, 3, 4), (0.6, 0.3, 0.1)  # of the composed numbers
BRUSHES = (0.05, 0.2)  # heights
WHOLE_BRUSH = 0.11  # heights: the page's, for one digit
MAX_PATHS = 400  # partitions of one example
MAX_GROUPS = 120  # of a non-digit
MAX_LOST = 0.035  # of the non-digits that are rejected as one digit: the gate lets as many pass as a number
DECAY, GATE_DECAY = 1e-3, 1e-4  # of the squares of the weights

Random = np.random.Generator
Floats = NDArray[np.float64]


class Example(NamedTuple):
    """A drawing in several pieces."""

    digits: str  # "" if it is not a number
    pieces: Segmentation
    owners: list[int]  # the digit of each piece
    whole: NDArray[np.float32]  # (28, 28): the drawing as one digit


class Read(NamedTuple):
    """An example as a network reads it."""

    example: Example
    lattice: Lattice
    whole: Score


def written_examples(random: Random, count: int, make: Callable[[Random], WrittenNumber]) -> Iterator[Example]:
    """Yield drawings whose pieces are strokes."""
    while count:
        number = make(random)
        strokes = [Stroke(path, 1.0) for path in number.strokes]
        pieces = segmentation.of_strokes(strokes)
        if pieces is None or len(strokes) < 2 or len(pieces.groups) > MAX_GROUPS:
            continue
        centres = [path[:, 0].min() + path[:, 0].max() for path in number.strokes]
        owners = [number.owners[at] for at in np.argsort(centres, kind="stable")]
        width = WHOLE_BRUSH * pieces.height
        whole = to_mnist(draw(fitted([Stroke(path, width) for path in number.strokes], 140, 110), 140))
        assert whole is not None  # it fills the canvas
        yield Example(number.digits, pieces, owners, whole)
        count -= 1


def ink_examples(random: Random, count: int, make: Callable[[Random], InkNumber]) -> Iterator[Example]:
    """Yield drawings of which only the ink is known."""
    while count:
        number = make(random)
        pieces, whole = segmentation.of_ink(number.ink), to_mnist(number.ink)
        if pieces is None or whole is None or len(pieces.boxes) < 2 or len(pieces.groups) > MAX_GROUPS:
            continue
        parts = segmentation.ordered_parts(number.ink)
        owners = [int(np.bincount(number.owners[part.rows, part.columns]).argmax()) for part in parts]
        yield Example(number.digits, pieces, owners, whole)
        count -= 1


def number_of(random: Random) -> WrittenNumber:
    """Write a number of several digits; strokes of two rarely touch."""
    return write_number(random, int(random.choice(LENGTHS, p=SHARES)))


def touching_number_of(random: Random) -> WrittenNumber:
    """Write a number whose digits may touch when they are drawn."""
    return write_number(random, int(random.choice(LENGTHS, p=SHARES)), smallest=-0.08)


def digit_of(random: Random) -> WrittenNumber:
    """Write one digit."""
    digit = int(random.integers(10))
    return alone(write(random, digit), str(digit))


def other_of(random: Random) -> WrittenNumber:
    """Draw something that is not a digit."""
    return alone(non_digit(random))


def alone(paths: Sequence[Path], digits: str = "") -> WrittenNumber:
    """Return paths in a box of about 1 x 1 as that digit, or as none."""
    return WrittenNumber(digits, [100 * path for path in paths], [0] * len(paths))


def inked(make: Callable[[Random], WrittenNumber]) -> Callable[[Random], InkNumber]:
    """Return a function that makes the same as ink, by a random brush."""
    return lambda random: ink_number(make(random), random.uniform(*BRUSHES))


def ink_number_of(samples: Samples) -> Callable[[Random], InkNumber]:
    """Return a function that makes numbers as ink, half of them of samples."""

    def make(random: Random) -> InkNumber:
        if random.random() < 0.5:
            return inked(touching_number_of)(random)
        chosen = random.integers(len(samples.labels), size=int(random.choice(LENGTHS, p=SHARES)))
        plan = layout(random, smallest=-0.12)
        return sample_number(random, samples.images[chosen, 0].numpy(), samples.labels[chosen].tolist(), plan)

    return make


def read_by(network: Classifier, examples: Sequence[Example]) -> list[Read]:
    """Return the examples as the network reads them."""
    reads = []
    for example in tqdm(examples, unit=" drawings", disable=None):
        [reading] = network.read_images(example.whole[np.newaxis])
        lattice = Lattice(example.pieces, read_groups(network.read_images, example.pieces)[0])
        reads.append(Read(example, lattice, combined(reading.probabilities[np.newaxis], [reading.answer is None])))
    return reads


def truth(example: Example) -> list[int] | None:
    """Return the groups that are the digits; None if their pieces make no such groups."""
    numbers = {group.pieces: at for at, group in enumerate(example.pieces.groups)}
    owned: list[tuple[int, ...]] = [() for _ in example.digits]
    for piece, owner in enumerate(example.owners):
        owned[owner] += (piece,)
    found = [numbers.get(pieces) for pieces in owned]
    return None if None in found else sorted(one for one in found if one is not None)


def partitions(lattice: Lattice) -> list[list[int]]:
    """Return up to MAX_PATHS partitions."""
    found: list[list[int]] = []
    waiting: list[tuple[int, int, list[int]]] = [(0, 0, [])]
    while waiting and len(found) < MAX_PATHS:
        first, covered, path = waiting.pop()
        if first == len(lattice.starting):
            found.append(path)
            continue
        for group, pieces in lattice.starting[first]:
            if not covered & pieces:
                waiting.append((*advance(first, covered | pieces), [*path, group]))
    return found


def features(lattice: Lattice, path: Sequence[int]) -> Floats:
    """Return the features of a partition (18,): its groups' and its pairs', summed."""
    pairs = [lattice.pair(one, other) for one, other in itertools.pairwise(path)]
    return np.concatenate([lattice.features[list(path)].sum(axis=0), np.sum([np.zeros(len(PAIR)), *pairs], axis=0)])


def fit_partition(reads: Sequence[Read]) -> Floats:
    """Return the weights (18,) that make the right partitions most likely."""
    rows, owner, right = [], [], []
    for number, (example, lattice, _) in enumerate(reads):
        wanted, paths = truth(example), partitions(lattice)
        if wanted is None or not any(is_right := [sorted(path) == wanted for path in paths]):
            continue
        rows += [features(lattice, path) for path in paths]
        owner += [number] * len(paths)
        right += is_right
    every, of, chosen = torch.tensor(np.array(rows)), torch.tensor(owner), torch.tensor(right)

    def loss(weights: Tensor) -> Tensor:
        scores = every @ weights
        best = torch.zeros(len(reads), dtype=torch.double).scatter_reduce(
            0, of, scores.detach(), "amax", include_self=False
        )
        total = torch.zeros(len(reads), dtype=torch.double).index_add(0, of, (scores - best[of]).exp())
        return (total[of][chosen].log() - scores[chosen] + best[of][chosen]).mean() + DECAY * weights.square().sum()

    return minimum(loss, len(GROUP) + len(PAIR))


def fit_gate(reads: Sequence[Read], partition: Floats) -> Floats:
    """Return the weights (14,) of the gate, which tells numbers that are read right from everything else."""
    rows, right, rejected = [], [], 0
    lost = []  # of the rows, those of non-digits that are rejected as one digit
    for example, lattice, whole in reads:
        is_lost = not example.digits and whole.rejected > 0
        rejected += is_lost
        path = lattice.best(Weights(partition[: len(GROUP)], partition[len(GROUP) :], np.zeros(len(GATE)))).groups
        if len(path) < 2:
            continue
        rows.append(lattice.gate_features(path, whole))
        ordered = sorted(path, key=lambda at: example.pieces.groups[at].box.centre)
        right.append(float(example.digits == "".join(str(lattice.scores[at].probabilities.argmax()) for at in ordered)))
        lost.append(is_lost)
    every, wanted = torch.tensor(np.array(rows)), torch.tensor(right, dtype=torch.double)

    def loss(weights: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(every @ weights, wanted) + GATE_DECAY * weights.square().sum()

    weights = minimum(loss, len(GATE))
    margins = np.sort((np.array(rows) @ weights)[lost])[::-1]
    weights[0] -= float(margins[int(MAX_LOST * rejected)])
    return weights


def minimum(loss: Callable[[Tensor], Tensor], count: int) -> Floats:
    """Return the weights (count,) of the least loss."""
    weights = torch.zeros(count, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def step() -> float:
        optimizer.zero_grad()
        value = loss(weights)
        value.backward()
        return float(value.detach())

    optimizer.step(step)
    return np.asarray(weights.detach().numpy())


def fit(networks: Sequence[Classifier], examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Return the weights by name."""
    reads = [read for network in networks for read in read_by(network, examples)]
    partition = fit_partition([read for read in reads if read.example.digits])
    parts = {"group": partition[: len(GROUP)], "pair": partition[len(GROUP) :], "gate": fit_gate(reads, partition)}
    names = {"group": GROUP, "pair": PAIR, "gate": GATE}
    return {part: dict(zip(names[part], values.round(3).tolist(), strict=True)) for part, values in parts.items()}


def examples_of(count: int, seed: int) -> dict[str, list[Example]]:
    """Return examples by what their pieces are: `count` numbers, and other drawings in proportion."""
    random, samples = np.random.default_rng(seed), load_mnist("train")
    written, ink = written_examples, ink_examples
    return {
        "strokes": [
            *written(random, count, number_of),
            *written(random, count // 2, digit_of),
            *written(random, 3 * count // 2, other_of),
        ],
        "ink": [
            *ink(random, count, ink_number_of(samples)),
            *ink(random, count // 2, inked(digit_of)),
            *ink(random, 3 * count // 2, inked(other_of)),
        ],
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.fit_numbers", description="Fit how numbers are segmented.")
    p.add_argument("--count", type=int, default=600, metavar="N", help="composed numbers of each kind (default: 600)")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="of the examples (default: 1)")
    options = p.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        networks = [Classifier.load(name) for name in MODELS]
        source = f"python -m benchmarks.fit_numbers --count {options.count} --seed {options.seed}"
        weights = {kind: fit(networks, some) for kind, some in examples_of(options.count, options.seed).items()}
        write_whole(FILE, (json.dumps({"source": source, "weights": weights}, indent=2) + "\n").encode())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    commandline.run(main)
