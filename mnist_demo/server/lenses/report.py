"""What stands in the lens "Report", and what the browser may ask it for.

Knows: which of the cards' figures are shown, and which test digits are behind each. Does not know: how figures are
computed (they come with the weights, and nothing is judged here), or how they are drawn.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import bare
from mnist_demo.model.weights import Card
from mnist_demo.server.engine import Function, Functions, Question, RefusalError
from mnist_demo.server.lenses.label_votes import label_votes
from mnist_demo.server.lenses.strangers import strangers
from mnist_demo.server.readings import tiles

SHOWN = 48  # digits at a time
MAJORITY = 3  # of the five people asked

Json = dict[str, Any]
Indices = NDArray[np.int64]


class Wanted(Question):
    """The digits behind a figure: a cell of the confusion matrix, the worst, or those it alone gets right."""

    network: str
    cell: Annotated[list[Annotated[int, Field(ge=0, le=9)]], Field(min_length=2, max_length=2)] | None = None
    worst: bool = False
    alone: bool = False
    start: Annotated[int, Field(ge=0)] = 0


def functions(classifiers: Mapping[str, Classifier], samples: Samples) -> Functions:
    """Return what the browser may ask of those networks, by name; `samples` are the test set."""
    found = Found(classifiers, samples)
    return {
        "report": Function(Question, lambda _: found.judged()),
        "report_digits": Function(Wanted, found.opened),
    }


class Found:
    """What is known of the networks on the test set, and the digits behind it."""

    def __init__(self, classifiers: Mapping[str, Classifier], samples: Samples) -> None:
        self.classifiers, self.samples = classifiers, samples
        self.labels = samples.labels.numpy()
        self.answers = {name: answers(classifier.card, self.labels) for name, classifier in classifiers.items()}
        self.votes = label_votes()

    def judged(self) -> Json:
        """Return what each network's card says, how it reads strangers' digits, and some counts of test digits."""
        return {
            name: as_json(classifier.card) | {"strangers": strangers(name, bare(classifier.model))} | self._counts(name)
            for name, classifier in self.classifiers.items()
        }

    def _counts(self, name: str) -> Json:
        """Of digits, and the command that fills an older card.

        Those that it alone gets right, and those it misreads; of the latter, those whose label is suspected, and of
        these the ones in which most people saw something else.
        """
        misread = np.flatnonzero(self.answers[name] != self.labels).tolist()
        suspected = [self.votes[index] for index in misread if index in self.votes]
        return {
            "alone": len(self.right_alone(name)),
            "misread": len(misread),
            "suspected": len(suspected),
            "mislabelled": sum(votes["label"] < MAJORITY for votes in suspected),
            "command": f"python -m mnist_demo.evaluate --model {name} --write",
        }

    def right_alone(self, name: str) -> Indices:
        """The digits that this network reads, and no other does."""
        others = [answered != self.labels for other, answered in self.answers.items() if other != name]
        return np.flatnonzero(np.logical_and.reduce([self.answers[name] == self.labels, *others]))

    def opened(self, wanted: Wanted) -> Json:
        """Return how many digits are behind a figure, and up to SHOWN of them as tiles with votes, from `start` on."""
        indices = self._indices(wanted)
        some = indices[wanted.start : wanted.start + SHOWN]
        images = self.samples.images[some, 0].numpy().astype(np.float32) / np.float32(255)
        shown = tiles(self.classifiers, images, self.labels[some], some)
        return {"count": len(indices), "tiles": [tile | {"votes": self.votes.get(tile["index"])} for tile in shown]}

    def _indices(self, wanted: Wanted) -> Indices:
        name = wanted.network
        if name not in self.classifiers:
            raise RefusalError("network", field="network", limit=", ".join(self.classifiers))
        if wanted.alone:
            return self.right_alone(name)
        if wanted.cell is not None:
            label, answer = wanted.cell
            return np.flatnonzero((self.labels == label) & (self.answers[name] == answer))
        evaluation = self.classifiers[name].card.evaluation
        worst = evaluation["shifts"]["worst"] if evaluation else []
        return np.array([mistake["index"] for mistake in worst], np.int64)


def answers(card: Card, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The network's answer to each test digit (N,), as its card has them."""
    given = labels.copy()
    for index, answer in card.misread:
        if index < len(given):
            given[index] = answer
    return given


def as_json(card: Card) -> Json:
    """What the page tells of a card; "evaluation" is None in an older file's."""
    told = ("recipe", "seed", "history", "test_accuracy", "python", "torch", "date", "evaluation")
    return {name: getattr(card, name) for name in told}
