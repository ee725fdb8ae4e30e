"""The lattice of a number: find the groups of pieces that are its digits, and accept or reject it. NumPy only.

The best partition of the pieces is found by Viterbi's algorithm. A log-linear model scores groups, by how certainly
they are read and by their geometry, and pairs of neighbours. A logistic gate then accepts the number or rejects it.
`web/pad/lattice.js` does the same in the browser.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.segmentation import Group, Segmentation

FAINTEST = 1e-4  # lower probabilities and certainties count as this: the browser gets four decimals

JOINED = 0.1  # heights: if the end of a stroke is nearer to another stroke, it touches that stroke

GROUP = ("group", "probability", "certainty", "rejected", "low", "wide", "gap", "spread", "more pieces", "high", "flat")
PAIR = ("overlap", "gap between", "overlapped", "touch", "cut", "bottoms", "tops")
GATE = (
    "number",
    "least certainty",
    "mean certainty",
    "overlapped most",
    "touches",
    "cut most",
    "lowest",
    "highest",
    "rejected most",
    "certainty of the whole",
    "rejected whole",
    "tops differ most",
    "digits",
    "joined",
)

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """Weights of the lattice's features."""

    group: Floats  # (11,)
    pair: Floats  # (7,)
    gate: Floats  # (14,)


class Score(NamedTuple):
    """How a network reads a group."""

    probabilities: Floats  # (10,): geometric mean over the images of the group, normalised
    certainty: float  # in [0, 1]
    rejected: float  # share of the images that are not recognised as a digit


class Partition(NamedTuple):
    """A way to divide the pieces among digits."""

    groups: list[int]  # their indices, in the order of their first pieces
    score: float


def combined(probabilities: NDArray[np.floating], rejected: Sequence[bool]) -> Score:
    """Return a group's score, from the readings of its images: probabilities (N, 10), and which are rejected."""
    mean_log = np.log(np.maximum(probabilities, FAINTEST)).mean(axis=0)
    means = np.exp(mean_log) / np.exp(mean_log).sum()
    return Score(means, 1 + float((means * np.log(means)).sum()) / math.log(10), sum(rejected) / len(rejected))


def group_features(group: Group, score: Score, height: float) -> Floats:
    """Return the features of a group (11,), as GROUP names them."""
    wide, high = group.box.width / height, group.box.height / height
    return np.array(
        [
            1.0,
            math.log(score.probabilities.max()),
            math.log(max(score.certainty, FAINTEST)),
            score.rejected,
            max(0.0, 0.75 - high),
            max(0.0, wide - 0.9),
            group.gap,
            group.spread,
            len(group.pieces) - 1.0,
            max(0.0, high - 1.3),
            max(0.0, min(3.0, wide / max(high, 0.05) - 1.2)),
        ]
    )


def pair_features(one: Group, other: Group, segmentation: Segmentation) -> Floats:
    """Return the features of two neighbours (7,), as PAIR names them."""
    height, box, after = segmentation.height, one.box, other.box
    overlap = max(0.0, min(box.right, after.right) - max(box.left, after.left)) / height
    narrower = max(0.05, min(box.width, after.width) / height)
    apart = min(segmentation.distances[a, b] for a in one.pieces for b in other.pieces)
    cut = sum(segmentation.cuts[a, b] for a in one.pieces for b in other.pieces)
    return np.array(
        [
            min(1.0, overlap),
            min(1.0, max(0.0, after.left - box.right) / height),
            min(1.0, overlap / narrower),
            float(apart < 0.03),
            min(2.0, cut),
            min(1.0, abs(box.bottom - after.bottom) / height),
            min(1.0, abs(box.top - after.top) / height),
        ]
    )


def is_joined(one: Group, other: Group, segmentation: Segmentation) -> bool:
    """Return if a stroke joins two groups, as the bar of an H does: its ends touch another stroke of each."""
    for own, rest in ((one, other), (other, one)):
        for piece, end in itertools.product(own.pieces, (0, 1)):
            siblings = set(own.pieces) - {piece}
            if _touches(piece, end, siblings, segmentation) and _touches(piece, 1 - end, rest.pieces, segmentation):
                return True
    return False


def _touches(piece: int, end: int, others: Iterable[int], segmentation: Segmentation) -> bool:
    """Return if that end of a piece (0 or 1) touches any of the others."""
    return any(segmentation.ends[piece, end, other] < JOINED for other in others)


class Lattice:
    """All partitions of a segmentation, scored."""

    def __init__(self, segmentation: Segmentation, scores: Sequence[Score]) -> None:
        self.segmentation, self.scores, self.groups = segmentation, scores, segmentation.groups
        rows = zip(self.groups, scores, strict=True)
        self.features = np.array([group_features(group, score, segmentation.height) for group, score in rows])
        self.pairs: dict[tuple[int, int], Floats] = {}
        self.starting: list[list[tuple[int, int]]] = [[] for _ in segmentation.boxes]  # by first piece: (group, bits)
        for at, group in enumerate(self.groups):
            first = group.pieces[0]
            self.starting[first].append((at, sum(1 << (piece - first) for piece in group.pieces)))

    def pair(self, one: int, other: int) -> Floats:
        """Return the features of two neighbours."""
        if (one, other) not in self.pairs:
            self.pairs[one, other] = pair_features(self.groups[one], self.groups[other], self.segmentation)
        return self.pairs[one, other]

    def best(self, weights: Weights) -> Partition:
        """Return the best partition, by Viterbi's algorithm.

        A state consists of `first`, the first piece that no group covers; `covered`, the later pieces that are covered,
        as bits (bit 0 is `first`); and `last`, the group added last. For each state, the best score and path are kept.
        """
        own = self.features @ weights.group
        count = len(self.starting)
        states: list[dict[tuple[int, int], tuple[float, list[int]]]] = [{} for _ in range(count + 1)]
        states[0][0, -1] = (0.0, [])
        for first in range(count):
            for (covered, last), (score, path) in states[first].items():
                for group, pieces in self.starting[first]:
                    if covered & pieces:
                        continue
                    gain = own[group] + (self.pair(last, group) @ weights.pair if path else 0.0)
                    next_first, next_covered = advance(first, covered | pieces)
                    found = states[next_first].get((next_covered, group))
                    if found is None or score + gain > found[0]:
                        states[next_first][next_covered, group] = (score + gain, [*path, group])
        score, path = max(states[count].values(), key=lambda one: one[0])
        return Partition(path, float(score))

    def digits(self, whole: Score, weights: Weights) -> tuple[list[int], float]:
        """Return the groups that are the digits, from the left, and the probability that they are right.

        The list is empty if the drawing is not accepted as several digits. `whole` is its score, read as one digit.
        """
        chosen = self.best(weights).groups
        if len(chosen) < 2:
            return [], 0.0
        margin = float(self.gate_features(chosen, whole) @ weights.gate)
        certainty = 1 / (1 + math.exp(-margin))
        return sorted(chosen, key=lambda at: self.groups[at].box.centre) if margin > 0 else [], certainty

    def gate_features(self, groups: Sequence[int], whole: Score) -> Floats:
        """Return the features of a partition (14,), as GATE names them.

        `whole` is the score of the drawing, read as one digit.
        """
        certainties = [math.log(max(self.scores[at].certainty, FAINTEST)) for at in groups]
        pairs = np.array([self.pair(one, other) for one, other in itertools.pairwise(groups)])
        most = dict(zip(PAIR, pairs.max(axis=0), strict=True))
        heights = [self.groups[at].box.height / self.segmentation.height for at in groups]
        neighbours = itertools.pairwise(self.groups[at] for at in groups)
        return np.array(
            [
                1.0,
                max(-3.0, min(certainties)),
                max(-3.0, sum(certainties) / len(certainties)),
                most["overlapped"],
                most["touch"],
                most["cut"],
                min(1.0, *heights),
                min(3.0, max(heights)),
                max(self.scores[at].rejected for at in groups),
                math.log(max(whole.certainty, 0.01)),
                whole.rejected,
                most["tops"],
                min(5.0, len(groups)),
                any(is_joined(one, other, self.segmentation) for one, other in neighbours),
            ]
        )


def advance(first: int, covered: int) -> tuple[int, int]:
    """Return the first piece from `first` on that is not covered, and the bits shifted so that bit 0 is that piece."""
    while covered & 1:
        first, covered = first + 1, covered >> 1
    return first, covered
