"""The lattice of a number: which groups of pieces are its digits, and if it is a number at all. NumPy only.

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

FAINTEST = 1e-4  # the least probability and certainty that counts, as the browser gets four decimals

JOINED = 0.1  # heights: a stroke that ends nearer to another one ends on it

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
)

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """Weights of the lattice's features."""

    group: Floats  # (11,)
    pair: Floats  # (7,)
    gate: Floats  # (13,)


class Score(NamedTuple):
    """How a network reads a group."""

    probabilities: Floats  # (10,), over all ways in which the group is drawn
    certainty: float  # in [0, 1]
    rejected: float  # share of the ways in which it is not recognised as a digit


class Partition(NamedTuple):
    """A way to divide the pieces among digits."""

    groups: list[int]  # their numbers, in the order of their first pieces
    score: float


def combined(probabilities: NDArray[np.floating], rejected: Sequence[bool]) -> Score:
    """Return the score of a group that was drawn in several ways: probabilities (W, 10), and which are rejected."""
    mean = np.log(np.maximum(probabilities, FAINTEST)).mean(axis=0)
    share = np.exp(mean) / np.exp(mean).sum()
    return Score(share, 1 + float((share * np.log(share)).sum()) / math.log(10), sum(rejected) / len(rejected))


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
    height, left, right = segmentation.height, one.box, other.box
    overlap = max(0.0, min(left.right, right.right) - max(left.left, right.left)) / height
    narrower = max(0.05, min(left.width, right.width) / height)
    apart = min(segmentation.distances[a, b] for a in one.pieces for b in other.pieces)
    cut = sum(segmentation.cuts[a, b] for a in one.pieces for b in other.pieces)
    return np.array(
        [
            min(1.0, overlap),
            min(1.0, max(0.0, right.left - left.right) / height),
            min(1.0, overlap / narrower),
            float(apart < 0.03),
            min(2.0, cut),
            min(1.0, abs(left.bottom - right.bottom) / height),
            min(1.0, abs(left.top - right.top) / height),
        ]
    )


def is_joined(one: Group, other: Group, segmentation: Segmentation) -> bool:
    """Return if a stroke joins two groups, as the bar of an H does: one end is on its own group, one on the other."""
    for own, rest in ((one, other), (other, one)):
        for piece, end in itertools.product(own.pieces, (0, 1)):
            beside = set(own.pieces) - {piece}
            if _is_near(piece, end, beside, segmentation) and _is_near(piece, 1 - end, rest.pieces, segmentation):
                return True
    return False


def _is_near(piece: int, end: int, others: Iterable[int], segmentation: Segmentation) -> bool:
    return any(segmentation.ends[piece, end, other] < JOINED for other in others)


class Lattice:
    """All partitions of a segmentation, scored."""

    def __init__(self, segmentation: Segmentation, scores: Sequence[Score]) -> None:
        self.segmentation, self.scores, self.groups = segmentation, scores, segmentation.groups
        rows = zip(self.groups, scores, strict=True)
        self.features = np.array([group_features(group, score, segmentation.height) for group, score in rows])
        self.pairs: dict[tuple[int, int], Floats] = {}
        self.starting: list[list[tuple[int, int]]] = [[] for _ in segmentation.boxes]  # (group, its pieces as bits)
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

        A state is the first piece that no group covers yet, the pieces after it that one does, as bits, and the newest
        group.
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
                    step = own[group] + (self.pair(last, group) @ weights.pair if path else 0.0)
                    to, rest = advance(first, covered | pieces)
                    found = states[to].get((rest, group))
                    if found is None or score + step > found[0]:
                        states[to][rest, group] = (score + step, [*path, group])
        score, path = max(states[count].values(), key=lambda one: one[0])
        return Partition(path, float(score))

    def digits(self, whole: Score, weights: Weights) -> tuple[list[int], float]:
        """Return the groups that are the digits, from the left, and how likely they are right.

        No groups if they are not accepted as several digits. `whole` is the drawing's score, read as one digit.
        """
        chosen = self.best(weights).groups
        pairs = itertools.pairwise(self.groups[at] for at in chosen)
        if len(chosen) < 2 or any(is_joined(one, other, self.segmentation) for one, other in pairs):
            return [], 0.0
        margin = float(self.gate_features(chosen, whole) @ weights.gate)
        certainty = 1 / (1 + math.exp(-margin))
        return sorted(chosen, key=lambda at: self.groups[at].box.centre) if margin > 0 else [], certainty

    def gate_features(self, groups: Sequence[int], whole: Score) -> Floats:
        """Return the features of a partition (13,), as GATE names them; `whole` is the drawing's, read as one digit."""
        certainties = [math.log(max(self.scores[at].certainty, FAINTEST)) for at in groups]
        pairs = np.array([self.pair(one, other) for one, other in itertools.pairwise(groups)])
        heights = [self.groups[at].box.height / self.segmentation.height for at in groups]
        return np.array(
            [
                1.0,
                max(-3.0, min(certainties)),
                max(-3.0, sum(certainties) / len(certainties)),
                pairs[:, 2].max(),
                pairs[:, 3].max(),
                pairs[:, 4].max(),
                min(1.0, *heights),
                min(3.0, max(heights)),
                max(self.scores[at].rejected for at in groups),
                math.log(max(whole.certainty, 0.01)),
                whole.rejected,
                pairs[:, 6].max(),
                min(5.0, len(groups)),
            ]
        )


def advance(first: int, covered: int) -> tuple[int, int]:
    """Return the first piece that is not covered, and the bits of the pieces after it."""
    while covered & 1:
        first, covered = first + 1, covered >> 1
    return first, covered
