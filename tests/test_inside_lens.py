"""What the lens Inside is answered by the server, without a browser."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from fastapi import HTTPException

from mnist_demo import inside
from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.models import MODELS
from mnist_demo.page.inside import parts
from mnist_demo.page.wire import ink_of

SEVEN = {"base": "", "strokes": [[20, 0, 80, 60, 120, 0, -70, 170]]}


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: Classifier.load(name) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_a_drawing_is_shown_with_every_step_its_answer_and_how_it_became_a_digit(
    classifiers: dict[str, Classifier], test_digits: Samples, name: str
) -> None:
    seen = parts.what_is_seen(classifiers, test_digits, {"network": name, "drawing": SEVEN})
    content = json.loads(json.dumps(parts.layers(seen)))
    assert content["answer"] == classifiers[name].read(ink_of(SEVEN)).answer == 7
    assert [step["shape"] for step in content["steps"]] == [
        list(step.shape) for step in inside.trace(classifiers[name].model, seen.image)
    ]
    assert content["sketch"]["box"] == [50, 70, 240, 210]
    assert content["sketch"]["side"] == 190
    assert len(base64.b64decode(content["sketch"]["averaged"])) == 400
    assert len(json.dumps(content)) < 24_000


def test_a_sample_is_shown_as_it_is(classifiers: dict[str, Classifier], test_digits: Samples) -> None:
    seen = parts.what_is_seen(classifiers, test_digits, {"network": "net", "sample": 17})
    assert np.array_equal(np.rint(seen.image * 255), test_digits.images[17, 0].numpy())
    assert parts.layers(seen)["sketch"] is None


def test_of_a_blank_pad_there_is_nothing_to_show(classifiers: dict[str, Classifier], test_digits: Samples) -> None:
    blank = {"network": "net", "drawing": {"base": "", "strokes": []}}
    seen = parts.what_is_seen(classifiers, test_digits, blank)
    assert parts.layers(seen) == {"steps": None}
    assert parts.arithmetic(seen, blank | {"step": 0, "cell": [0, 0, 0]}) is None
    assert parts.reasons(seen, blank | {"answer": 7, "rival": 1}) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        {},
        {"network": "third", "sample": 0},
        {"network": ["net"], "sample": 0},
        {"network": "net"},
        {"network": "net", "sample": -1},
        {"network": "net", "sample": 10_000},
        {"network": "net", "sample": "0"},
        {"network": "net", "sample": True},
        {"network": "net", "drawing": {"strokes": 7}},
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    classifiers: dict[str, Classifier], test_digits: Samples, nonsense: Any
) -> None:
    with pytest.raises(HTTPException) as refusal:
        parts.what_is_seen(classifiers, test_digits, nonsense)
    assert refusal.value.status_code == 422


@pytest.mark.parametrize(
    ("step", "cell"),
    [(99, [0]), (-1, [0]), (2, [0, 0]), (2, [10, 0, 0]), (2, "abc"), (2, None), ("2", [0, 0, 0]), (2, [0, 0, 10**30])],
)
def test_a_cell_that_there_is_not_is_refused(
    classifiers: dict[str, Classifier], test_digits: Samples, step: Any, cell: Any
) -> None:
    wanted = {"network": "net", "sample": 0, "step": step, "cell": cell}
    with pytest.raises(HTTPException) as refusal:
        parts.arithmetic(parts.what_is_seen(classifiers, test_digits, wanted), wanted)
    assert refusal.value.status_code == 422


@pytest.mark.parametrize("pair", [(10, 1), (1, -1), ("7", 1), (None, 1), (True, 0), (7.0, 1)])
def test_reasons_are_given_for_digits_alone(
    classifiers: dict[str, Classifier], test_digits: Samples, pair: tuple[Any, Any]
) -> None:
    wanted = {"network": "net", "sample": 0, "answer": pair[0], "rival": pair[1]}
    with pytest.raises(HTTPException) as refusal:
        parts.reasons(parts.what_is_seen(classifiers, test_digits, wanted), wanted)
    assert refusal.value.status_code == 422


def test_until_the_training_digits_are_ready_it_is_told_so(
    classifiers: dict[str, Classifier], test_digits: Samples
) -> None:
    neighbourhoods = parts.Neighbourhoods(classifiers)
    seen = parts.what_is_seen(classifiers, test_digits, {"network": "net", "sample": 0})
    assert parts.most_alike(neighbourhoods, seen) == {"neighbours": None}
