"""The page's own ink: its look, what it follows, and that it needs no graphics processor."""

import math

import pytest
from conftest import opened
from digits import DIGITS, arc, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

INK = ".surface .ink"

# Where, in pixels of the canvas, the ink's upper edge lies in each column, to a fraction of a pixel.
EDGE = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const alpha = (x, y) => data[4 * (y * canvas.width + x) + 3] / 255;
  const top = (x) => {
    for (let y = 1; y < canvas.height; y += 1) if (alpha(x, y) > 0.5) return y - (alpha(x, y) + alpha(x, y - 1)) + 1;
  };
  return Array.from({ length: canvas.width }, (_, x) => top(x) ?? null);
}"""

STRIPES = """
const { getImageData } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.getImageData = function (...box) {
  const pixels = getImageData.apply(this, box);
  pixels.data.forEach((value, at) => (pixels.data[at] = value ^ (at % 7)));
  return pixels;
};
const toBlob = HTMLCanvasElement.prototype.toBlob;
HTMLCanvasElement.prototype.toBlob = function (...rest) {
  const striped = document.createElement("canvas");
  Object.assign(striped, { width: this.width, height: this.height });
  const context = striped.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, striped.width, striped.height);
  context.fillStyle = "#000";
  for (let x = 0; x < striped.width; x += 8) context.fillRect(x, 0, 4, striped.height);
  toBlob.apply(striped, rest);
};
"""


def test_ink_has_the_screens_resolution_smooth_edges_and_the_themes_colour(browser: Browser, address: str) -> None:
    with opened(browser, address, device_scale_factor=2, color_scheme="dark") as page:
        page.draw([line((0.2, 0.5), (0.8, 0.35))])
        page.expect_answers_to_come()
        edge = page.page.locator(INK).evaluate(EDGE)
        side = len(edge)
        box = page.page.locator("#sketchpad").bounding_box()
        assert box is not None
        assert side == round(box["width"] * 2)
        columns = range(int(0.3 * side), int(0.7 * side))
        slope = (edge[columns[-1]] - edge[columns[0]]) / (len(columns) - 1)
        assert max(abs(edge[x] - edge[columns[0]] - slope * (x - columns[0])) for x in columns) < 0.35
        assert math.degrees(math.atan(-slope)) == pytest.approx(math.degrees(math.atan(0.15 / 0.6)), abs=0.5)
        at = "canvas => canvas.getContext('2d').getImageData(0.5 * canvas.width, 0.425 * canvas.height, 1, 1).data[0]"
        assert page.page.locator(INK).evaluate(at) > 200
        page.page.emulate_media(color_scheme="light")
        page.page.wait_for_function(f"({at})(document.querySelector('{INK}')) < 55")


def test_ink_is_round_where_the_pointer_was_sampled(page: DrawingPage) -> None:
    page.draw([[(0.2, 0.6), (0.5, 0.2), (0.8, 0.6)]])
    page.expect_answers_to_come()
    edge = [y for y in page.page.locator(INK).evaluate(EDGE) if y is not None]
    box = page.page.locator("#sketchpad").bounding_box()
    assert box is not None
    assert min(edge) > (0.2 - 0.5 / 14 + 0.05) * box["width"]  # a corner's top would be half a brush over the point


ALPHA = "(canvas, [x, y]) => canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"


def test_ink_stays_under_the_pointer_if_the_page_scrolls_or_resizes_during_a_stroke(
    page: DrawingPage,
) -> None:
    page.resize((1000, 640))
    page.press([(0.2, 0.2), (0.5, 0.2)])
    page.page.mouse.wheel(0, 50)
    page.page.wait_for_function("scrollY === 50")
    for point in page.at((0.5, 0.3), (0.5, 0.5)):
        page.page.mouse.move(*point)
    page.resize((700, 900))
    for point in page.at((0.5, 0.6), (0.5, 0.9)):
        page.page.mouse.move(*point)
    page.page.mouse.up()
    page.expect_all_answered()
    ends = [(0.5, 0.45), (0.5, 0.88), (0.5, 0.98), (0.4, 0.5), (0.6, 0.8)]
    shown = [page.page.locator(INK).evaluate(ALPHA, at) > 0 for at in ends]
    assert shown == [True, True, False, False, False]


CURVES_A_FRAME = """async (count) => {  // of a stroke of so many points
  const canvas = document.querySelector(".surface .ink");
  const { left, top, width } = canvas.getBoundingClientRect();
  const point = (kind, at) => canvas.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, pointerId: 9, isPrimary: true, buttons: Number(kind !== "pointerup"),
    clientX: left + width * (0.5 + (0.4 * at / count) * Math.cos(at / 40)),
    clientY: top + width * (0.5 + (0.4 * at / count) * Math.sin(at / 40)),
  }));
  const { quadraticCurveTo } = Path2D.prototype;
  let curves = 0;
  Path2D.prototype.quadraticCurveTo = function (...numbers) {
    curves += 1;
    quadraticCurveTo.apply(this, numbers);
  };
  point("pointerdown", 0);
  const frames = [];
  for (let at = 1; at <= count; at += 1) {
    point("pointermove", at);
    if (at % 10) continue;
    curves = 0;
    await new Promise(requestAnimationFrame);
    frames.push(curves);
  }
  point("pointerup", count);
  Path2D.prototype.quadraticCurveTo = quadraticCurveTo;
  return frames;
}"""
REPAINTED = """canvas => {  // the ink as it is, and painted anew: how many pixels differ
  const ink = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const before = ink();
  document.body.classList.toggle("repainted");  // as for light and dark
  return new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => {
    const after = ink();
    resolve(before.filter((value, at) => value !== after[at]).length);
  })));
}"""


def test_a_long_stroke_costs_no_more_per_frame_and_looks_as_if_painted_at_once(page: DrawingPage) -> None:
    frames = page.page.evaluate(CURVES_A_FRAME, 600)
    assert 0 < max(frames) < 150
    assert max(frames[-10:]) <= max(frames[:20])
    assert page.page.locator(INK).evaluate(REPAINTED) == 0
    drawn = page.painted()
    page.tool("Erase")
    assert max(page.page.evaluate(CURVES_A_FRAME, 200)) < 150
    assert page.page.locator(INK).evaluate(REPAINTED) == 0
    assert page.painted() < 0.9 * drawn
    page.tool("Undo")
    page.expect_painted(lambda ink: ink == drawn)


def test_erasing_and_undoing_are_visible(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    whole = page.painted()
    page.tool("Erase")
    page.draw([line((0.3, 0.5), (0.7, 0.5))])
    page.expect_painted(lambda ink: 0.7 * whole < ink < 0.95 * whole)
    page.tool("Undo")
    page.expect_painted(lambda ink: ink == whole)
    page.tool("Clear canvas")
    page.expect_painted(lambda ink: ink == 0)


def test_a_browser_that_falsifies_canvas_pixels_does_not_change_the_answer(browser: Browser, address: str) -> None:
    with opened(browser, address, script=STRIPES) as page:
        page.draw(DIGITS[3])
        page.expect_answers(3)
        page.expect_agreement()


def test_a_missed_release_ends_the_stroke(page: DrawingPage) -> None:
    page.press(DIGITS[1][0])
    session = page.page.context.new_cdp_session(page.page)
    for x in (0.2, 0.3, 0.8):  # moves with no button held, and no release before them
        [(left, top)] = page.at((x, 0.5))
        session.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": left, "y": top, "buttons": 0})
    page.expect_answers(1)
    page.page.keyboard.press("Control+z")
    page.expect_state("blank")
    page.page.mouse.up()


def test_a_pen_that_leaves_and_returns_elsewhere_draws_no_line_between(page: DrawingPage) -> None:
    page.press([(0.5, 0.4), (0.5, 0.1), (0.5, -0.1), (0.9, -0.1), (1.1, 0.1), (1.1, 0.5), (0.9, 0.5), (0.7, 0.5)])
    page.page.mouse.up()
    page.expect_painted(lambda ink: ink > 0)
    shown = {at: page.page.locator(INK).evaluate(ALPHA, at) for at in [(0.5, 0.25), (0.85, 0.5), (0.75, 0.25)]}
    assert [bool(value) for value in shown.values()] == [True, True, False]


def test_on_a_zoomed_page_the_answers_are_right_while_drawing(page: DrawingPage) -> None:
    page.page.evaluate("document.body.style.zoom = 2")
    page.press(DIGITS[7][0])
    page.expect_answers(7)
    page.page.mouse.up()
    page.page.evaluate("document.body.style.zoom = 0.5")
    page.tool("Clear canvas")
    page.draw(DIGITS[2])
    page.expect_answers(2)
    page.page.evaluate("document.body.style.zoom = ''")


def test_a_dot_is_too_little_and_an_erased_pad_shows_the_hint_again(page: DrawingPage) -> None:
    hint = page.page.locator(".hint")
    expect(hint).to_be_visible()
    page.draw([[(0.5, 0.5)]])
    expect(page.page.locator("[data-model=convnet] .remark")).to_have_text("Draw a little more")
    expect(hint).to_be_hidden()
    page.expect_state("blank")
    page.tool("Erase")
    page.draw([line((0.4, 0.5), (0.6, 0.5)), arc(0.5, 0.5, 0.03, 0.03, 0, 360)])
    expect(page.page.locator("[data-model=net] .remark")).to_have_text("Nothing drawn yet")
    expect(hint).to_be_visible()


def test_a_printed_page_has_a_white_pad_with_its_ink_and_the_bars(page: DrawingPage) -> None:
    page.draw(DIGITS[5])
    page.expect_answers(5)
    page.page.emulate_media(media="print")
    for part in (".surface", ".best .fill", ".best .track", ".sees canvas", ".tiles canvas"):
        assert page.page.locator(part).first.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"
    assert (
        page.page.locator(".surface").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    )
    expect(page.page.locator(".tools")).to_be_hidden()
    page.expect_painted(lambda ink: ink > 0.03)
    page.page.emulate_media(media="null")
