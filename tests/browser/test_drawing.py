"""Digits drawn with the mouse in real Chromium, read from the page."""

from urllib.parse import urlsplit

import pytest
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import expect


@pytest.mark.parametrize("digit", range(10))
def test_a_drawn_digit_is_answered(page: DrawingPage, digit: int) -> None:
    page.draw(DIGITS[digit])
    page.expect_answers(digit)
    for network in ("convnet", "net"):
        probabilities = page.probabilities(network)
        assert probabilities.index(max(probabilities)) == digit
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)


def test_the_answer_comes_while_the_pen_is_still_down(page: DrawingPage) -> None:
    page.press(DIGITS[3][0])
    page.expect_answers(3)
    page.screenshot("drawing")


def test_bars_move_during_the_stroke(page: DrawingPage) -> None:
    seen = set()
    page.press(DIGITS[2][0][:1])
    for point in page.at(*DIGITS[2][0][1:]):
        page.page.mouse.move(*point)
        page.expect_all_answered()
        seen.add(tuple(page.probabilities()))
    assert len(seen) > 5


@pytest.mark.opened_anew
def test_a_blank_pad_shows_an_invitation_and_no_numbers(page: DrawingPage) -> None:
    page.expect_state("blank")
    assert page.probabilities("convnet") == page.probabilities("net") == [0.0] * 10
    assert "%" not in page.page.locator(".networks").inner_text()
    page.screenshot("blank")


@pytest.mark.parametrize("used", ["Brush", "Erase"])
def test_the_first_stroke_after_a_clear_is_answered(page: DrawingPage, used: str) -> None:
    page.draw(DIGITS[8])
    page.expect_answers(8)
    if used == "Erase":
        page.tool("Erase")
    box = page.page.locator("#sketchpad").bounding_box()
    assert box is not None
    for digit in (7, 1, 3):
        page.tool("Clear canvas")
        page.expect_state("blank")
        page.draw(DIGITS[digit])
        page.expect_answers(digit)
        paper = page.page.locator("#sketchpad .ink").bounding_box()
        assert paper is not None
        assert paper["width"] == pytest.approx(box["width"], abs=1)  # it fills the pad
        page.expect_agreement()
    expect(page.page.locator("#sketchpad [aria-label='Undo']")).to_be_enabled()


@pytest.mark.opened_anew
def test_no_request_leaves_the_machine(page: DrawingPage, address: str) -> None:
    page.draw(DIGITS[5])
    page.expect_answers(5)
    page.page.click(".shuffle")
    page.page.wait_for_timeout(1500)  # the pen has rested, and the pad's own drawing was asked for
    hosts = {urlsplit(request).netloc for request in page.requests if not request.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(address).netloc}
    assert page.complaints == []
