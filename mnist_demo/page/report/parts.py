"""What stands in the lens "Report", and what the browser may ask it for.

Knows: which of the cards' figures are shown, and which test digits are behind each. Does not know: how figures are
computed (they come with the weights, and nothing is judged here), or how they are drawn.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.models import bare
from mnist_demo.page.files import script, text
from mnist_demo.page.readings import tiles
from mnist_demo.page.report.strangers import strangers
from mnist_demo.page.report.votes import label_votes
from mnist_demo.page.yours import Yours
from mnist_demo.weights import Card

SHOWN = 48  # digits at a time
MAJORITY = 3  # of the five people asked

Json = dict[str, Any]
Indices = NDArray[np.int64]


def build(classifiers: Mapping[str, Classifier], samples: Samples, shared: Mapping[str, Any], yours: Yours) -> None:
    """The lens for those networks, by name; `samples` are the test set. `shared` is what every part is told."""
    found = Found(classifiers, samples)

    def judged(_: Any) -> Json:
        return found.judged()

    def behind(wanted: Any) -> Json:
        return found.opened(wanted)

    gr.HTML(
        elem_id="judged",
        html_template=text("report/report.html"),
        js_on_load=script(
            "texts.js", "tiles.js", "axes.js", "report/charts.js", "report/digits.js", "report/report.js"
        ),
        server_functions=[judged, behind],
        **shared,
    )


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

    def opened(self, wanted: Any) -> Json:
        """The digits behind a figure: how many, and SHOWN of them as tiles with votes, from the number "from" on.

        `wanted` names a network and what of it: {"network": "net", "cell": [4, 9]} (label, answer), {"network": "net",
        "alone": true} or {"network": "net", "worst": true}. Raises HTTPException (422) where that makes no sense.
        """
        indices = self._indices(wanted)
        start = wanted.get("from", 0)
        if type(start) is not int or start < 0:
            raise HTTPException(422, "from: a whole number, at least 0")
        some = indices[start : start + SHOWN]
        images = self.samples.images[some, 0].numpy().astype(np.float32) / np.float32(255)
        shown = tiles(self.classifiers, images, self.labels[some], some)
        return {"count": len(indices), "tiles": [tile | {"votes": self.votes.get(tile["index"])} for tile in shown]}

    def _indices(self, wanted: Any) -> Indices:
        name = wanted.get("network") if isinstance(wanted, dict) else None
        if not isinstance(name, str) or name not in self.classifiers:
            raise HTTPException(422, "wanted: a network, and a cell, alone or worst")
        if wanted.get("alone") is True:
            return self.right_alone(name)
        if wanted.get("worst") is True:
            evaluation = self.classifiers[name].card.evaluation
            worst = evaluation["shifts"]["worst"] if evaluation else []
            return np.array([mistake["index"] for mistake in worst], np.int64)
        match wanted.get("cell"):
            case [int(label), int(answer)] if label in range(10) and answer in range(10):
                return np.flatnonzero((self.labels == label) & (self.answers[name] == answer))
        raise HTTPException(422, "cell: a label and an answer, both digits")


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
