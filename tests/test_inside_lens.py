"""What the lens Inside is answered by the server, without a browser."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from mnist_demo import inside
from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.models import MODELS
from mnist_demo.page.engine import RefusalError, checked
from mnist_demo.page.inside import parts
from mnist_demo.page.yours import GoneError, Yours


def asked(name: str, image: Any, **more: Any) -> bytes:
    """A question about a digit (28, 28) uint8."""
    digit = base64.b64encode(image.tobytes()).decode()
    return json.dumps({"network": name, "digit": digit, **more}).encode()


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: Classifier.load(name) for name in MODELS}


@pytest.fixture(scope="module")
def seven(test_digits: Samples) -> Any:
    return test_digits.images[0, 0].numpy()


@pytest.mark.parametrize("name", MODELS)
def test_a_digit_is_shown_with_every_step_and_its_answer(
    classifiers: dict[str, Classifier], seven: Any, name: str
) -> None:
    about = checked(parts.About, asked(name, seven))
    content = json.loads(json.dumps(parts.layers(classifiers[name], about)))
    assert content["answer"] == 7
    assert [step["shape"] for step in content["steps"]] == [
        list(step.shape) for step in inside.trace(classifiers[name].model, np.float32(seven) / 255)
    ]
    assert base64.b64decode(content["steps"][0]["bytes"]) == seven.tobytes()
    assert len(json.dumps(content)) < 24_000


@pytest.mark.parametrize(
    ("model", "field", "more"),
    [
        (parts.About, "digit", {"digit": "AAAA"}),
        (parts.About, "digit", {"digit": 7}),
        (parts.About, "network", {"network": ["net"]}),
        (parts.About, "page", {"page": 1}),
        (parts.Cell, "step", {"step": "2", "cell": [0, 0, 0]}),
        (parts.Cell, "cell", {"step": 2, "cell": "abc"}),
        (parts.Cell, "cell.0", {"step": 2, "cell": [0.5, 0, 0]}),
        (parts.Pair, "answer", {"answer": 10, "rival": 1}),
        (parts.Pair, "rival", {"answer": 1, "rival": -1}),
        (parts.Pair, "answer", {"answer": True, "rival": 1}),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    seven: Any, model: Any, field: str, more: dict[str, Any]
) -> None:
    with pytest.raises(RefusalError) as refusal:
        checked(model, asked("net", seven, **more))
    assert refusal.value.status == 422
    assert refusal.value.content["field"] == field


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 10_000])
def test_what_is_no_question_is_refused(content: bytes) -> None:
    with pytest.raises(RefusalError):
        checked(parts.About, content)


@pytest.mark.parametrize(("step", "cell"), [(99, [0]), (-1, [0]), (2, [0, 0]), (2, [10, 0, 0]), (2, [0, 0, 10**30])])
def test_a_cell_that_does_not_exist_is_refused(
    classifiers: dict[str, Classifier], seven: Any, step: int, cell: list[int]
) -> None:
    with pytest.raises(RefusalError) as refusal:
        parts.arithmetic(classifiers["net"], checked(parts.Cell, asked("net", seven, step=step, cell=cell)))
    assert refusal.value.content["field"] == "cell"


def test_only_the_networks_of_the_page_and_the_visitors_own_can_be_looked_into(
    classifiers: dict[str, Classifier], seven: Any
) -> None:
    with pytest.raises(RefusalError):
        parts.network_of(classifiers, Yours(True), checked(parts.About, asked("third", seven)))
    with pytest.raises(GoneError):
        parts.network_of(classifiers, Yours(True), checked(parts.About, asked("yours", seven, yours="x")))


def test_until_the_training_digits_are_ready_it_is_told_so(classifiers: dict[str, Classifier], seven: Any) -> None:
    neighbourhoods = parts.Neighbourhoods(classifiers)
    assert parts.most_alike(neighbourhoods, checked(parts.About, asked("net", seven))) == {"neighbours": None}
