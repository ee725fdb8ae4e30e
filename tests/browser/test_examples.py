"""The examples, as they are started from a clone, in Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from digits import DIGITS
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.pages import served

pytestmark = pytest.mark.slow


@contextmanager
def opened(browser: Browser, module: str, canvas: str) -> Iterator[tuple[Page, Locator]]:
    with served("-m", module) as address:
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto(address)
        page.locator(canvas).first.wait_for()
        yield page, page.locator(canvas).first
        page.context.close()


def press_and_draw(page: Page, canvas: Locator, side: float | None = None) -> None:
    """Draw a seven, and leave the pen down. The drawing square lies in the middle of the canvas."""
    box = canvas.bounding_box()
    assert box is not None
    side = side or box["width"]
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    [stroke] = DIGITS[7]
    for at, (x, y) in enumerate(stroke):
        page.mouse.move(left + x * side, top + y * side)
        if at == 0:
            page.mouse.down()


def test_ones_own_app_says_the_digit_while_the_pen_is_down(browser: Browser) -> None:
    with opened(browser, "examples.own_app", "canvas.ink") as (page, canvas):
        page.locator(".tools button[title]").first.wait_for()  # the modules have started
        press_and_draw(page, canvas)
        expect(page.locator("[data-testid=label-output-value]")).to_have_text("7")
        page.mouse.up()
        expect(page.locator(".thumbnail-item, .grid-container button")).not_to_have_count(0)


def test_gradios_own_pad_says_the_digit_when_the_pen_is_lifted(browser: Browser) -> None:
    with opened(browser, "examples.stock_sketchpad", "canvas") as (page, canvas):
        page.get_by_role("button", name="Brush", exact=True).click()
        page.wait_for_timeout(1000)  # the first change after loading is dropped by Gradio
        press_and_draw(page, canvas, side=280)
        page.mouse.up()
        expect(page.locator("[data-testid=label-output-value]")).to_have_text("7", timeout=60_000)
