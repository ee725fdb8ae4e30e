"""Numbers of several digits, drawn with the mouse in real Chromium."""

import pytest
from digits import DIGITS, Strokes
from drawing_page import DrawingPage
from playwright.sync_api import expect

BOXED = """canvas => {  // the columns of the frame's colour, as shares of the picture's width
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const places = [...Array(data.length / 4).keys()].filter((at) => data[4 * at + 2] > data[4 * at] + 80);
  return places.map((at) => (at % canvas.width) / canvas.width);
}"""


def beside(*digits: int) -> Strokes:
    """Return the digits side by side, as high as half the pad."""
    step = 0.9 / len(digits)
    scale = min(0.8, 1.7 * step)
    return [
        [((x - 0.5) * scale + 0.05 + step * (place + 0.5), (y - 0.5) * scale + 0.5) for x, y in stroke]
        for place, digit in enumerate(digits)
        for stroke in DIGITS[digit]
    ]


def expect_number(page: DrawingPage, number: str) -> None:
    page.expect_state("number")
    for name in ("convnet", "net"):
        expect(page.verdict(name)).to_have_attribute("data-answer", number)


def current(page: DrawingPage) -> list[str]:
    """Return which part of ConvNet's number is looked at, and what it is."""
    part = page.page.locator("[data-model=convnet] [data-part][aria-current]")
    return [part.get_attribute("data-part") or "", part.get_attribute("data-part-answer") or ""]


def best_bar(page: DrawingPage) -> int:
    probabilities = page.probabilities()
    return probabilities.index(max(probabilities))


@pytest.mark.parametrize("digits", [(4, 2), (7, 0, 3), (5, 6)])
def test_a_number_is_answered_and_read_to_a_screen_reader_digit_by_digit(
    page: DrawingPage, digits: tuple[int, ...]
) -> None:
    page.draw(beside(*digits))
    expect_number(page, "".join(map(str, digits)))
    parts = page.page.locator("[data-model=convnet] [data-part]")
    assert parts.evaluate_all("all => all.map(one => [one.dataset.part, one.dataset.partAnswer])") == [
        [str(at), str(digit)] for at, digit in enumerate(digits)
    ]
    spoken = " ".join(map(str, digits))
    expect(page.page.locator(".spoken")).to_have_text(f"ConvNet: {spoken}. Net: {spoken}")


def test_the_number_grows_while_the_pen_is_down(page: DrawingPage) -> None:
    first, second = beside(7, 0)
    page.draw([first])
    page.expect_state("digit")
    page.press(second)
    expect_number(page, "70")


def test_the_newest_digit_is_looked_at_until_another_is_chosen(page: DrawingPage) -> None:
    page.draw(beside(7, 0, 3))
    expect_number(page, "703")
    assert current(page) == ["2", "3"]
    assert best_bar(page) == 3
    page.page.keyboard.press("ArrowLeft")  # right after drawing
    assert current(page) == ["1", "0"]
    seen = page.ink()
    page.page.locator("[data-model=convnet] [data-part='0']").click()
    assert current(page) == ["0", "7"]
    assert best_bar(page) == 7
    assert page.ink() != seen
    page.page.keyboard.press("ArrowRight")
    assert current(page) == ["1", "0"]
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowLeft")
    assert current(page) == ["0", "7"]


def test_a_box_is_around_each_digit(page: DrawingPage) -> None:
    boxes = page.page.locator("#sketchpad .boxes span")
    page.draw(DIGITS[3])
    page.expect_answers(3)
    assert boxes.count() == 0
    page.tool("Clear canvas")
    page.draw(beside(7, 0))
    expect_number(page, "70")
    rectangles = boxes.evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())")
    assert len(rectangles) == 2
    for (x, y), rectangle in zip(page.at((0.27, 0.5), (0.73, 0.5)), rectangles, strict=True):
        assert rectangle["left"] < x < rectangle["right"]
        assert rectangle["top"] < y < rectangle["bottom"]
    page.tool("Undo")
    page.expect_answers(7)
    assert boxes.count() == 0
    page.tool("Redo")
    expect_number(page, "70")
    page.tool("Clear canvas")
    page.expect_state("blank")
    assert page.page.locator(".networks [data-part]").count() == boxes.count() == 0


def test_inside_frames_the_marked_digit_where_it_is_on_the_pad(page: DrawingPage) -> None:
    page.draw(beside(7, 0))
    expect_number(page, "70")
    page.open_lens("inside")
    stage = page.page.locator("#within .stage").first
    expect(stage.locator("figcaption")).to_contain_text("The marked digit")
    columns = stage.locator("canvas").evaluate(BOXED)
    assert columns
    assert 0.5 < min(columns) < max(columns) < 1  # the 0, on the right
    page.open_lens("read")


def test_inside_and_corrections_are_of_the_digit_that_is_looked_at(page: DrawingPage) -> None:
    page.draw(beside(7, 0))
    expect_number(page, "70")
    page.page.locator("[data-model=convnet] [data-part='0']").click()
    page.page.locator("[data-correct='1']").click()
    expect(page.page.locator("[data-correct='1']")).to_have_attribute("aria-pressed", "true")
    stored = page.page.evaluate("localStorage.getItem('mnist-demo.corrections')")
    assert stored.count("[[") == 1 + 1  # one stroke and one brush
    page.page.locator(".correct .undo").click()
    page.open_lens("inside")
    expect(page.page.locator("#within .saying")).to_contain_text("7")
    page.open_lens("read")
