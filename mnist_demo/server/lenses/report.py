"""Requests of the lens "Report": the metrics in each network's card, and the test digits behind them.

The metrics come with the weights; nothing is evaluated here.
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

SHOWN = 48  # the most digits at a time
MAJORITY = 3  # of the five voters

Json = dict[str, Any]
Indices = NDArray[np.int64]


class Wanted(Question):
    """The digits behind a metric: a cell of the confusion matrix, the worst mistakes, or those only it reads right."""

    network: str
    cell: Annotated[list[Annotated[int, Field(ge=0, le=9)]], Field(min_length=2, max_length=2)] | None = None
    worst: bool = False
    alone: bool = False
    start: Annotated[int, Field(ge=0)] = 0


def functions(classifiers: Mapping[str, Classifier], samples: Samples) -> Functions:
    """Return the requests that the browser may send about those networks, by name; `samples` are the test set."""
    found = Found(classifiers, samples)
    return {
        "report": Function(Question, lambda _: found.judged()),
        "report_digits": Function(Wanted, found.opened),
    }


class Found:
    """The networks' metrics on the test set, and the digits behind them."""

    def __init__(self, classifiers: Mapping[str, Classifier], samples: Samples) -> None:
        self.classifiers, self.samples = classifiers, samples
        self.labels = samples.labels.numpy()
        self.answers = {name: answers(classifier.card, self.labels) for name, classifier in classifiers.items()}
        self.votes = label_votes()

    def judged(self) -> Json:
        """Return each network's card, its accuracy on strangers' digits, and some counts of test digits."""
        return {
            name: card_json(classifier.card)
            | {"strangers": strangers(name, bare(classifier.model))}
            | self._counts(name)
            for name, classifier in self.classifiers.items()
        }

    def _counts(self, name: str) -> Json:
        """Return counts of test digits, and the command that completes an older card.

        They are the digits that only this network reads right, and those it misreads. Of the misread ones, they count
        those with doubtful labels, and of these, those in which most people saw another digit.
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
        """Return the digits that this network reads right and no other does."""
        others = [answered != self.labels for other, answered in self.answers.items() if other != name]
        return np.flatnonzero(np.logical_and.reduce([self.answers[name] == self.labels, *others]))

    def opened(self, wanted: Wanted) -> Json:
        """Return the number of digits behind a metric, and up to SHOWN of them as tiles with votes, from `start` on."""
        indices = self.indices(wanted)
        some = indices[wanted.start : wanted.start + SHOWN]
        images = self.samples.images[some, 0].numpy().astype(np.float32) / np.float32(255)
        shown = tiles(self.classifiers, images, self.labels[some], some)
        return {"count": len(indices), "tiles": [tile | {"votes": self.votes.get(tile["index"])} for tile in shown]}

    def indices(self, wanted: Wanted) -> Indices:
        """Return the digits behind a figure. Raises RefusalError for an unknown network."""
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
    """Return the network's answers to the test digits (N,), from its card."""
    given = labels.copy()
    for index, answer in card.misread:
        if index < len(given):
            given[index] = answer
    return given


def card_json(card: Card) -> Json:
    """Return the fields of a card that the page shows; "evaluation" is None for an older file."""
    told = ("recipe", "seed", "history", "test_accuracy", "python", "torch", "date", "evaluation")
    return {name: getattr(card, name) for name in told}
