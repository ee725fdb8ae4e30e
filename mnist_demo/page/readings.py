"""What every part of the page sends to the browser: the readings of all networks for a picture.

Knows: how a reading becomes JSON. Does not know: where the picture came from.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_demo.classifier import Classifier, Reading
from mnist_demo.drawing import to_mnist

# "image": base64 of the 784 grey pixels, or None; "networks": by name, answer and probabilities
Readings = dict[str, Any]

BLANK = Reading(None, np.zeros(10, np.float32), None)


def as_json(readings: Mapping[str, Reading]) -> Readings:
    """The readings of one picture, by the network's name."""
    image = next(iter(readings.values())).image
    return {
        "image": None if image is None else pixels(image),
        "networks": {name: said(reading) for name, reading in readings.items()},
    }


def said(reading: Reading) -> dict[str, Any]:
    """What one network says."""
    return {"answer": reading.answer, "probabilities": np.round(reading.probabilities.astype(float), 4).tolist()}


def read_ink(classifiers: Mapping[str, Classifier], ink: NDArray[np.uint8]) -> Readings:
    """What each network makes of the drawing (H, W), 255 = ink; and whether there is any."""
    return read_inks(classifiers, [ink])[0]


def read_inks(classifiers: Mapping[str, Classifier], inks: Sequence[NDArray[np.uint8]]) -> list[Readings]:
    """The same for each of several drawings, which every network is asked about at once."""
    images = [to_mnist(ink) for ink in inks]
    seen = [image for image in images if image is not None]
    by_network = {name: iter(c.read_images(np.stack(seen))) if seen else iter(()) for name, c in classifiers.items()}
    return [
        as_json({name: BLANK if image is None else next(read) for name, read in by_network.items()})
        | {"ink": bool(ink.any())}
        for image, ink in zip(images, inks, strict=True)
    ]


def said_of_inks(classifier: Classifier, inks: Sequence[NDArray[np.uint8]]) -> list[dict[str, Any]]:
    """What one network says of each of several drawings."""
    return [reading["networks"]["one"] for reading in read_inks({"one": classifier}, inks)]


def tiles(
    classifiers: Mapping[str, Classifier],
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    indices: NDArray[np.int64],
) -> list[Readings]:
    """Samples of the test set, images (N, 28, 28) in [0, 1], each with what every network makes of it."""
    if len(indices) == 0:
        return []
    by_network = {name: classifier.read_images(images) for name, classifier in classifiers.items()}
    return [
        {"index": index, "label": label} | as_json({name: readings[at] for name, readings in by_network.items()})
        for at, (index, label) in enumerate(zip(indices.tolist(), labels.tolist(), strict=True))
    ]


def pixels(image: NDArray[np.float32]) -> str:
    """An image (28, 28) in [0, 1] as base64 of its 784 bytes, row by row."""
    return base64.b64encode(np.rint(image * 255).astype(np.uint8).tobytes()).decode()
