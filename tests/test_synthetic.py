import numpy as np
import pytest

from mnist_demo.data.non_digits import non_digits
from mnist_demo.data.synthetic import alike, bend, handwriting, picture
from mnist_demo.data.templates import DIGITS


def length(path: np.ndarray) -> float:
    return np.hypot(*np.diff(path, axis=0).T).sum()


def test_handwriting_shows_every_digit_as_mnist_would_hold_it():
    images, labels = handwriting(400, seed=3)
    assert images.shape == (400, 28, 28)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert set(labels.tolist()) == set(range(10))
    assert (images.max(axis=(1, 2)) == 255).all()
    assert len(np.unique(images, axis=0)) == 400
    weights = images / images.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
    centres = (np.indices((28, 28))[:, None] * weights).sum(axis=(2, 3))
    assert np.mean(np.abs(centres - 14).max(axis=0) < 0.51) > 0.99


def test_handwriting_has_thin_and_thick_pens():
    ink = handwriting(400, seed=3)[0].mean(axis=(1, 2)) / 255
    assert np.percentile(ink, 5) < 0.066  # MNIST's own 5th and 95th percentile
    assert np.percentile(ink, 95) > 0.209


def test_a_straight_line_is_not_straight_when_bent():
    lines = [bend(np.random.default_rng(seed), "50,0 50,100")[0] for seed in range(50)]
    detours = [length(path) / np.hypot(*(path[-1] - path[0])) for path in lines]
    assert np.median(detours) > 1.0002


def test_a_two_keeps_its_foot_however_its_template_is_bent():
    random = np.random.default_rng(4)
    for _ in range(400):
        (path,) = bend(random, "18,24 36,5 62,6 74,26 60,54 36,80 14,96! 84,96")
        heel = np.argmin(path[:, 0] - 2 * path[:, 1])
        assert length(path[heel:]) > 0.11 * length(path[: heel + 1])


def test_a_mix_of_two_templates_is_neither_and_resembles_both():
    random = np.random.default_rng(4)
    flat, steep = "0,0 100,0", "0,20 100,40"
    ends = np.array([bend(random, flat, steep)[0][[0, -1]] for _ in range(400)])
    slopes = (ends[:, 1] - ends[:, 0]) @ np.array([0, 1])
    assert 0.05 < slopes.mean() < 0.15
    with pytest.raises(ValueError, match="zip"):
        bend(random, flat, "0,0 100,0 / 0,50 100,50")


def test_templates_are_alike_if_as_many_strokes_run_the_same_way():
    for digit, templates in DIGITS.items():
        for template, others in zip(templates, alike(digit), strict=True):
            assert template not in others
            assert {other.count("/") for other in others} <= {template.count("/")}
            assert all(template in alike(digit)[templates.index(other)] for other in others)
    clockwise = next(number for number, text in enumerate(DIGITS[0]) if text.startswith("35,22 55,8 78,20"))
    assert DIGITS[0][0] not in alike(0)[clockwise]
    assert sum(map(len, alike(3))) == 20 * 19


def test_a_picture_has_no_thicker_brush_than_allowed():
    random = np.random.default_rng(4)
    bars = [picture(random, [np.array([[0, 0], [0, 1]])], thickest) for thickest in [1 / 6] * 50 + [1 / 4] * 50]
    thin, thick = (np.array(bars).sum(axis=2).max(axis=1) / 255 / 20).reshape(2, 50)  # of the digit's height
    assert thin.max() < 1 / 6 + 0.02 < thick.max() < 1 / 4 + 0.02


def test_a_seed_gives_the_same_drawings_again_and_another_gives_others():
    (one, labels), (again, same_labels), (other, _) = handwriting(20, 5), handwriting(20, 5), handwriting(20, 6)
    assert np.array_equal(one, again)
    assert np.array_equal(labels, same_labels)
    assert not np.array_equal(one, other)
    assert handwriting(0, seed=1)[0].shape == (0, 28, 28)
    assert np.array_equal(non_digits(20, 5), non_digits(20, 5))
    assert not np.array_equal(non_digits(20, 5), non_digits(20, 6))


def test_non_digits_are_pictures_too_with_less_ink_than_fills_them():
    images = non_digits(400, seed=3)
    assert (images.shape, images.dtype) == ((400, 28, 28), np.uint8)
    assert (images.max(axis=(1, 2)) == 255).all()
    assert len(np.unique(images, axis=0)) == 400
    windows = np.lib.stride_tricks.sliding_window_view(images, (5, 5), axis=(1, 2))
    solid = (windows.min(axis=(3, 4)) > 128).any(axis=(1, 2))
    assert 0.1 < solid.mean() < 0.32  # with as thick a brush as digits have: 0.39
