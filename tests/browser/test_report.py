"""The lens Report, used with the mouse and the keyboard."""

import re
from typing import Any

import pytest
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import expect
from test_access import FAINT

from benchmarks.screens import CHECK
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.metrics import Figures
from mnist_demo.model.networks import MODELS, bare
from mnist_demo.server.lenses.strangers import strangers


def open_report(page: DrawingPage) -> None:
    page.open_lens("report")
    expect(page.page.locator("[data-panel=report] [data-cell]")).to_have_count(200)


def figure(page: DrawingPage, name: str, what: str) -> float:
    return float(page.page.locator(f"[data-figure={name}-{what}]").get_attribute("data-value") or "nan")


def open_cell(page: DrawingPage, cell: str) -> Any:
    page.page.click(f"[data-cell={cell}]")
    tiles = page.page.locator(".opened .tiles button")
    expect(tiles.first).to_be_visible()
    return tiles


@pytest.fixture(scope="module", params=MODELS)
def judged(request: pytest.FixtureRequest) -> tuple[str, Figures]:
    """Return each network's name and the metrics in its card."""
    evaluation = Classifier.load(request.param).card.evaluation
    assert evaluation is not None
    return request.param, evaluation["shifts"]


def test_the_figures_shown_are_those_of_the_cards(page: DrawingPage, judged: tuple[str, Figures]) -> None:
    name, found = judged
    open_report(page)
    for what, value in [
        ("accuracy", found["accuracy"]),
        ("loss", found["loss"]),
        ("calibration", found["calibration_error"]),
        ("refused", found["refused"]),
    ]:
        assert figure(page, name, what) == pytest.approx(value, abs=1e-4)
    elsewhere = strangers(name, bare(Classifier.load(name).model))
    assert elsewhere is not None
    for what in ("USPS", "ARDIS", "formulas", "signs"):
        assert figure(page, name, f"{what}-rejected") == elsewhere[what]["rejected"]
    for label, row in enumerate(found["confusion"]):
        for answer, count in enumerate(row):
            expect(page.page.locator(f"[data-cell={name}-{label}-{answer}]")).to_have_attribute(
                "data-count", str(count)
            )
    mistakes = page.page.locator(f".side.{name} [data-mistake]")
    expect(mistakes).to_have_count(12)
    shown = mistakes.evaluate_all("all => all.map(one => Number(one.dataset.mistake))")
    assert set(shown) == {mistake["index"] for mistake in found["worst"]}


def test_the_buttons_to_other_lenses_are_below_the_chosen_digit(page: DrawingPage) -> None:
    open_report(page)
    tile = page.page.locator("[data-part=worst] .side.net .mistakes button").first
    tile.click()
    chosen, ways = tile.bounding_box(), page.page.locator(".upon").bounding_box()
    assert chosen is not None
    assert ways is not None
    assert 0 <= ways["y"] - chosen["y"] - chosen["height"] < 60  # pixels; below all twelve it would be 800


def test_a_cell_opens_its_digits_which_are_seen_in_read_and_inside(page: DrawingPage) -> None:
    open_report(page)
    count = int(page.page.locator("[data-cell=convnet-7-2]").get_attribute("data-count") or "0")
    tiles = open_cell(page, "convnet-7-2")
    expect(tiles).to_have_count(count)
    expect(page.page.locator(".opened h3")).to_have_text(f"Labelled 7, read as 2 by ConvNet: {count}")
    tiles.first.click()
    expect(page.page.locator(".shown")).to_contain_text("labelled 7")
    page.page.click(".upon [data-to=read]")
    expect(page.page.locator(".networks")).to_be_visible()
    assert max(range(10), key=page.probabilities("convnet").__getitem__) == 2
    page.page.go_back()
    page.page.click(".upon [data-to=inside]")
    expect(page.page.locator(".stage figcaption")).to_have_text(["A test digit is 28 × 28 already."])
    page.page.keyboard.press("Escape")
    expect(page.page.locator(".shown")).to_be_hidden()


def test_an_empty_cell_opens_nothing(page: DrawingPage) -> None:
    open_report(page)
    tiles = open_cell(page, "convnet-7-2")
    count = tiles.count()
    empty = page.page.locator("[data-cell^=net][data-count='0']").first
    empty.click(force=True)  # although it is disabled
    expect(empty).to_be_focused()
    expect(empty).to_have_attribute("aria-disabled", "true")
    expect(tiles).to_have_count(count)
    expect(page.page.locator(".opened h3")).to_contain_text("Labelled 7, read as 2 by ConvNet")


def test_a_cell_of_many_digits_shows_some_and_more_when_asked(page: DrawingPage) -> None:
    open_report(page)
    tiles = open_cell(page, "net-3-3")
    expect(tiles).to_have_count(48)
    page.page.click(".more")
    expect(tiles).to_have_count(96)


def test_keys_move_in_the_matrix_and_open_cells(page: DrawingPage) -> None:
    open_report(page)
    page.page.locator("[data-cell=convnet-0-0]").focus()
    for key in ["ArrowDown"] * 4 + ["End", "ArrowRight"]:
        page.page.keyboard.press(key)
    expect(page.page.locator("[data-cell=convnet-4-9]")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".opened h3")).to_contain_text("Labelled 4, read as 9 by ConvNet")
    expect(page.page.locator(".opened .tiles button").first).to_be_visible()
    page.page.keyboard.press("Tab")
    expect(page.page.locator("[data-cell^=net][tabindex='0']")).to_be_focused()
    page.page.keyboard.press("Tab")
    expect(page.page.locator(".opened .tiles button").first).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".shown")).to_contain_text("labelled 4")


def test_the_slider_shows_the_cost_of_a_threshold(page: DrawingPage, judged: tuple[str, Figures]) -> None:
    name, found = judged
    open_report(page)
    slider, said = page.page.locator(f".side.{name} input[type=range]"), page.page.locator(f"[data-refusal={name}]")
    expect(said).to_contain_text("This is the shipped setting.")
    assert float(said.get_attribute("data-threshold") or "nan") == found["threshold"]
    slider.focus()
    page.page.keyboard.press("End")
    expect(said).not_to_contain_text("shipped")
    told = {what: float(said.get_attribute(f"data-{what}") or "nan") for what in ("threshold", "refused", "misread")}
    row = next(row for row in found["refusal"] if row["threshold"] == told["threshold"])
    assert told["refused"] == pytest.approx(row["refused"], abs=2)
    assert told["misread"] == pytest.approx(row["misread"], abs=1)
    page.page.keyboard.press("Home")
    expect(said).to_contain_text("rejects 0 test digits")


def test_mistakes_show_peoples_votes_and_which_network_alone_was_right(page: DrawingPage) -> None:
    open_report(page)
    expect(page.page.locator(".side.convnet [data-mistake='1901'] .said")).to_contain_text(
        "Mislabelled? 2 of 5 people saw 9, 3 saw 4."
    )
    for name in MODELS:
        side = page.page.locator(f"[data-part=alone] .side.{name}")
        count = int(re.findall(r"\d+", side.locator(".about").inner_text())[-1])
        expect(side.locator(".tiles li")).to_have_count(count)


@pytest.mark.opened_anew
def test_the_report_is_loaded_when_it_is_first_opened(page: DrawingPage) -> None:
    def asked() -> int:
        return sum(url.endswith("/engine/report") for url in page.requests)

    page.draw(DIGITS[1])
    page.expect_answers(1)
    assert asked() == 0
    for lens in ("read", "report"):
        open_report(page)
        page.open_lens(lens)
        page.expect_all_answered()
        assert asked() == 1


def test_one_network_can_be_shown_alone(page: DrawingPage) -> None:
    open_report(page)
    page.page.click("[data-judged=net]")
    expect(page.page.locator("[data-part=confusion] .side.net")).to_be_visible()
    expect(page.page.locator("[data-part=confusion] .side.convnet")).to_be_hidden()


def test_it_is_laid_out_well_on_every_screen(elsewhere: tuple[str, DrawingPage]) -> None:
    where, page = elsewhere
    click = "tap" if where == "phone" else "click"
    open_report(page)
    getattr(page.page.locator("[data-cell=net-5-3]"), click)()
    getattr(page.page.locator(".opened .tiles button").first, click)()
    expect(page.page.locator(".upon")).to_be_visible()
    expect(page.page.locator("#sketchpad .surface")).to_have_attribute("data-sample", "true")
    if where == "chinese":
        expect(page.page.locator(".opened h3")).to_contain_text("标签 5，Net 认作 3")
    expect(page.page.locator("[data-part=worst] .side.net li")).to_have_count(12)
    for size in {"phone": [(320, 640)], "dark": [(700, 640), (2560, 1440)], "chinese": [(1280, 800)]}[where]:
        page.resize(size)
        assert page.page.evaluate(CHECK) == []
        assert page.page.evaluate(FAINT) == []
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints == []
