"""The layout uses the room on a screen, and a sample on the pad moves nothing. See also test_screens.py."""

import pytest
from conftest import opened
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect
from proxy import framing, listening


@pytest.mark.parametrize("size", [(1280, 800), (1366, 768), (1920, 1080), (2560, 1440)])
def test_a_large_screen_is_filled_and_needs_no_scrolling(page: DrawingPage, size: tuple[int, int]) -> None:
    page.resize(size)
    expect(page.page.locator("#gallery .tiles li")).to_have_count(18)
    foot = page.page.locator("#foot").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] > 0.85 * size[1]
    scrolled = page.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert scrolled == list(size)


def test_in_a_frame_as_high_as_its_page_the_pad_is_no_higher_than_the_screen(browser: Browser, address: str) -> None:
    screen = {"width": 844, "height": 390}
    with (
        listening(framing(address, height=1600)) as site,
        opened(browser, site, viewport=screen, screen=screen) as page,
    ):
        pad = page.frame.locator("#sketchpad").bounding_box()
        assert pad is not None
        assert pad["height"] <= screen["height"]
        page.draw(DIGITS[7])
        page.expect_answers(7)


def test_a_sample_stays_on_the_pad_until_a_stroke_and_moves_nothing(page: DrawingPage) -> None:
    page.draw(DIGITS[0])
    page.expect_answers(0)
    drawn = page.painted()
    places = "[...document.querySelectorAll('.card, #gallery')].map((card) => card.getBoundingClientRect().top)"
    before = page.page.evaluate(places)
    page.page.click(".filter button:text-is('7')")
    page.page.click("#gallery [data-label='7'] >> nth=0")
    expect(page.page.locator(".shown")).to_contain_text("labelled 7")
    expect(page.page.locator("#sketchpad .surface")).to_have_attribute("data-sample", "true")
    page.expect_painted(lambda ink: ink not in (0, drawn))
    assert page.page.evaluate(places) == before
    page.press(DIGITS[0][0][:3])
    expect(page.page.locator(".shown")).to_be_hidden()
    page.page.mouse.up()
    page.tool("Undo")
    page.expect_answers(0)
    page.expect_painted(lambda ink: ink == drawn)
    page.page.click("#gallery [data-label] >> nth=0")
    expect(page.page.locator(".back")).to_be_visible()
    page.tool("Undo")  # which leaves the sample
    expect(page.page.locator(".back")).to_be_hidden()


def test_the_bar_of_the_answer_has_the_number_beside_it(page: DrawingPage) -> None:
    page.draw(DIGITS[7])
    page.expect_answers(7)
    beside = page.page.locator("[data-model=net] .remark").inner_text()
    expect(page.page.locator("[data-model=net] .best .percent")).to_have_text(beside.removesuffix(" %"))
