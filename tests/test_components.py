import numpy as np
import pytest

from mnist_demo.ink.components import MAX_RUNS, Components, convex_region, dilated, eroded, is_noise


def flooded(mask: np.ndarray) -> list[int]:
    """Return the areas of the mask's components, by filling one after the other."""
    left, areas = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    while left:
        todo, area = [left.pop()], 0
        while todo:
            y, x = todo.pop()
            area += 1
            around = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= around
            todo += around
        areas.append(area)
    return sorted(areas)


def test_components_are_pixels_that_touch_by_a_side_or_a_corner() -> None:
    random = np.random.default_rng(0)
    for share in (0, 0.1, 0.3, 0.4, 0.6):
        mask = random.random((40, 50)) < share
        components = Components.of(mask)
        assert sorted(components.area.tolist()) == flooded(mask)
        assert (components.mask(np.ones(len(components.area), bool)) == mask).all()


def test_a_component_has_its_box_and_its_contacts_with_the_border() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:15, 8:28] = True
    mask[20:, 39] = True
    components = Components.of(mask)
    assert components.box(0) == (slice(5, 15), slice(8, 28))
    assert components.contacts.tolist() == [[0, 0], [0, 0], [0, 1], [0, 10]]
    assert components.mask(1).sum() == 10


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
