import numpy as np

from mnist_demo.pieces import grown, pieces_of


def flooded(mask: np.ndarray) -> list[int]:
    """The areas of the mask's pieces, by filling one after the other."""
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


def test_pieces_are_what_touches_by_a_side_or_a_corner() -> None:
    random = np.random.default_rng(0)
    for share in (0.1, 0.3, 0.4, 0.6):
        mask = random.random((40, 50)) < share
        pieces = pieces_of(mask)
        assert sorted(pieces.area.tolist()) == flooded(mask)
        assert (pieces.mask() == mask).all()


def test_a_piece_knows_its_box_and_its_corners() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:15, 8:28] = True
    mask[7:9, 10:20] = False
    mask[20, 39] = True
    pieces = pieces_of(mask)
    assert pieces.box(0) == (slice(5, 15), slice(8, 28))
    assert pieces.area.tolist() == [180, 1]
    assert {tuple(corner) for corner in pieces.corners(0)} == {(8, 5), (27, 5), (27, 14), (8, 14)}
    assert pieces.filled(0).sum() == 200
    assert pieces.mask(np.array([False, True])).sum() == 1


def test_no_mask_has_no_pieces() -> None:
    pieces = pieces_of(np.zeros((5, 6), bool))
    assert len(pieces.area) == 0
    assert pieces.mask().shape == (5, 6)


def test_a_mask_grows_on_every_side() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert grown(mask, 2).sum() == 25
    assert (grown(mask, 0) == mask).all()
