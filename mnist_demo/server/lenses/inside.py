"""Requests of the lens "Inside": layers, arithmetic, evidence and neighbours, as JSON.

A request names a network and a digit. The network "yours" is the user's own, whose key is in the field "yours". If the
server no longer has it, the answer is {"gone": true}. It has no neighbours: preparing them takes too long for one user.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mnist_demo.model import explain
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.nearest import Nearest
from mnist_demo.server.engine import Digit, Function, Functions, Question, RefusalError
from mnist_demo.server.limits import busy
from mnist_demo.server.readings import pixels
from mnist_demo.server.user_models import OWN, GoneError, UserModels

SHOWN = 12  # neighbours
IDLE = 19  # nice value (the highest) of the thread that prepares them

Json = dict[str, Any]


class About(Question):
    """A network and a digit."""

    network: str
    digit: Digit
    yours: str | None = None


class Cell(About):
    """One value of one layer."""

    step: int
    cell: list[int]


class Pair(About):
    """The answer and another digit."""

    answer: Annotated[int, Field(ge=0, le=9)]
    rival: Annotated[int, Field(ge=0, le=9)]


class Neighbourhoods:
    """Each network's `Nearest`, prepared once in a thread of its own that gives way to all others."""

    def __init__(self, classifiers: Mapping[str, Classifier]) -> None:
        self.classifiers = classifiers
        self.ready: dict[str, Nearest] = {}
        self._thread = threading.Thread(target=self._prepare, daemon=True, name="neighbourhoods")
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Start to prepare them, unless that has begun."""
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()

    def _prepare(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), IDLE)  # of this thread alone, on Linux
        for name, classifier in self.classifiers.items():
            try:
                self.ready[name] = Nearest.load(classifier.model)
            except (ValueError, OSError) as error:
                print(f"error: no neighbours for {name}: {error}", file=sys.stderr)


def functions(classifiers: Mapping[str, Classifier], yours: UserModels) -> Functions:
    """Return the requests that the browser may send about those networks, by name, and about users' own."""
    neighbourhoods = Neighbourhoods(classifiers)

    def on(answer: Callable[[Classifier, Any], Any]) -> Callable[[Any], Any]:
        def answered(about: About) -> Any:
            try:
                return answer(network_of(classifiers, yours, about), about)
            except GoneError:
                return {"gone": True}

        return answered

    def neighbours(about: About) -> Json:
        neighbourhoods.prepare()
        return most_alike(neighbourhoods, about)

    return {
        "trace": Function(About, on(layers)),
        "kernels": Function(About, on(kernels)),
        "work": Function(Cell, on(arithmetic)),
        "why": Function(Pair, on(lambda classifier, pair: reasons(classifier, pair.digit, pair.answer, pair.rival))),
        "neighbours": Function(About, neighbours),
        "prepare_neighbours": Function(Question, lambda _: neighbourhoods.prepare()),
    }


def network_of(classifiers: Mapping[str, Classifier], yours: UserModels, about: About) -> Classifier:
    """Return the network of a request.

    Raises GoneError if a user's own network was dropped, RefusalError for an unknown network, and HTTPException (503)
    before its training begins.
    """
    classifier = yours.classifier(about.yours) if about.network == OWN else classifiers.get(about.network)
    if classifier is None:
        raise busy() if about.network == OWN else RefusalError("network", field="network", limit=", ".join(classifiers))
    return classifier


def kernels(classifier: Classifier, _: About) -> list[Json | None]:
    """Return the kernels of each step."""
    return explain.packed_kernels(explain.trace(classifier.model, np.zeros((28, 28), np.float32)))


def layers(classifier: Classifier, about: About) -> Json:
    """Return every step of the network, as `explain.packed` does, and its answer."""
    reading = classifier.read_images(about.digit[np.newaxis])[0]
    content = explain.packed(explain.trace(classifier.model, about.digit))
    content |= {"answer": reading.answer, "probabilities": np.round(reading.probabilities.astype(float), 4).tolist()}
    return content | {"temperature": round(classifier.card.temperature, 3)}


def arithmetic(classifier: Classifier, wanted: Cell) -> Json:
    """Return how the value of one cell was computed. Raises RefusalError for an unknown cell."""
    try:
        work = explain.work(explain.trace(classifier.model, wanted.digit), wanted.step, wanted.cell)
    except (ValueError, OverflowError):
        raise RefusalError("cell", field="cell") from None
    return {"value": work.value, "seen": work.seen, "pixels": work.pixels, "arithmetic": plain(work.arithmetic)}


def plain(value: Any) -> Any:
    """Return a named tuple, and the arrays in it, as JSON."""
    if isinstance(value, np.ndarray):
        return np.round(value.astype(float), 6).tolist()
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def reasons(classifier: Classifier, digit: explain.Floats, answer: int, rival: int) -> Json:
    """Return the evidence in a digit (28, 28) for one answer against another."""
    found = explain.occlusion(classifier.model, digit, answer, rival)
    places = {"speaks_for": found.speaks_for, "speaks_against": found.speaks_against}
    rounded = {name: place and plain(place._replace(move=round(place.move, 3))) for name, place in places.items()}
    return {"log_odds": round(found.log_odds, 3), "moves": np.round(found.moves.astype(float), 2).tolist(), **rounded}


def most_alike(neighbourhoods: Neighbourhoods, about: About) -> Json:
    """Return the training digits nearest in the network's hidden layer; "neighbours" is None until they are ready."""
    nearest = neighbourhoods.ready.get(about.network)
    if nearest is None:
        return {"neighbours": None}
    found = nearest.find(about.digit, SHOWN)
    rows = zip(found.indices.tolist(), found.labels.tolist(), found.similarities.tolist(), found.images, strict=True)
    return {
        "neighbours": [
            {"index": index, "label": label, "similarity": round(similarity, 4), "image": pixels(image / 255)}
            for index, label, similarity, image in rows
        ]
    }
