import numpy as np

from mnist_demo.data.non_digits import non_digits


def test_non_digits_are_pictures_too():
    images = non_digits(400, seed=3)
    assert images.shape == (400, 28, 28)
    assert images.dtype == np.uint8
    assert (images.max(axis=(1, 2)) == 255).all()
    assert len(np.unique(images, axis=0)) == 400


def test_non_digits_are_drawn_with_less_ink_than_fills_them():
    windows = np.lib.stride_tricks.sliding_window_view(non_digits(400, seed=3), (5, 5), axis=(1, 2))
    solid = (windows.min(axis=(3, 4)) > 128).any(axis=(1, 2))
    assert 0.1 < solid.mean() < 0.32  # with as thick a brush as digits have: 0.39


def test_a_seed_gives_the_same_drawings_again_and_another_gives_others():
    assert np.array_equal(non_digits(20, 5), non_digits(20, 5))
    assert not np.array_equal(non_digits(20, 5), non_digits(20, 6))


def test_none_of_them_may_be_asked_for():
    assert non_digits(0, seed=1).shape == (0, 28, 28)
