"""The networks' readings of digits, as JSON."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_demo.model.classifier import Classifier, Reading

Images = NDArray[np.float32]  # (N, 28, 28) in [0, 1]
Readings = dict[str, dict[str, Any]]  # by network: answer and probabilities


def readings_of(classifiers: Mapping[str, Classifier], images: Images) -> list[Readings]:
    """Return every network's reading of each digit."""
    by_network = {name: classifier.read_images(images) for name, classifier in classifiers.items()}
    return [{name: reading_json(readings[at]) for name, readings in by_network.items()} for at in range(len(images))]


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return one network's reading."""
    return {"answer": reading.answer, "probabilities": np.round(reading.probabilities.astype(float), 4).tolist()}


def tiles(
    classifiers: Mapping[str, Classifier], images: Images, labels: NDArray[np.int64], indices: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return samples of the test set, each with every network's reading."""
    if len(indices) == 0:
        return []
    return [
        {"index": index, "label": label, "image": pixels(image), "networks": readings}
        for index, label, image, readings in zip(
            indices.tolist(), labels.tolist(), images, readings_of(classifiers, images), strict=True
        )
    ]


def pixels(image: NDArray[np.float32]) -> str:
    """Return an image (28, 28) in [0, 1] as base64 of its 784 bytes, row by row."""
    return base64.b64encode(np.rint(image * 255).astype(np.uint8).tobytes()).decode()
