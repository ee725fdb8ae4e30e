"""Numbers of several digits: their segmentation, and what a network reads."""

import golden_numbers
import numpy as np
import pytest

from benchmarks.composed import Layout, sample_number
from mnist_demo.data.mnist import load_mnist
from mnist_demo.ink import segmentation
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier

PEN = 20.0
SEVEN = [[0.0, 0.0], [40.0, 0.0], [15.0, 60.0]]
BAR = [[5.0, 30.0], [32.0, 30.0]]
ONE = [[0.0, 0.0], [0.0, 60.0]]
ZERO = [[20 + 18 * np.sin(a), 30 - 30 * np.cos(a)] for a in np.linspace(0, 2 * np.pi, 30)]


def at(x: float, *paths: list[list[float]], y: float = 60, scale: float = 1.5) -> list[Stroke]:
    return [Stroke(scale * np.array(path) + [x, y], PEN) for path in paths]


@pytest.fixture(scope="module")
def row() -> segmentation.Row:
    """Return a row of test digits as ink: 7210."""
    test = load_mnist("test")
    plan = Layout(0.3, 0.0, 0.0, 0.05, 0.1)
    random = np.random.default_rng(1)
    return segmentation.Row(sample_number(random, test.images[:4, 0].numpy(), test.labels[:4].tolist(), plan).ink, 0, 0)


def test_the_golden_numbers_are_cut_and_read_as_stored() -> None:
    for number, line in enumerate(golden_numbers.golden()):
        name = f"number {number}: run PYTHONPATH=. python tests/golden_numbers.py"
        cut = golden_numbers.cut(line["strokes"])
        assert cut["height"] == pytest.approx(line["height"]), name
        assert [one["pieces"] for one in cut["groups"]] == [one["pieces"] for one in line["groups"]], name
        assert golden_numbers.digits_of(line["strokes"], line["readings"]) == line["digits"], name


def test_the_golden_ink_is_cut_as_stored() -> None:
    for number, line in list(enumerate(golden_numbers.golden(golden_numbers.INK_FILE)))[::3]:
        name = f"number {number}: run PYTHONPATH=. python tests/golden_numbers.py"
        cut = golden_numbers.cut_ink(line["strokes"], line["width"])
        assert cut["boxes"] == line["boxes"], name
        assert cut["cuts"] == line["cuts"], name
        assert [one["pieces"] for one in cut["groups"]] == [one["pieces"] for one in line["groups"]], name


def test_strokes_of_two_digits_are_read_from_the_left(classifier: Classifier) -> None:
    reading = classifier.read_number([*at(170, ZERO), *at(60, SEVEN)])
    assert reading.text == "70"
    assert [digit.reading.answer for digit in reading.digits] == [7, 0]
    first, second = (digit.box for digit in reading.digits)
    assert (first.left, first.top, first.right, first.bottom) == (60, 60, 120, 150)
    assert second.left > first.right
    assert 0.5 < reading.certainty <= 1
    assert reading.digits[0].reading.image is not None
    assert reading.digits[0].reading.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_bar_belongs_to_the_digit_that_it_crosses(classifier: Classifier) -> None:
    assert classifier.read_number([*at(40, SEVEN), *at(170, ZERO), *at(40, BAR)]).text == "70"


def test_a_digit_of_two_strokes_is_read_as_one_digit(classifier: Classifier) -> None:
    strokes = at(80, SEVEN, BAR, scale=2.5)
    reading = classifier.read_number(strokes)
    assert reading.text == "7"
    assert reading.certainty == pytest.approx(classifier.read(draw(strokes)).certainty)


def test_read_still_rejects_two_digits(classifier: Classifier) -> None:
    assert classifier.read(draw([*at(60, SEVEN), *at(170, ZERO)])).answer is None


def test_an_empty_drawing_has_no_digits(classifier: Classifier) -> None:
    for drawing in ([], [Stroke(np.empty((0, 2)), PEN)], np.zeros((280, 280), np.uint8)):
        assert classifier.read_number(drawing) == ("", (), 0.0)
    assert classifier.read_page(np.zeros((280, 280), np.uint8)) == []


def test_a_letter_of_three_strokes_is_rejected(classifier: Classifier) -> None:
    h = [*at(80, ONE, scale=2), *at(170, ONE, scale=2), *at(80, [[0, 30], [45, 30]], scale=2)]
    assert classifier.read_number(h).text is None


def test_a_dot_beside_a_digit_is_not_read_as_a_digit(classifier: Classifier) -> None:
    dot = Stroke(np.array([[200.0, 170.0]]), PEN)
    assert classifier.read_number([*at(60, ZERO, scale=2), dot]).text in (None, "0")


def test_only_the_ink_left_by_the_eraser_is_read(classifier: Classifier) -> None:
    strokes = [*at(30, SEVEN), *at(180, ZERO), *at(110, ONE, y=20, scale=3), *at(110, ONE, y=20, scale=3)]
    strokes[-1] = strokes[-1]._replace(width=30.0, erase=True)
    assert classifier.read_number(strokes).text == "70"


def test_test_digits_side_by_side_are_read_as_a_number(classifier: Classifier, row: segmentation.Row) -> None:
    reading = classifier.read_number(row.ink)
    assert reading.text == "7210"
    for digit in reading.digits:
        assert row.ink[digit.box.top : digit.box.bottom, digit.box.left : digit.box.right].any()


def test_an_enlarged_picture_gives_the_same_number(classifier: Classifier, row: segmentation.Row) -> None:
    large = np.kron(row.ink, np.ones((4, 4), np.uint8))
    reading = classifier.read_number(large)
    assert reading.text == "7210"
    assert reading.digits[0].box.left == pytest.approx(4 * classifier.read_number(row.ink).digits[0].box.left, abs=8)


def test_rows_are_read_from_top_to_bottom(classifier: Classifier, row: segmentation.Row) -> None:
    page = np.concatenate([row.ink, row.ink])
    readings = classifier.read_page(page)
    assert [reading.text for reading in readings] == ["7210", "7210"]
    tops = [reading.digits[0].box.top for reading in readings]
    assert tops[1] - tops[0] == pytest.approx(len(row.ink), abs=6)


def test_touching_digits_are_cut_where_the_ink_is_thin() -> None:
    bridge = np.zeros((70, 130), np.uint8)
    bridge[5:65, 10:18] = bridge[5:65, 100:108] = 255
    bridge[60:64, 10:108] = 255
    parts = segmentation.ordered_parts(bridge)
    assert len(parts) > 1
    assert all(0 < part.cut < 1 for part in parts[1:])


def test_a_number_of_too_many_pieces_is_rejected(classifier: Classifier) -> None:
    many = [stroke for x in range(60) for stroke in at(4 * x + 20, ONE, scale=0.2)]
    assert segmentation.of_strokes(many) is None
    assert classifier.read_number(many).text is None
    assert segmentation.of_strokes([]) is None


def test_ink_of_three_dimensions_raises_an_error(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="ink must be"):
        classifier.read_number(np.zeros((3, 3, 3), np.uint8))
