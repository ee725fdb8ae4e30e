"""The server's answers to the lens Inside, without a browser."""

import base64
import json
from typing import Any

import pytest

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server.engine import RefusalError, checked
from mnist_demo.server.lenses import inside
from mnist_demo.server.user_models import GoneError, UserModels


def asked(name: str, image: Any, **more: Any) -> bytes:
    """Return a request about a digit (28, 28) uint8."""
    digit = base64.b64encode(image.tobytes()).decode()
    return json.dumps({"network": name, "digit": digit, **more}).encode()


@pytest.fixture(scope="module")
def seven(test_digits: Samples) -> Any:
    return test_digits.images[0, 0].numpy()


def test_an_invalid_request_is_refused_by_its_field(classifiers: dict[str, Classifier], seven: Any) -> None:
    for model, field, more in (
        (inside.About, "digit", {"digit": "AAAA"}),
        (inside.About, "network", {"network": ["net"]}),
        (inside.About, "page", {"page": 1}),
        (inside.Cell, "step", {"step": "2", "cell": [0, 0, 0]}),
        (inside.Cell, "cell.0", {"step": 2, "cell": [0.5, 0, 0]}),
        (inside.Pair, "rival", {"answer": 1, "rival": -1}),
        (inside.Pair, "answer", {"answer": True, "rival": 1}),
    ):
        with pytest.raises(RefusalError) as refusal:
            checked(model, asked("net", seven, **more))
        assert (refusal.value.status, refusal.value.content["field"]) == (422, field)
    with pytest.raises(RefusalError) as refusal:
        inside.arithmetic(classifiers["net"], checked(inside.Cell, asked("net", seven, step=2, cell=[10, 0, 0])))
    assert refusal.value.content["field"] == "cell"


def test_only_the_pages_networks_and_the_users_own_can_be_inspected(
    classifiers: dict[str, Classifier], seven: Any
) -> None:
    with pytest.raises(RefusalError):
        inside.network_of(classifiers, UserModels(True), checked(inside.About, asked("third", seven)))
    with pytest.raises(GoneError):
        inside.network_of(classifiers, UserModels(True), checked(inside.About, asked("yours", seven, yours="x")))


def test_neighbours_are_none_until_the_training_digits_are_ready(
    classifiers: dict[str, Classifier], seven: Any
) -> None:
    neighbourhoods = inside.Neighbourhoods(classifiers)
    assert inside.most_alike(neighbourhoods, checked(inside.About, asked("net", seven))) == {"neighbours": None}
