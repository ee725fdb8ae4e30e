import numpy as np
import pytest

from mnist_demo.ink.components import MAX_RUNS, Components, convex_region, dilated, eroded, is_noise


def test_a_component_has_its_box_and_its_contacts_with_the_border() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:15, 8:28] = True
    mask[20:, 39] = True
    components = Components.of(mask)
    assert components.box(0) == (slice(5, 15), slice(8, 28))
    assert components.contacts.tolist() == [[0, 0], [0, 0], [0, 1], [0, 10]]
    assert components.mask(1).sum() == 10
    assert (components.mask(np.ones(2, bool)) == mask).all()


def test_a_region_is_convex_and_has_its_shape_and_turn() -> None:
    y, x = np.mgrid[:200, :200] - 100
    angle = np.deg2rad(20)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    frame = (np.abs(along) < 80) & (np.abs(across) < 40) & ~((np.abs(along) < 70) & (np.abs(across) < 30))
    region = convex_region(frame)
    assert region.mask[100, 100]
    assert region.turn == pytest.approx(20, abs=1)
    assert region.slimness == pytest.approx(0.5, abs=0.03)
    assert min(region.solidity, region.rectangularity, region.straightness) > 0.95
    assert convex_region(np.hypot(x, y) < 80).rectangularity < 0.82


def test_a_mask_grows_and_shrinks_on_every_side_but_the_border() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert dilated(mask, 2).sum() == 25
    assert (eroded(dilated(mask, 2), 2) == mask).all()
    assert eroded(np.ones((5, 5), bool), 2).all()


def test_noise_is_a_mask_of_very_many_runs() -> None:
    mask = np.zeros((2, 2 * MAX_RUNS + 2), bool)
    mask[0, 1 : 2 * MAX_RUNS : 2] = True
    assert not is_noise(mask)
    mask[1, 1] = True
    assert is_noise(mask)
