"""Fingers on a screen that is touched: one, a second one, one that the system takes away."""

import pytest
from conftest import PHONE, opened
from digits import DIGITS, Point, line
from playwright.sync_api import Browser, expect

TOUCHED = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def test_fingers_draw_on_a_phone_and_nothing_scrolls(browser: Browser, address: str) -> None:
    with opened(browser, address, **TOUCHED) as page:
        page.touch(DIGITS[2])
        page.expect_answers(2)
        page.rest()
        page.expect_answers(2)
        assert page.page.evaluate("[scrollX, scrollY]") == [0, 0]
        last_bar = page.page.locator("[data-model=net] [data-digit='9']").bounding_box()
        assert last_bar is not None
        assert last_bar["y"] + last_bar["height"] <= PHONE["height"]
        assert page.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("gesture", ["scroll", "zoom"])
def test_two_fingers_on_the_pad_scroll_or_zoom_and_draw_nothing(browser: Browser, address: str, gesture: str) -> None:
    moves: list[list[Point]] = [line((0.4, 0.8), (0.4, 0.2)), line((0.6, 0.8), (0.6, 0.2))]
    if gesture == "zoom":
        moves = [line((0.4, 0.5), (0.1, 0.5)), line((0.6, 0.5), (0.9, 0.5))]
    with opened(browser, address, **TOUCHED) as page:
        page.touch(DIGITS[4])
        page.expect_answers(4)
        drawn = page.painted()
        page.pinch(moves)
        moved = "scrollY > 20" if gesture == "scroll" else "visualViewport.scale > 1.2"
        page.page.wait_for_function(moved)
        page.expect_painted(lambda ink: ink == drawn)
        page.expect_answers(4)
        page.page.keyboard.press("Control+z")  # of the stroke before
        page.expect_painted(lambda ink: 0 < ink < drawn)


def test_a_palm_on_the_pad_draws_nothing(browser: Browser, address: str) -> None:
    palm: list[Point] = [(0.1, 0.9), (0.9, 0.9)]
    with opened(browser, address, **TOUCHED) as page:
        page.touch(DIGITS[1], palm=palm)
        page.expect_answers(1)
        page.expect_agreement()


def test_the_stroke_after_one_that_the_system_took_away_is_drawn(browser: Browser, address: str) -> None:
    with opened(browser, address, **TOUCHED) as page:
        page.touch(DIGITS[4][:1], end="touchCancel")
        page.touch(DIGITS[4][1:])
        page.expect_answers(4)
        page.expect_agreement()


@pytest.mark.parametrize("size", [(844, 390), (1024, 640), (1024, 768)])
def test_pad_and_answers_are_seen_together_where_there_is_little_height(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    with opened(browser, address, viewport={"width": size[0], "height": size[1]}) as page:
        page.frame.locator("#sketchpad").evaluate("pad => pad.scrollIntoView()")
        for part in ("#sketchpad", "[data-model=convnet] .verdict", "[data-model=net] [data-digit='9']"):
            expect(page.page.locator(part)).to_be_in_viewport(ratio=1)
        assert page.page.evaluate("document.documentElement.scrollWidth") == size[0]
        page.draw(DIGITS[3])
        page.expect_answers(3)
