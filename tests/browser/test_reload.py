"""Reloading the page in the same tab keeps the drawing; invalid stored data is ignored."""

import json

from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import expect
from test_photos import choose, photo

from mnist_demo.data.mnist import Samples

STORED = "mnist-demo.drawing"
STROKE = {"width": 20, "erase": False, "points": [50, 50, 90, 90]}
BROKEN = [
    "[{",
    '{"points": [1, 2]}',
    json.dumps([STROKE, {"base": "AAAA"}]),
    json.dumps([STROKE, {"base": "eJwDAAAAAAE="}]),  # deflated, but empty
    *(json.dumps([STROKE, STROKE | wrong]) for wrong in ({"points": [1, 2, "3", 4]}, {"points": []}, {"width": 5000})),
]
LOADED = """async ([key, contents]) => {  // how many actions are loaded from each content of the storage
  const { storedDrawing } = await import("/web/pad/stored.js");
  const counts = contents.map((content) => (sessionStorage.setItem(key, content), storedDrawing().length));
  sessionStorage.removeItem(key);
  return counts;
}"""


def test_a_reload_keeps_the_drawing_which_is_undone_corrected_and_cleared_as_before(page: DrawingPage) -> None:
    page.draw(DIGITS[4])
    page.expect_answers(4)
    page.page.click("[data-correct='9']")
    page.tool("Erase")
    page.draw([[(0.9, 0.9), (0.6, 0.9)]])
    page.tool("Undo")
    drawn = page.painted()
    page.page.click("#gallery [data-label] >> nth=0")  # a sample on the pad is not the drawing
    page.reload()
    page.expect_answers(4)
    page.expect_painted(lambda ink: ink == drawn)
    expect(page.page.locator(".back")).to_be_hidden()
    expect(page.page.locator("[data-correct='9']")).to_have_attribute("aria-pressed", "true")
    page.expect_agreement()
    page.tool("Undo")
    page.expect_painted(lambda ink: 0 < ink < drawn)
    page.tool("Clear canvas")
    page.reload()
    page.expect_state("blank")
    assert page.complaints == []


def test_a_reload_keeps_a_picture_and_what_was_drawn_on_it(page: DrawingPage, test_digits: Samples) -> None:
    choose(page, "seven.png", photo(test_digits, 0))
    page.expect_answers(7)
    page.expect_painted(lambda ink: ink > 0.02)
    alone = page.painted()
    page.draw([[(0.05, 0.95)]])
    page.expect_painted(lambda ink: ink > alone)
    page.reload()
    page.expect_answers_to_come()
    page.tool("Undo")
    page.expect_answers(7)
    page.expect_painted(lambda ink: ink == alone)


def test_invalid_stored_data_is_ignored(page: DrawingPage) -> None:
    counts = page.page.evaluate(LOADED, [STORED, [json.dumps([STROKE]), *BROKEN]])
    assert counts == [1] + [0] * len(BROKEN)
