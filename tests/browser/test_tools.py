"""Eraser, undo, redo, clear, sizes and keys: the networks read what the pad shows."""

from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import expect


def test_undo_and_redo_by_tools_and_keys_update_the_reading(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    page.draw([line((0.47, 0.2), (0.3, 0.55), (0.72, 0.55))])
    page.expect_answers(4)
    page.tool("Undo")
    page.expect_answers(1)
    page.tool("Redo")
    page.expect_answers(4)
    page.page.keyboard.press("Control+z")
    page.page.keyboard.press("Control+z")
    page.expect_state("blank")
    page.page.keyboard.press("Control+Shift+z")
    page.page.keyboard.press("Control+y")
    page.expect_answers(4)
    page.page.keyboard.press("Escape")
    page.expect_state("blank")
    page.page.keyboard.press("Control+z")
    page.expect_answers(4)


def test_keys_undo_and_redo_on_a_russian_keyboard(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    session = page.page.context.new_cdp_session(page.page)
    for key, code, state in (
        ("\N{CYRILLIC SMALL LETTER YA}", "KeyZ", "blank"),
        ("\N{CYRILLIC SMALL LETTER EN}", "KeyY", "digit"),
    ):
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": key, "code": code, "modifiers": 2})
        page.expect_state(state)


def test_the_eraser_a_pens_eraser_end_and_its_barrel_button_erase(page: DrawingPage) -> None:
    spoilt = [*DIGITS[1], line((0.2, 0.25), (0.2, 0.75))]
    for button, buttons in ((5, 32), (2, 2)):
        page.draw(spoilt)
        erasing = {"pointerType": "pen", "buttons": buttons}
        page.point("pointerdown", (0.2, 0.2), button=button, **erasing)
        page.point("pointermove", (0.2, 0.8), button=-1, **erasing)
        page.point("pointerup", (0.2, 0.8), button=button, pointerType="pen")
        page.expect_answers(1)
        expect(page.page.get_by_label("Brush", exact=True)).to_have_attribute("aria-pressed", "true")
        page.tool("Clear canvas")
    page.draw(spoilt)
    page.tool("Erase")
    page.draw([line((0.2, 0.2), (0.2, 0.8))])
    page.expect_answers(1)
    page.expect_agreement()


def test_a_thinner_brush_draws_a_thinner_line(page: DrawingPage) -> None:
    page.draw(DIGITS[0])
    page.expect_answers(0)
    thick = page.ink()
    page.tool("Clear canvas")
    page.page.get_by_label("Brush size").fill("10")
    page.draw(DIGITS[0])
    page.expect_answers(0)
    assert page.ink() < 0.7 * thick
    page.page.get_by_label("Brush size").fill("20")


DRAWN_AT_ONCE = """strokes => {
  const paper = document.querySelector("#sketchpad canvas");
  for (const points of strokes) {
    points.forEach(([clientX, clientY], at) => {
      const pointer = { clientX, clientY, bubbles: true, isPrimary: true, pointerId: 1, button: 0, buttons: 1 };
      paper.dispatchEvent(new PointerEvent(at ? "pointermove" : "pointerdown", pointer));
    });
    paper.dispatchEvent(new PointerEvent("pointerup", { bubbles: true, isPrimary: true, pointerId: 1 }));
  }
}"""


def test_a_very_long_scribble_and_hundreds_of_dots_are_read_to_their_end(page: DrawingPage) -> None:
    page.page.evaluate(DRAWN_AT_ONCE, [page.at((0.1, 0.1), (0.9, 0.9)) * 6] * 24)
    page.expect_answers_to_come()
    page.tool("Clear canvas")
    dots = page.at(*line((0.54, 0.15), (0.47, 0.85), count=104)) * 5
    page.page.evaluate(DRAWN_AT_ONCE, [[dot] for dot in dots])
    page.expect_answers(1)
    expect(page.page.locator(".notice")).to_be_hidden()
