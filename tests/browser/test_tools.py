"""Eraser, undo, redo, clear, sizes and keys: what the page reads is what the pad shows."""

import pytest
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import expect


def test_undo_and_redo_are_read(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    page.draw([line((0.47, 0.2), (0.3, 0.55), (0.72, 0.55))])
    page.expect_answers(4)
    page.tool("Undo")
    page.expect_answers(1)
    page.tool("Redo")
    page.expect_answers(4)
    page.expect_agreement()


def test_keys_undo_redo_and_clear(page: DrawingPage) -> None:
    page.draw(DIGITS[4])
    page.expect_answers(4)
    page.page.keyboard.press("Control+z")
    page.page.keyboard.press("Control+z")
    page.expect_state("blank")
    page.page.keyboard.press("Control+Shift+z")
    page.page.keyboard.press("Control+y")
    page.expect_answers(4)
    page.page.keyboard.press("Escape")
    page.expect_state("blank")
    expect(page.page.locator("#sketchpad")).to_have_attribute("data-blank", "true")
    page.draw(DIGITS[7])
    page.expect_answers(7)


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


@pytest.mark.parametrize(("button", "buttons"), [(5, 32), (2, 2)], ids=["eraser end", "barrel button"])
def test_a_pens_eraser_end_and_its_barrel_button_erase_and_the_brush_stays(
    page: DrawingPage, button: int, buttons: int
) -> None:
    page.draw([*DIGITS[1], line((0.2, 0.25), (0.2, 0.75))])
    erasing = {"pointerType": "pen", "buttons": buttons}
    page.point("pointerdown", (0.2, 0.2), button=button, **erasing)
    page.point("pointermove", (0.2, 0.8), button=-1, **erasing)
    page.point("pointerup", (0.2, 0.8), button=button, pointerType="pen")
    page.expect_answers(1)
    expect(page.page.get_by_label("Brush", exact=True)).to_have_attribute("aria-pressed", "true")
    page.expect_agreement()


def test_the_eraser_leaves_paper(page: DrawingPage) -> None:
    page.draw([*DIGITS[1], line((0.2, 0.25), (0.2, 0.75))])
    page.tool("Erase")
    page.draw([line((0.2, 0.2), (0.2, 0.8))])
    page.expect_answers(1)
    page.expect_agreement()
    page.screenshot("erased")


@pytest.mark.opened_anew
def test_a_thinner_brush_draws_a_thinner_line(page: DrawingPage) -> None:
    page.draw(DIGITS[0])
    page.expect_answers(0)
    thick = page.ink()
    page.tool("Clear canvas")
    page.page.get_by_label("Brush size").fill("10")
    page.screenshot("brush-size")
    page.draw(DIGITS[0])
    page.expect_answers(0)
    assert page.ink() < 0.7 * thick
    page.expect_agreement()


def test_many_strokes_become_one_picture_when_the_pen_rests(page: DrawingPage) -> None:
    dots = [[point] for point in line((0.54, 0.15), (0.47, 0.85), count=110)]
    page.draw(dots)
    page.rest()
    with page.page.expect_request(lambda request: '"strokes":[[' in (request.post_data or "")) as asked:
        page.draw([line((0.54, 0.3), (0.48, 0.7))])
    assert '"base":""' not in (asked.value.post_data or "")
    page.expect_answers(1)
    page.expect_agreement()


@pytest.mark.opened_anew
def test_what_is_undone_of_that_picture_stays_undone(page: DrawingPage) -> None:
    page.draw([[(0.3 + at % 3 / 500, 0.5)] for at in range(110)])
    page.rest()
    page.draw(DIGITS[1])
    for _ in range(111):
        page.page.keyboard.press("Control+z")
    page.rest()
    page.expect_state("blank")
    expect(page.page.locator("#sketchpad")).to_have_attribute("data-blank", "true")
    page.draw(DIGITS[1])
    page.expect_answers(1)
    page.expect_agreement()


@pytest.mark.opened_anew
def test_an_endless_scribble_is_read_on_to_its_end(page: DrawingPage) -> None:
    to_and_fro = [(0.1 + 0.8 * (turn % 2), 0.1 + 0.8 * (turn % 2)) for turn in range(11)]
    page.draw([to_and_fro] * 24)  # longer than the server takes, and no rest in between
    expect(page.page.locator(".notice")).to_be_hidden()
    page.rest()
    with page.page.expect_request(lambda request: '"strokes":[[' in (request.post_data or "")) as asked:
        page.draw([line((0.54, 0.3), (0.48, 0.7))])
    assert '"base":""' not in (asked.value.post_data or "")
    expect(page.page.locator(".notice")).to_be_hidden()


@pytest.mark.opened_anew
def test_more_dots_than_the_server_takes_are_read_when_the_pen_rests(page: DrawingPage) -> None:
    dots = page.at(*line((0.54, 0.15), (0.47, 0.85), count=104)) * 5
    with page.page.expect_response(lambda response: "read_pad" in (response.request.post_data or ""), timeout=60_000):
        page.page.evaluate(
            """dots => dots.forEach(([clientX, clientY]) => {
                const at = {clientX, clientY, bubbles: true, isPrimary: true, pointerId: 1, button: 0};
                const paper = document.querySelector("#sketchpad canvas");
                for (const kind of ["pointerdown", "pointerup"]) paper.dispatchEvent(new PointerEvent(kind, at));
            })""",
            dots,
        )
    page.expect_answers(1)
    expect(page.page.locator(".notice")).to_be_hidden()
    page.draw(DIGITS[1])
    page.expect_answers(1)


@pytest.mark.opened_anew
def test_the_pads_own_drawing_wins_where_it_differs(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    page.rest()
    page.page.evaluate("window.editor.undo()")  # as if the page had missed it
    page.draw(DIGITS[7])
    page.rest()
    page.expect_answers(7)
    page.draw([line((0.4, 0.5), (0.62, 0.5))])  # and live from what the pad shows
    page.expect_answers(7)
    page.expect_agreement()
