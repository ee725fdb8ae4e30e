"""Touch input: one finger, a second one, and one that the system takes away."""

import pytest
from conftest import PHONE, TOUCHED, opened
from digits import DIGITS, Point, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

GESTURES: dict[str, list[list[Point]]] = {
    "scrollY > 20": [line((0.4, 0.8), (0.4, 0.2)), line((0.6, 0.8), (0.6, 0.2))],
    "visualViewport.scale > 1.2": [line((0.4, 0.5), (0.1, 0.5)), line((0.6, 0.5), (0.9, 0.5))],
}


def test_fingers_draw_on_a_phone_and_nothing_scrolls(phone: DrawingPage) -> None:
    phone.touch(DIGITS[2])
    phone.expect_answers(2)
    assert phone.page.evaluate("[scrollX, scrollY]") == [0, 0]
    last_bar = phone.page.locator("[data-model=net] [data-digit='9']").bounding_box()
    assert last_bar is not None
    assert last_bar["y"] + last_bar["height"] <= PHONE["height"]
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_palm_draws_nothing_and_the_stroke_after_a_cancelled_one_is_drawn(phone: DrawingPage) -> None:
    phone.touch(DIGITS[1], palm=[(0.1, 0.9), (0.9, 0.9)])
    phone.expect_answers(1)
    phone.tool("Clear canvas")
    phone.touch(DIGITS[4][:1], end="touchCancel")
    phone.touch(DIGITS[4][1:])
    phone.expect_answers(4)
    phone.expect_agreement()


def test_two_fingers_on_the_pad_scroll_or_zoom_and_draw_nothing(browser: Browser, address: str) -> None:
    with opened(browser, address, **TOUCHED) as page:
        page.touch(DIGITS[4])
        page.expect_answers(4)
        drawn = page.painted()
        for moved, fingers in GESTURES.items():
            page.pinch(fingers)
            page.page.wait_for_function(moved)
            page.expect_painted(lambda ink: ink == drawn)
            page.expect_answers(4)
            page.page.evaluate("scrollTo(0, 0)")
        page.page.keyboard.press("Control+z")  # of the stroke before
        page.expect_painted(lambda ink: 0 < ink < drawn)


@pytest.mark.parametrize("size", [(844, 390), (1024, 640), (1024, 768)])
def test_pad_and_answers_are_visible_together_on_a_low_screen(page: DrawingPage, size: tuple[int, int]) -> None:
    page.resize(size)
    page.frame.locator("#sketchpad").evaluate("pad => pad.scrollIntoView()")
    for part in ("#sketchpad", "[data-model=convnet] .verdict", "[data-model=net] [data-digit='9']"):
        expect(page.page.locator(part)).to_be_in_viewport(ratio=1)
    assert page.page.evaluate("document.documentElement.scrollWidth") == size[0]
