"""Digits drawn with the mouse in real Chromium, read from the page."""

from urllib.parse import urlsplit

import pytest
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import expect


def test_each_digit_is_answered(page: DrawingPage) -> None:
    for digit, strokes in DIGITS.items():
        page.draw(strokes)
        page.expect_answers(digit)
        for network in ("convnet", "net"):
            probabilities = page.probabilities(network)
            assert probabilities.index(max(probabilities)) == digit
            assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        page.tool("Clear canvas")
        page.expect_state("blank")


def test_bars_move_and_the_answer_comes_while_the_pen_is_still_down(page: DrawingPage) -> None:
    seen = set()
    page.press(DIGITS[2][0][:1])
    for point in page.at(*DIGITS[2][0][1:]):
        page.page.mouse.move(*point)
        page.expect_all_answered()
        seen.add(tuple(page.probabilities()))
    assert len(seen) > 5
    page.expect_answers(2)
    page.page.mouse.up()


@pytest.mark.opened_anew
def test_at_first_the_whole_page_is_seen_without_numbers_and_no_request_leaves_the_machine(
    page: DrawingPage, address: str
) -> None:
    page.expect_state("blank")
    assert page.probabilities("convnet") == page.probabilities("net") == [0.0] * 10
    assert "%" not in page.page.locator(".networks").inner_text()
    for part in ("#sketchpad", "[data-model=convnet]", "[data-model=net]", ".sees", "#gallery", "#foot"):
        expect(page.page.locator(part)).to_be_in_viewport(ratio=1)
    page.draw(DIGITS[5])
    page.expect_answers(5)
    page.page.click(".shuffle")
    page.rest()
    hosts = {urlsplit(request).netloc for request in page.requests if not request.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(address).netloc}
    assert page.complaints == []


def test_the_first_stroke_after_an_eraser_and_a_clear_is_answered(page: DrawingPage) -> None:
    page.draw(DIGITS[8])
    page.tool("Erase")
    page.tool("Clear canvas")
    page.expect_state("blank")
    page.draw(DIGITS[7])
    page.expect_answers(7)
    page.expect_agreement()
    expect(page.page.locator("#sketchpad [aria-label='Undo']")).to_be_enabled()
