"""Fingers on a screen that is touched: one, a second one, one that the system takes away."""

import pytest
from conftest import PHONE, opened
from digits import DIGITS, Point
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
        page.screenshot("phone")


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
        page.screenshot(f"low-{size[0]}x{size[1]}")
