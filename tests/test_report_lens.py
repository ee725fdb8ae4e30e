"""The server's answers to the lens Report."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.server.engine import RefusalError, checked
from mnist_demo.server.lenses.label_votes import label_votes
from mnist_demo.server.lenses.report import SHOWN, Found, Wanted


def wanted(**question: Any) -> Any:
    return checked(Wanted, json.dumps(question).encode())


@pytest.fixture(scope="module")
def found(test_digits: Samples, classifiers: dict[str, Classifier]) -> Found:
    return Found(classifiers, test_digits)


@pytest.mark.parametrize("name", MODELS)
def test_every_cell_opens_as_many_digits_as_it_counts(found: Found, name: str) -> None:
    evaluation = found.classifiers[name].card.evaluation
    assert evaluation is not None
    for label, row in enumerate(evaluation["shifts"]["confusion"]):
        for answer, count in enumerate(row):
            if label == answer and label != 3:
                continue  # of the thousand digits that are read right, one cell will do
            opened = found.opened(wanted(network=name, cell=[label, answer]))
            assert opened["count"] == count
            assert len(opened["tiles"]) == min(count, SHOWN)
            assert all(tile["label"] == label for tile in opened["tiles"])


def test_digits_that_one_network_alone_gets_right_are_misread_by_the_other(found: Found) -> None:
    for name, other in [("convnet", "net"), ("net", "convnet")]:
        tiles = found.opened(wanted(network=name, alone=True))["tiles"]
        misread = {index for index, _ in found.classifiers[other].card.misread}
        assert tiles
        assert {tile["index"] for tile in tiles} <= misread
        assert all(int(np.argmax(tile["networks"][name]["probabilities"])) == tile["label"] for tile in tiles)


def test_the_votes_are_those_of_five_people_on_a_hundred_labels(found: Found) -> None:
    votes = label_votes()
    assert len(votes) == 100
    told = [one for index, one in votes.items() if one["other"] != found.labels[index]]
    assert all(one["label"] + one["other_votes"] + one["neither"] == 5 for one in told)
    assert sum(one["label"] < 3 for one in votes.values()) == 15
    counts = found.judged()["convnet"]
    assert counts["mislabelled"] <= counts["suspected"] <= counts["misread"]


def test_an_older_card_without_metrics_is_shown_with_the_command_that_adds_them(
    found: Found, test_digits: Samples
) -> None:
    net = Classifier.load("net")
    net.card = dataclasses.replace(net.card, evaluation=None)
    older = Found({"net": net}, test_digits)
    assert older.judged()["net"]["evaluation"] is None
    assert older.judged()["net"]["command"] == "python -m mnist_demo.evaluate --model net --write"
    assert older.opened(wanted(network="net", worst=True)) == {"count": 0, "tiles": []}


def test_results_on_strangers_are_shown_only_for_the_weights_they_were_measured_with(found: Found) -> None:
    told = found.judged()
    assert told["convnet"]["strangers"]["USPS"]["right"] > 0.97
    other = Classifier.load("net")
    with torch.no_grad():
        other.model.network.fc2.bias[0] += 1e-3
    assert Found({"net": other}, found.samples).judged()["net"]["strangers"] is None


def test_an_invalid_metric_cannot_be_opened(found: Found) -> None:
    for nonsense in (
        {"network": "third", "alone": True},
        {"network": ["net"], "alone": True},
        {"network": "net", "alone": 1},
        {"network": "net", "cell": [4]},
        {"network": "net", "cell": [4, 10]},
        {"network": "net", "cell": ["4", 9]},
        {"network": "net", "cell": [4, 9], "start": -1},
    ):
        with pytest.raises(RefusalError):
            found.opened(wanted(**nonsense))
