"""Write what Python says of digits, which the browser's engine is held to:

`PYTHONPATH=. python tests/golden_networks.py`
"""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import golden
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_demo.model import explain
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS, Normalize
from mnist_demo.model.packed import packed
from mnist_demo.server.lenses.inside import Cell, arithmetic, reasons

FILE = Path(__file__).parent / "web" / "networks.json.gz"
EVERY = 9  # golden drawings, of which one is read
EXPLAINED = 2  # digits
CELLS = 3  # of each step


class Third(nn.Module):
    """A network unlike the two: it pads, skips, has no biases in a layer, and an odd number of maps."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.first = nn.Conv2d(1, 5, (3, 5), padding=(1, 2), stride=2, bias=False)
        self.second = nn.Conv2d(5, 7, 3, padding="same")
        self.out = nn.Linear(7 * 7 * 7, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.first(self.normalize(pixels))  # (N, 5, 14, 14)
        x = F.max_pool2d(self.second(x).relu(), 3, stride=2, padding=1)  # (N, 7, 7, 7)
        return F.log_softmax(self.out(x.flatten(1)), dim=1)


def third() -> Classifier:
    """Return that network with weights of no meaning, which float16 holds exactly."""
    torch.manual_seed(3)
    network = Third()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((4 * parameter).half())
    card = replace(Classifier.load("net").card, temperature=0.7, threshold=0.05)
    return Classifier(network.eval(), card, torch.device("cpu"))


def classifiers() -> dict[str, Classifier]:
    """Return the shipped networks, and the third."""
    return {name: Classifier.load(name) for name in MODELS} | {"third": third()}


def digits() -> list[str]:
    """Return digits in base64, some of which nobody drew as digits."""
    return [line["digit"] for line in list(golden.golden())[::EVERY] if line["digit"]]


def image_of(digit: str) -> NDArray[np.float32]:
    """Return the digit (28, 28) in [0, 1]."""
    pixels = np.frombuffer(base64.b64decode(digit), np.uint8).reshape(28, 28)
    return pixels.astype(np.float32) / np.float32(255)


def expected(classifier: Classifier, chosen: list[str]) -> dict[str, Any]:
    """Return what the network says of those digits, and how it came to the first of them."""
    readings = classifier.read_images(np.stack([image_of(digit) for digit in chosen]))
    return {
        "readings": [
            {"answer": one.answer, "probabilities": np.round(one.probabilities.astype(float), 6).tolist()}
            for one in readings
        ],
        "explained": [explained(classifier, image_of(digit)) for digit in chosen[:EXPLAINED]],
    }


def explained(classifier: Classifier, image: NDArray[np.float32]) -> dict[str, Any]:
    """Return every layer's values, the arithmetic of some cells, and the evidence for 3 against 5."""
    steps = explain.trace(classifier.model, image)
    random = np.random.default_rng(0)
    cells = [(at, [int(random.integers(n)) for n in step.shape]) for at, step in enumerate(steps) for _ in range(CELLS)]
    return {
        "values": [np.round(step.values.ravel().astype(float), 4).tolist() for step in steps],
        "work": [worked(classifier, image, at, cell) for at, cell in cells],
        "why": reasons(classifier, image, 3, 5),
    }


def worked(classifier: Classifier, image: NDArray[np.float32], step: int, cell: list[int]) -> dict[str, Any]:
    """Return how the value of a cell was computed."""
    wanted = Cell.model_construct(network="", digit=image, step=step, cell=cell)
    return {"step": step, "cell": cell, **arithmetic(classifier, wanted)}


def steps_of(classifier: Classifier) -> str:
    """Return the steps in the metadata of the network's file."""
    content = packed(classifier)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return str(header["__metadata__"]["steps"])


def made() -> dict[str, Any]:
    """Return the content of the file."""
    chosen, own = digits(), classifiers()
    return {
        "digits": chosen,
        "steps": {name: steps_of(classifier) for name, classifier in own.items()},
        "third": base64.b64encode(packed(own["third"])).decode(),
        "networks": {name: expected(classifier, chosen) for name, classifier in own.items()},
    }


def main() -> None:
    """Write the file."""
    FILE.write_bytes(gzip.compress(json.dumps(made()).encode(), mtime=0))


if __name__ == "__main__":
    main()
