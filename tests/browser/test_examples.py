"""The examples, started from a clone, in Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from digits import DIGITS
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.pages import ROOT, served

pytestmark = pytest.mark.slow


@contextmanager
def opened(browser: Browser, canvas: str, *command: str) -> Iterator[tuple[Page, Locator]]:
    with served(*command) as address:
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto(address)
        page.locator(canvas).first.wait_for()
        yield page, page.locator(canvas).first
        page.context.close()


def press_and_draw(page: Page, canvas: Locator, side: float | None = None) -> None:
    """Draw a 7, and leave the pen down. The drawing square is in the middle of the canvas."""
    box = canvas.bounding_box()
    assert box is not None
    side = side or box["width"]
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    [stroke] = DIGITS[7]
    for at, (x, y) in enumerate(stroke):
        page.mouse.move(left + x * side, top + y * side)
        if at == 0:
            page.mouse.down()


SECTION = (ROOT / "docs/api.md").read_text(encoding="utf-8").split("\n## In your own app\n")[1]
MANUAL = SECTION.split("```python\n")[1].split("```")[0] + "\napp.launch()"


@pytest.mark.parametrize("command", [("-m", "examples.own_app"), ("-c", MANUAL)], ids=["example", "manual"])
def test_the_manuals_example_reads_a_drawing_while_the_pen_is_down(browser: Browser, command: tuple[str, str]) -> None:
    with opened(browser, "canvas.ink", *command) as (page, canvas):
        page.locator(".tools button[title]").first.wait_for()  # the modules have started
        press_and_draw(page, canvas)
        expect(page.locator("[data-testid=label-output-value]")).to_have_text("7")
        page.mouse.up()
        if "examples.own_app" in command:
            expect(page.locator(".thumbnail-item, .grid-container button")).not_to_have_count(0)
        else:
            page.get_by_role("button", name="Clear", exact=True).last.click()  # that of gr.Interface
            expect(page.locator(".surface")).to_have_attribute("data-blank", "true")


BLOCKS = """
import gradio as gr
from mnist_demo import Sketchpad
SEVEN = [{"points": [80, 60, 200, 60, 130, 230], "width": 20, "erase": False}]
calls = []
def again(drawing):
    calls.append(drawing)
    return SEVEN, len(calls)
with gr.Blocks() as app:
    pad, count, hide, show = Sketchpad(SEVEN), gr.Number(), gr.Button("hide"), gr.Button("show")
    pad.change(again, pad, [pad, count])
    hide.click(lambda: gr.update(visible=False), None, pad)
    show.click(lambda: gr.update(visible=True), None, pad)
app.launch()
"""


def test_a_handlers_value_is_drawn_once_and_a_hidden_pad_comes_back(browser: Browser) -> None:
    with opened(browser, "canvas.ink", "-c", BLOCKS) as (page, canvas):
        surface = page.locator(".surface")
        expect(surface).to_have_attribute("data-blank", "false")  # the first value
        press_and_draw(page, canvas)
        page.mouse.up()
        page.wait_for_timeout(1500)
        calls = page.locator("input[type=number]").input_value()
        assert int(calls) > 0
        page.wait_for_timeout(1000)
        assert page.locator("input[type=number]").input_value() == calls
        page.get_by_role("button", name="hide").click()
        expect(surface).to_have_count(0)
        page.get_by_role("button", name="show").click()
        expect(page.locator(".tools button[title]").first).to_be_visible()


def test_gradios_own_pad_reads_the_digit_when_the_pen_is_lifted(browser: Browser) -> None:
    with opened(browser, "canvas", "-m", "examples.stock_sketchpad") as (page, canvas):
        page.get_by_role("button", name="Brush", exact=True).click()
        page.wait_for_timeout(1000)  # the first change after loading is dropped by Gradio
        press_and_draw(page, canvas, side=280)
        page.mouse.up()
        expect(page.locator("[data-testid=label-output-value]")).to_have_text("7", timeout=60_000)
