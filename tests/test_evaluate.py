import math

import pytest
import torch

from mnist_demo import evaluate
from mnist_demo.models import Net, certainty


def one_hot_logits(answers: list[int], confidence: float) -> torch.Tensor:
    """Log-probabilities that put `answers` first, each with that probability."""
    probabilities = torch.full((len(answers), 10), (1 - confidence) / 9)
    probabilities[range(len(answers)), answers] = confidence
    return probabilities.log()


def test_accuracy_and_loss_are_those_of_the_labels() -> None:
    scores, labels = one_hot_logits([1, 2, 3, 4], 0.91), torch.tensor([1, 2, 3, 9])
    assert evaluate.accuracy(scores, labels) == 0.75
    assert evaluate.average_loss(scores, labels) == pytest.approx(-(3 * math.log(0.91) + math.log(0.01)) / 4, rel=1e-5)


def test_misread_samples_are_listed_with_their_answers() -> None:
    assert evaluate.misread(one_hot_logits([1, 2, 3], 0.9), torch.tensor([1, 7, 5])) == [[1, 2], [2, 3]]


def test_nothing_misread_is_an_empty_list() -> None:
    assert evaluate.misread(one_hot_logits([1], 0.9), torch.tensor([1])) == []


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = one_hot_logits([0] * 10, 0.8).exp()
    assert evaluate.calibration_error(probabilities, torch.tensor([0] * 8 + [1] * 2)) == pytest.approx(0.0, abs=1e-6)
    assert evaluate.calibration_error(probabilities, torch.tensor([0] * 5 + [1] * 5)) == pytest.approx(0.3, abs=1e-6)


def test_certainty_falls_into_the_last_bin() -> None:
    assert evaluate.calibration_error(torch.eye(10), torch.arange(10)) == 0.0


def test_the_fitted_temperature_undoes_overconfidence() -> None:
    labels = torch.tensor([0] * 80 + [1] * 20)
    overconfident = one_hot_logits([0] * 100, 0.999)
    temperature = evaluate.fit_temperature(overconfident, labels)
    assert temperature > 1.5
    fitted = (overconfident / temperature).log_softmax(1)
    assert evaluate.average_loss(fitted, labels) < evaluate.average_loss(overconfident, labels)


def test_the_threshold_refuses_the_share_asked_for() -> None:
    log_probabilities = (torch.eye(10)[:1] * torch.linspace(0, 10, 1000).unsqueeze(1)).log_softmax(1)
    threshold = evaluate.choose_threshold(log_probabilities, 0.01)
    assert (certainty(log_probabilities) < threshold).sum() == 10


def test_scoring_switches_dropout_off_and_leaves_the_network_as_it_was() -> None:
    model, images = Net().train(), torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(evaluate.log_probabilities(model, images), evaluate.log_probabilities(model, images, 2))
    assert model.training
