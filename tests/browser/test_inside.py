"""The lens Inside, used with the mouse and the keyboard."""

import re

import numpy as np
import pytest
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import expect

from mnist_demo import Classifier
from mnist_demo.data.mnist import Samples
from mnist_demo.model import explain

CELLS = {  # a conv, a pooled, a hidden and an output cell: step, and where in it
    "convnet": {2: (3, 10, 12), 3: (5, 6, 6), 7: (17,), 9: (4,), 10: (7,)},
    "net": {2: (9, 12, 9), 3: (2, 6, 5), 5: (13, 4, 3), 8: (33,), 11: (7,)},
}


def open_inside(page: DrawingPage) -> None:
    page.open_lens("inside")
    expect(page.page.locator("[data-panel=inside] .panes")).to_be_visible()


def choose(page: DrawingPage, step: int, cell: tuple[int, ...]) -> None:
    """Click the middle of that cell."""
    own = page.page.locator(f".step[data-step='{step}']")
    shape = [int(length) for length in (own.get_attribute("data-shape") or "").split("x")]
    canvas = own.locator(".inner canvas").nth(cell[0] if len(cell) == 3 else 0)
    columns = shape[-1] if len(shape) == 3 else int(canvas.evaluate("canvas => canvas.width"))
    row, column = cell[1:] if len(cell) == 3 else divmod(cell[0], columns)
    rows = shape[1] if len(shape) == 3 else int(canvas.evaluate("canvas => canvas.height"))
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    position = {"x": (column + 0.5) / columns * box["width"], "y": (row + 0.5) / rows * box["height"]}
    canvas.click(position=position)  # type: ignore[arg-type]
    expect(page.page.locator(f"[data-work][data-step='{step}']")).to_have_attribute(
        "data-cell", ",".join(map(str, cell))
    )
    assert page.unfilled() == []


def terms(page: DrawingPage) -> list[float]:
    return [
        float(term) for term in page.page.locator("[data-term]").evaluate_all("all => all.map(o => o.dataset.term)")
    ]


def value(page: DrawingPage) -> float:
    return float(page.page.locator("[data-work]").get_attribute("data-value") or "nan")


@pytest.mark.parametrize("network", CELLS)
def test_the_sums_shown_are_the_values_of_the_network(page: DrawingPage, test_digits: Samples, network: str) -> None:
    tile = page.page.locator("[data-index]").first
    index = int(tile.get_attribute("data-index") or "")
    tile.click()
    open_inside(page)
    page.page.click(f"[data-network={network}]")
    image = test_digits.images[index, 0].numpy().astype(np.float32) / 255
    steps = explain.trace(Classifier.load(network).model, image)
    expect(page.page.locator(".step")).to_have_count(len(steps))
    for step, own in enumerate(steps):
        shape = "x".join(map(str, own.shape))
        expect(page.page.locator(f".step[data-step='{step}']")).to_have_attribute("data-shape", shape)
    for step, cell in CELLS[network].items():
        choose(page, step, cell)
        assert value(page) == pytest.approx(float(steps[step].values[cell]), abs=1e-3)
        assert sum(terms(page)) == pytest.approx(value(page), abs=1e-3)
        page.page.keyboard.press("Escape")  # it may lie upon what is chosen next
        expect(page.page.locator("[data-work]")).to_be_hidden()


def test_the_address_names_the_lens_and_survives_a_reload(page: DrawingPage) -> None:
    open_inside(page)
    page.reload()
    expect(page.page.locator("[role=tab][data-lens=inside]")).to_have_attribute("aria-selected", "true")
    expect(page.page.locator("[data-panel=inside] .panes")).to_be_visible()
    expect(page.page.locator("[data-panel=read] .networks")).to_be_hidden()
    page.open_lens("read")
    expect(page.page.locator(".networks")).to_be_visible()
    assert page.page.url.endswith("#read")
    for _ in range(5):  # which are no steps of their own
        page.open_lens("read")
    page.page.go_back()
    expect(page.page.locator(".panes")).to_be_visible()


def test_arrow_keys_move_between_tabs(page: DrawingPage) -> None:
    page.page.locator("[role=tab][data-lens=read]").focus()
    page.page.keyboard.press("ArrowRight")
    expect(page.page.locator("[role=tab][data-lens=inside]")).to_be_focused()
    expect(page.page.locator("[role=tabpanel][data-panel=inside] .panes")).to_be_visible()
    page.page.keyboard.press("ArrowLeft")
    expect(page.page.locator("[role=tabpanel][data-panel=read] .networks")).to_be_visible()
    page.page.keyboard.press("ArrowLeft")
    expect(page.page.locator("[role=tab]").last).to_be_focused()


def test_keys_reach_a_cell_and_escape_leaves_it(page: DrawingPage) -> None:
    page.draw(DIGITS[5])
    page.expect_answers(5)
    open_inside(page)
    maps = page.page.locator(".step[data-step='2'] .maps")
    maps.focus()
    page.page.keyboard.press("ArrowRight")
    expect(page.page.locator("[data-work]")).to_have_attribute("data-cell", "0,12,13")
    page.page.keyboard.press("PageDown")
    page.page.keyboard.press("ArrowUp")
    expect(page.page.locator("[data-work]")).to_have_attribute("data-cell", "1,11,13")
    expect(page.page.locator(".frame.cell")).to_have_count(1)
    expect(page.page.locator(".step[data-step='0'] .frame.pixels")).to_have_count(1)
    page.page.keyboard.press("Escape")
    expect(page.page.locator("[data-work]")).to_be_hidden()
    page.expect_answers(5)  # and nothing was cleared


def test_the_layers_change_during_a_stroke(page: DrawingPage) -> None:
    open_inside(page)
    picture = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 24, 24).data).join()"
    seen = set()
    layer = page.page.locator(".step[data-step='2'] .inner canvas").first
    page.press(DIGITS[2][0][:4])
    for point in page.at(*DIGITS[2][0][4:]):
        page.page.mouse.move(*point)
        page.expect_all_answered()
        seen.add(layer.evaluate(picture))
    page.page.mouse.up()
    assert len(seen) > 5
    expect(page.page.locator(".saying")).to_contain_text("ConvNet says 2")


def test_numbers_have_real_minus_signs_and_the_page_says_that_it_is_one_reading(page: DrawingPage) -> None:
    page.draw(DIGITS[1])
    page.expect_answers(1)
    open_inside(page)
    expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "1")
    expect(page.page.locator(".honest")).to_contain_text("averages four readings")
    expect(page.page.locator(".step.log-softmax .about")).to_contain_text("unshifted and uncalibrated")
    for step, cell in {2: (0, 2, 2), 10: (1,)}.items():
        choose(page, step, cell)
        words = page.page.locator("[data-panel=inside]").inner_text()
        assert "−" in words
        assert re.findall(r"(?<!\w)-\d|−0\.0*(?!\d)", words) == []
        page.page.keyboard.press("Escape")


def test_why_shows_the_evidence_for_the_answer_and_for_the_chosen_rival(page: DrawingPage) -> None:
    page.draw(DIGITS[4])
    page.expect_answers(4)
    open_inside(page)
    expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "4")
    page.page.click("[data-rival='9']")
    expect(page.page.locator("[data-why]")).to_have_attribute("data-against", "9")
    expect(page.page.locator(".why h2")).to_have_text("Why 4 and not 9?")
    expect(page.page.locator(".because")).to_contain_text("Blue is evidence for 4, red for 9.")
    expect(page.page.locator(".because")).to_contain_text(
        re.compile(r"most: from −?\d+\.\d to −?\d+\.\d nats \(one unshifted")
    )
    shares = page.page.locator(".moves").evaluate(
        """canvas => canvas.getContext("2d").getImageData(0, 0, 28, 28).data.reduce((sums, _, at, data) => {
            if (at % 4 === 0) sums[data[at + 2] > data[at] + 20 ? 0 : data[at] > data[at + 2] + 20 ? 1 : 2] += 1;
            return sums;
        }, [0, 0, 0])"""
    )
    assert shares[0] > 10  # blue


def test_twelve_training_digits_most_like_the_drawing_are_shown_with_their_labels(page: DrawingPage) -> None:
    page.draw(DIGITS[0])
    page.expect_answers(0)
    open_inside(page)
    neighbours = page.page.locator("[data-neighbour]")
    expect(neighbours).to_have_count(12, timeout=120_000)  # the first time they are made ready
    labels = neighbours.evaluate_all("all => all.map(one => one.dataset.label)")
    assert labels.count("0") >= 11


def test_a_blank_pad_and_a_rejected_drawing_show_helpful_texts(page: DrawingPage) -> None:
    open_inside(page)
    expect(page.page.locator(".saying")).to_have_text("Draw a digit, and see what happens to it.")
    expect(page.page.locator(".layers")).to_be_hidden()
    page.draw([line((0.1, 0.1), (0.9, 0.9)), line((0.1, 0.9), (0.9, 0.1)), line((0.1, 0.3), (0.9, 0.4))])
    expect(page.page.locator(".saying")).to_contain_text("ConvNet does not recognise a digit. Closest: ")
    expect(page.page.locator(".step")).to_have_count(11)
    expect(page.page.locator(".why h2")).to_have_text(re.compile(r"Why closer to \d than to \d\?"))
    page.tool("Clear canvas")
    expect(page.page.locator(".layers")).to_be_hidden()
    page.draw([[(0.5, 0.5)]])
    expect(page.page.locator(".saying")).to_have_text("Draw a little more")


def test_the_steps_from_drawing_to_digit_show_their_own_numbers(page: DrawingPage) -> None:
    page.draw([line((0.3, 0.2), (0.3, 0.7))])
    open_inside(page)
    captions = page.page.locator(".stage figcaption")
    expect(captions.nth(0)).to_have_text(re.compile(r"box of (1[89]|2[0-2]) × (15[89]|16[0-2]) pixels"))
    expect(captions).to_have_count(4)
    height = re.findall(r"\d+", captions.nth(0).inner_text())[1]
    assert height in captions.nth(1).inner_text()


def test_it_works_on_a_phone_in_dark_mode_and_in_chinese(elsewhere: tuple[str, DrawingPage]) -> None:
    where, page = elsewhere
    page.draw(DIGITS[9])
    page.expect_answers(9)
    open_inside(page)
    expect(page.page.locator(".step")).to_have_count(11)
    choose(page, 2, (0, 3, 4))
    assert sum(terms(page)) == pytest.approx(value(page), abs=1e-3)
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if where == "chinese":
        expect(page.page.locator(".saying")).to_contain_text("认为是 9")
    page.page.keyboard.press("Escape")
