import json
import math

import pytest
import torch

from mnist_demo.model import metrics
from mnist_demo.model.networks import Net, certainty


def one_hot_logits(answers: list[int], confidence: float) -> torch.Tensor:
    """Return log-probabilities that give each of `answers` that probability."""
    probabilities = torch.full((len(answers), 10), (1 - confidence) / 9)
    probabilities[range(len(answers)), answers] = confidence
    return probabilities.log()


def test_accuracy_and_loss_are_those_of_the_labels() -> None:
    scores, labels = one_hot_logits([1, 2, 3, 4], 0.91), torch.tensor([1, 2, 3, 9])
    assert metrics.accuracy(scores, labels) == 0.75
    assert metrics.average_loss(scores, labels) == pytest.approx(-(3 * math.log(0.91) + math.log(0.01)) / 4, rel=1e-5)


def test_misread_samples_are_listed_with_their_answers() -> None:
    assert metrics.misread(one_hot_logits([1, 2, 3], 0.9), torch.tensor([1, 7, 5])) == [[1, 2], [2, 3]]
    assert metrics.misread(one_hot_logits([1], 0.9), torch.tensor([1])) == []


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = one_hot_logits([0] * 10, 0.8).exp()
    assert metrics.calibration_error(probabilities, torch.tensor([0] * 8 + [1] * 2)) == pytest.approx(0.0, abs=1e-6)
    assert metrics.calibration_error(probabilities, torch.tensor([0] * 5 + [1] * 5)) == pytest.approx(0.3, abs=1e-6)
    assert metrics.calibration_error(torch.eye(10), torch.arange(10)) == 0.0  # in the last bin


def test_the_fitted_temperature_undoes_overconfidence() -> None:
    labels = torch.tensor([0] * 80 + [1] * 20)
    overconfident = one_hot_logits([0] * 100, 0.999)
    temperature = metrics.fit_temperature(overconfident, labels)
    assert temperature > 1.5
    fitted = (overconfident / temperature).log_softmax(1)
    assert metrics.average_loss(fitted, labels) < metrics.average_loss(overconfident, labels)


def test_the_threshold_rejects_the_requested_share() -> None:
    log_probabilities = (torch.eye(10)[:1] * torch.linspace(0, 10, 1000).unsqueeze(1)).log_softmax(1)
    threshold = metrics.choose_threshold(log_probabilities, 0.01)
    assert (certainty(log_probabilities) < threshold).sum() == 10


def test_the_interval_is_wilsons() -> None:
    assert metrics.wilson(9957, 10_000) == pytest.approx([0.99421, 0.99681], abs=1e-5)  # as statsmodels gives it
    assert metrics.wilson(0, 10) == pytest.approx([0.0, 0.27753], abs=1e-5)


def test_an_evaluation_adds_up() -> None:
    labels = torch.tensor([4, 4, 4, 9, 1])
    scores = one_hot_logits([4, 9, 4, 9, 9], 0.8)
    found = metrics.figures(scores, labels, threshold=0.9)
    assert found["confusion"][4][9] == 1
    assert sum(map(sum, found["confusion"])) == found["count"] == 5
    assert found["recall"][4] == pytest.approx(2 / 3)
    assert found["precision"][9] == pytest.approx(1 / 3)
    assert found["precision"][0] is None
    assert found["refused"] == 1.0
    assert [(one["index"], one["label"], one["answer"]) for one in found["worst"]] == [(1, 4, 9), (4, 1, 9)]
    assert json.loads(json.dumps(found)) == found


def test_a_higher_threshold_rejects_more_and_leaves_fewer_mistakes() -> None:
    generator = torch.Generator().manual_seed(1)
    scores, labels = (3 * torch.randn(500, 10, generator=generator)).log_softmax(1), torch.arange(500) % 10
    rows = metrics.refusal(scores, labels, own=0.123)
    assert [row["threshold"] for row in rows] == sorted({step / 100 for step in range(101)} | {0.123})
    assert rows[0] == {"threshold": 0.0, "refused": 0, "misread": len(metrics.misread(scores, labels))}
    assert [row["refused"] for row in rows] == sorted(row["refused"] for row in rows)
    assert [row["misread"] for row in rows] == sorted((row["misread"] for row in rows), reverse=True)


def test_the_reliability_table_counts_every_digit() -> None:
    bins = metrics.reliability(one_hot_logits([0] * 10, 0.8).exp(), torch.tensor([0] * 8 + [1] * 2))
    assert len(bins) == 15
    assert [one["count"] for one in bins if one["count"]] == [10]
    assert bins[12] == {"count": 10, "confidence": pytest.approx(0.8), "accuracy": 0.8}


def test_scoring_switches_dropout_off_and_leaves_the_network_as_it_was() -> None:
    model, images = Net().train(), torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(metrics.log_probabilities(model, images), metrics.log_probabilities(model, images, 2))
    assert model.training
