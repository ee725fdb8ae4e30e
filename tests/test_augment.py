import pytest
import torch
from torch import Tensor

from mnist_demo.data.augment import distort
from mnist_demo.data.mnist import load_mnist


@pytest.fixture(scope="module")
def digits() -> Tensor:
    return load_mnist("train").images[:400].float() / 255


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ink(images: Tensor) -> Tensor:
    return images.mean(dim=(1, 2, 3))


def test_a_seed_distorts_the_same_way_again_and_another_differently(digits):
    before, distorted = digits.clone(), distort(digits, seeded())
    assert distorted.shape == digits.shape
    assert 0 <= distorted.min() <= distorted.max() <= 1
    assert torch.equal(digits, before)
    assert torch.equal(distort(digits, seeded()), distorted)
    assert not torch.equal(distort(digits, seeded()), distort(digits, seeded(2)))


def test_every_image_of_a_batch_is_distorted_in_its_own_way(digits):
    same = distort(digits[:1].expand(100, -1, -1, -1), seeded())
    assert len(torch.unique(same.flatten(1), dim=0)) == 100


def test_the_first_half_gets_a_thicker_pen_and_the_second_a_thinner_one(digits):
    change = ink(distort(digits, seeded())) / ink(digits)
    assert change[:200].mean() > 1.15
    assert change[200:].mean() < 0.95


def test_lines_move_by_pixels_and_not_by_half_the_image(digits):
    axis = torch.arange(28.0)
    distorted = distort(digits, seeded())
    for dimension in (2, 3):
        across = 5 - dimension
        centres = [(i.sum(dim=(1, across)) * axis).sum(1) / i.sum(dim=(1, 2, 3)) for i in (digits, distorted)]
        moved = centres[1] - centres[0]
        assert 0.3 < moved.std() < 1.5
        assert moved.abs().max() < 4


def test_lines_are_turned_either_way():
    line = torch.zeros(200, 1, 28, 28)
    line[:, :, 4:24, 13:15] = 1
    distorted = distort(line, seeded())
    columns = torch.arange(28.0)
    top, bottom = (
        (rows.sum(2) * columns).sum(2) / rows.sum(dim=(2, 3)) for rows in (distorted[:, :, :10], distorted[:, :, 18:])
    )
    lean = (top - bottom).flatten()
    assert lean.min() < -3
    assert lean.max() > 3
    assert lean.mean().abs() < 1
