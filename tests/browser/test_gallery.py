"""The gallery of samples."""

import json

from digits import DIGITS
from drawing_page import NEXT_FRAME, DrawingPage, question
from playwright.sync_api import Route, expect


def wanted(route: Route) -> str | None:
    """Return the digit that a request asks the gallery for; None if it names no digit or is another request."""
    is_asked = question(route.request) == "samples"
    return str(json.loads(route.request.post_data or "{}")["digit"]) if is_asked else None


def test_a_click_shows_a_sample_and_escape_closes_it_before_it_clears_the_drawing(page: DrawingPage) -> None:
    page.draw(DIGITS[0])
    page.expect_answers(0)
    for leave in (lambda: page.page.click(".back"), lambda: page.page.keyboard.press("Escape")):
        page.page.click(".filter button:text-is('7')")
        expect(page.page.locator("#gallery [data-label]:not([data-label='7'])")).to_have_count(0)
        page.page.click("#gallery [data-label='7'] >> nth=0")
        expect(page.page.locator(".source")).to_contain_text("7")
        assert page.probabilities() != [0.0] * 10
        leave()
        expect(page.page.locator(".back")).to_be_hidden()
        page.expect_answers(0)
    page.page.keyboard.press("Escape")
    page.expect_state("blank")


def test_the_digit_clicked_last_is_the_one_shown(page: DrawingPage) -> None:
    late: list[Route] = []
    page.page.route("**/engine/**", lambda route: late.append(route) if wanted(route) == "3" else route.continue_())
    page.page.click(".filter button:text-is('3')")
    page.page.click(".filter button:text-is('7')")
    expect(page.page.locator("#gallery [data-label='7']")).to_have_count(18)
    with page.page.expect_response(lambda response: question(response.request) == "samples"):
        late[0].continue_()
    page.page.evaluate(NEXT_FRAME)
    expect(page.page.locator("#gallery [data-label='7']")).to_have_count(18)
