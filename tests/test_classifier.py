import dataclasses

import numpy as np
import pytest
import torch
from digit_pictures import picture

from mnist_demo.data.mnist import Samples
from mnist_demo.ink.picture import ink_of
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import certainty


def test_a_known_digit_comes_out_right(classifier: Classifier, test_digits: Samples) -> None:
    reading = classifier.read(ink_of(picture(test_digits.images[0])))
    assert reading.answer == 7
    assert reading.probabilities.shape == (10,)
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert reading.image is not None
    assert reading.image.shape == (28, 28)
    assert reading.image.dtype == np.float32
    assert 0 <= reading.image.min() <= reading.image.max() <= 1


@pytest.mark.slow
def test_probabilities_are_those_of_the_test_accuracy_on_the_card(classifier: Classifier, test_digits: Samples) -> None:
    probabilities = classifier.probabilities(test_digits.images[:, 0].numpy().astype(np.float32) / 255)
    right = probabilities.argmax(1) == test_digits.labels.numpy()
    assert right.mean() == pytest.approx(classifier.card.test_accuracy, abs=2e-4)
    wrong = np.flatnonzero(~right)
    assert len(set(wrong) ^ {index for index, _ in classifier.card.misread}) <= 2


def test_nothing_drawn_has_no_answer_and_no_probabilities(classifier: Classifier) -> None:
    reading = classifier.read(np.zeros((280, 280), np.uint8))
    assert reading.answer is None
    assert reading.image is None
    assert not reading.probabilities.any()


def test_known_is_true_for_images_read_with_at_least_the_thresholds_certainty(
    classifier: Classifier, test_digits: Samples
) -> None:
    images = test_digits.images[:500, 0].numpy().astype(np.float32) / 255
    known = classifier.known(images)
    assert known.dtype == np.bool_
    with torch.inference_mode():
        log_probabilities = classifier.model(torch.from_numpy(images).unsqueeze(1))
    np.testing.assert_array_equal(known, certainty(log_probabilities).numpy() >= classifier.card.threshold)
    assert known.mean() > 0.98


def test_a_reading_below_the_thresholds_certainty_has_no_answer(classifier: Classifier) -> None:
    ink = np.zeros((280, 280), np.uint8)
    ink[40:240, 130:150] = 255
    sure = classifier.read(ink)
    card = dataclasses.replace(classifier.card, threshold=1.0)
    doubtful = Classifier(classifier.model.network, card, classifier.device)
    assert sure.answer == 1
    assert doubtful.read(ink).answer is None
    np.testing.assert_array_equal(doubtful.read(ink).probabilities, sure.probabilities)


def test_a_higher_temperature_makes_probabilities_more_even_and_changes_no_answer(
    classifier: Classifier, test_digits: Samples
) -> None:
    images = test_digits.images[:50, 0].numpy().astype(np.float32) / 255
    card = dataclasses.replace(classifier.card, temperature=3 * classifier.card.temperature)
    hotter = Classifier(classifier.model.network, card, classifier.device)
    before, after = classifier.read_images(images), hotter.read_images(images)
    assert [reading.answer for reading in before] == [reading.answer for reading in after]
    assert all(b.probabilities.max() > a.probabilities.max() for b, a in zip(before, after, strict=True))
