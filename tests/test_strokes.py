import numpy as np
import pytest

from mnist_demo.ink.strokes import Stroke, draw, evenly


def line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float32)


def area(ink: np.ndarray) -> float:
    return ink.sum() / 255


def test_nothing_drawn_is_a_blank_canvas_of_the_size_asked_for():
    for strokes in ([], [Stroke(np.empty((0, 2), np.float32))]):
        ink = draw(strokes, side=28)
        assert (ink.shape, ink.dtype, ink.any()) == ((28, 28), np.uint8, False)


def test_one_point_or_several_in_one_place_are_a_round_dot():
    assert np.array_equal(draw([Stroke(line((9, 9), (9, 9), (9, 9)))]), draw([Stroke(line((9, 9)))]))
    ink = draw([Stroke(line((100, 60)))])
    rows, columns = np.nonzero(ink)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((60, 100), abs=0.1)
    assert area(ink) == pytest.approx(np.pi * 10**2, rel=0.01)


def test_a_line_has_its_width_its_length_and_round_caps():
    ink = draw([Stroke(line((50, 100), (200, 100)), width=20)])
    assert area(ink) == pytest.approx(150 * 20 + np.pi * 10**2, rel=0.01)
    assert area(ink[:, 125]) == pytest.approx(20, abs=0.6)
    assert ink[100, 41] > 250
    assert ink[91, 41] == 0


@pytest.mark.parametrize("width", [1, 2.5, 9, 40])
def test_a_tilted_line_is_as_wide_as_a_straight_one(width):
    ink = draw([Stroke(line((80, 80), (200, 200)), width)])
    assert area(ink) == pytest.approx(120 * 2**0.5 * width + np.pi * (width / 2) ** 2, rel=0.06)


def test_the_number_of_points_on_a_line_does_not_matter():
    few = draw([Stroke(line((40, 40), (240, 180)))])
    many = draw([Stroke(np.linspace((40, 40), (240, 180), 500))])
    assert np.abs(few.astype(int) - many).mean() < 0.5


def test_an_eraser_takes_away_what_was_drawn_before_it_and_nothing_after():
    pen, eraser = Stroke(line((40, 140), (240, 140))), Stroke(line((140, 40), (140, 240)), 30, erase=True)
    erased = draw([pen, eraser])
    assert erased[140, 140] == 0
    assert erased[140, 60] == 255
    assert draw([pen, eraser, pen])[140, 140] == 255


def test_what_is_outside_the_canvas_is_cut_off_and_does_not_come_back_at_the_other_side():
    ink = draw([Stroke(line((-50, 140), (2, 140))), Stroke(line((290, 290), (1e7, 1e7)))])
    assert ink[140, :10].all()
    assert not ink[:, 14:].any()


def test_invalid_points_and_widths_are_refused():
    for points in (np.zeros(4), np.zeros((3, 3)), np.array([[0, np.nan]]), np.array([[np.inf, 1]])):
        with pytest.raises(ValueError, match="points"):
            draw([Stroke(points)])
    for width in (0, -1, np.nan, np.inf, 1001):
        with pytest.raises(ValueError, match="a stroke's width must be above 0 and at most 1000, not "):
            draw([Stroke(line((1, 1)), width)])


def test_a_line_by_more_points_is_the_same_line():
    path = evenly(np.array([[0, 0], [3, 4], [3, 10.0]]), 12)
    assert np.allclose(np.hypot(*np.diff(path, axis=0).T), 1)
    assert np.allclose(path[[0, 5, -1]], [[0, 0], [3, 4], [3, 10]])
