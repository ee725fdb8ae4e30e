"""What stands in the lens "Inside", and what the browser may ask it for.

Knows: how steps, arithmetic and neighbours become JSON, and when the neighbours are made ready. Does not know: how a
network is walked, or the rest of the page.

Each request names a network and what is looked at: {"network": "net", "drawing": ...}, as `wire` has drawings, or
{"network": "net", "sample": 17}, a digit of the test set. The network "yours" is the visitor's own, of the key that
comes as "yours"; where it was let go, the answer is {"gone": true}. It has no neighbours: they take too long to get
ready for a network that one visitor looks at.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray

from mnist_demo import inside
from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.drawing import Sketch, steps
from mnist_demo.page.bounds import busy
from mnist_demo.page.files import script, text
from mnist_demo.page.readings import pixels
from mnist_demo.page.wire import ink_of
from mnist_demo.page.yours import OWN, GoneError, Yours, key_of

SHOWN = 12  # neighbours
IDLE = 19  # the nice value, the highest there is, of the thread that makes them ready

Json = dict[str, Any]


class Seen(NamedTuple):
    """What a request looks at, with which network."""

    name: str
    classifier: Classifier
    image: NDArray[np.float32] | None  # (28, 28) in [0, 1]; None where nothing is drawn
    sketch: Sketch | None  # of a drawing


class Neighbourhoods:
    """Each network's `Nearest`, made ready once in a thread of its own that gives way to all others."""

    def __init__(self, classifiers: Mapping[str, Classifier]) -> None:
        self.classifiers = classifiers
        self.ready: dict[str, inside.Nearest] = {}
        self._thread = threading.Thread(target=self._prepare, daemon=True, name="neighbourhoods")
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Begins to make them ready, where nobody has."""
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()

    def _prepare(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), IDLE)  # a thread's own, there
        for name, classifier in self.classifiers.items():
            try:
                self.ready[name] = inside.Nearest.load(classifier.model)
            except (ValueError, OSError) as error:
                print(f"error: no neighbours for {name}: {error}", file=sys.stderr)


def build(classifiers: Mapping[str, Classifier], samples: Samples, shared: Mapping[str, Any], yours: Yours) -> None:
    """The lens for those networks, by name; `samples` (the test set) may be looked at, too.

    `shared` is what every part of the page is told, `yours` are visitors' networks, which may be looked into, too.
    """
    neighbourhoods = Neighbourhoods(classifiers)

    def answered(wanted: Any, of: Callable[[Seen], Any]) -> Any:
        try:
            return of(what_is_seen(with_own(classifiers, yours, wanted), samples, wanted))
        except GoneError:
            return {"gone": True}

    def look(wanted: Any) -> Any:
        return answered(wanted, layers)

    def kernels(wanted: Any) -> Any:
        return answered(wanted, lambda seen: all_kernels(seen.classifier))

    def work(wanted: Any) -> Any:
        return answered(wanted, lambda seen: arithmetic(seen, wanted))

    def why(wanted: Any) -> Any:
        return answered(wanted, lambda seen: reasons(seen, wanted))

    def neighbours(wanted: Any) -> Any:
        neighbourhoods.prepare()
        return answered(wanted, lambda seen: most_alike(neighbourhoods, seen))

    def prepare(_: Any) -> None:
        neighbourhoods.prepare()

    gr.HTML(
        elem_id="within",
        html_template=text("inside/inside.html"),
        js_on_load=script("texts.js", "inside/layers.js", "inside/work.js", "inside/inside.js"),
        server_functions=[look, kernels, work, why, neighbours, prepare],
        **shared,
    )


def with_own(classifiers: Mapping[str, Classifier], yours: Yours, wanted: Any) -> Mapping[str, Classifier]:
    """Those networks, and the visitor's own where the request is about that.

    Raises GoneError where it was let go, and HTTPException (503) before its first step.
    """
    if not isinstance(wanted, dict) or wanted.get("network") != OWN:
        return classifiers
    classifier = yours.classifier(key_of(wanted))
    if classifier is None:
        raise busy()
    return {OWN: classifier}


def all_kernels(classifier: Classifier) -> list[Json | None]:
    """The kernels of each step."""
    return inside.packed_kernels(inside.trace(classifier.model, np.zeros((28, 28), np.float32)))


def what_is_seen(classifiers: Mapping[str, Classifier], samples: Samples, wanted: Any) -> Seen:
    """What the request looks at. Raises HTTPException (422) where that makes no sense."""
    name = wanted.get("network") if isinstance(wanted, dict) else None
    if not isinstance(name, str) or name not in classifiers:
        raise HTTPException(422, "wanted: a network, and a drawing or a sample")
    index = wanted.get("sample")
    if index is None:
        sketch = steps(ink_of(wanted.get("drawing")))
        return Seen(name, classifiers[name], None if sketch is None else sketch.digit, sketch)
    if type(index) is not int or not 0 <= index < len(samples.labels):
        raise HTTPException(422, f"sample: a whole number from 0 to {len(samples.labels) - 1}")
    image = samples.images[index, 0].numpy().astype(np.float32) / np.float32(255)
    return Seen(name, classifiers[name], image, None)


def layers(seen: Seen) -> Json:
    """Every step of the network, as `inside.packed` has them, its answer, and how the drawing became a digit."""
    if seen.image is None:
        return {"steps": None}
    reading = seen.classifier.read_images(seen.image[np.newaxis])[0]
    content = inside.packed(inside.trace(seen.classifier.model, seen.image))
    content |= {"answer": reading.answer, "probabilities": np.round(reading.probabilities.astype(float), 4).tolist()}
    content["temperature"] = round(seen.classifier.card.temperature, 3)
    return content | {"sketch": None if seen.sketch is None else sketched(seen.sketch)}


def sketched(sketch: Sketch) -> Json:
    """The steps of a drawing on its way to a digit; "averaged" are 20 x 20 bytes, of 255 the drawing's darkest."""
    averaged = sketch.averaged / np.float32(255)
    return {
        "box": sketch.box,
        "side": sketch.side,
        "averaged": pixels(averaged),
        "darkest": round(float(averaged.max()), 4),
        "shift": sketch.shift,
    }


def arithmetic(seen: Seen, wanted: Any) -> Json | None:
    """How the value of one cell came about; None where nothing is drawn. Raises HTTPException (422) for no cell."""
    if seen.image is None:
        return None
    try:
        work = inside.work(inside.trace(seen.classifier.model, seen.image), wanted["step"], wanted["cell"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HTTPException(422, f"no cell: {error}") from None
    return {"value": work.value, "seen": work.seen, "pixels": work.pixels, "arithmetic": plain(work.arithmetic)}


def plain(value: Any) -> Any:
    """A named tuple, and the arrays in it, as JSON."""
    if isinstance(value, np.ndarray):
        return np.round(value.astype(float), 6).tolist()
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def reasons(seen: Seen, wanted: Any) -> Json | None:
    """Return the evidence for one digit and for another; None if nothing is drawn.

    Raises HTTPException (422) if one of them is not a digit.
    """
    answer, rival = wanted.get("answer"), wanted.get("rival")
    if type(answer) is not int or type(rival) is not int or not {answer, rival} <= set(range(10)):
        raise HTTPException(422, "answer and rival: digits")
    if seen.image is None:
        return None
    found = inside.occlusion(seen.classifier.model, seen.image, answer, rival)
    places = {"speaks_for": found.speaks_for, "speaks_against": found.speaks_against}
    rounded = {name: place and plain(place._replace(move=round(place.move, 3))) for name, place in places.items()}
    return {"log_odds": round(found.log_odds, 3), "moves": np.round(found.moves.astype(float), 2).tolist(), **rounded}


def most_alike(neighbourhoods: Neighbourhoods, seen: Seen) -> Json:
    """The training digits nearest in the network's hidden layer; "neighbours" is None until they are made ready."""
    nearest = neighbourhoods.ready.get(seen.name)
    if nearest is None or seen.image is None:
        return {"neighbours": None if nearest is None else []}
    found = nearest.find(seen.image, SHOWN)
    rows = zip(found.indices.tolist(), found.labels.tolist(), found.similarities.tolist(), found.images, strict=True)
    return {
        "neighbours": [
            {"index": index, "label": label, "similarity": round(similarity, 4), "image": pixels(image / 255)}
            for index, label, similarity, image in rows
        ]
    }
