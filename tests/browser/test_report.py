"""The lens Report, as it is opened, clicked and walked through with keys."""

import re
from typing import Any

import pytest
from conftest import ELSEWHERE, opened
from drawing_page import DrawingPage, question
from playwright.sync_api import Browser, expect
from test_access import FAINT

from benchmarks.screens import CHECK
from mnist_demo import evaluate
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.metrics import Figures
from mnist_demo.model.networks import MODELS, bare
from mnist_demo.server.lenses.strangers import strangers


def open_report(page: DrawingPage) -> None:
    page.page.click("[data-lens=report][role=tab]")
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
    """What the command line finds of each network, and its name."""
    options = evaluate.parser().parse_args(["--model", request.param])
    network = evaluate.load(options)
    return request.param, evaluate.evaluate(network, evaluate.samples_of("test", network))["shifts"]


def test_the_figures_shown_are_those_of_the_command_line(page: DrawingPage, judged: tuple[str, Figures]) -> None:
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


def test_the_ways_to_other_lenses_stand_below_the_digit_that_was_chosen(page: DrawingPage) -> None:
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


@pytest.mark.opened_anew
def test_the_matrix_is_walked_and_opened_with_keys(page: DrawingPage) -> None:
    open_report(page)
    page.page.locator("[data-cell=convnet-0-0]").focus()
    for key in ["ArrowDown"] * 4 + ["End", "ArrowRight"]:
        page.page.keyboard.press(key)
    expect(page.page.locator("[data-cell=convnet-4-9]")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".opened h3")).to_contain_text("Labelled 4, read as 9 by ConvNet")
    expect(page.page.locator(".opened .tiles button").first).to_be_visible()
    page.page.keyboard.press("Tab")
    expect(page.page.locator("[data-cell=net-0-0]")).to_be_focused()
    page.page.keyboard.press("Tab")
    expect(page.page.locator(".opened .tiles button").first).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".shown")).to_contain_text("labelled 4")


def test_the_slider_says_what_a_threshold_costs(page: DrawingPage, judged: tuple[str, Figures]) -> None:
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


def test_mistakes_say_what_people_saw_and_who_alone_was_right(page: DrawingPage) -> None:
    open_report(page)
    expect(page.page.locator(".side.convnet [data-mistake='1901'] .said")).to_contain_text(
        "Mislabelled? 2 of 5 people saw 9, 3 saw 4."
    )
    for name in MODELS:
        side = page.page.locator(f"[data-part=alone] .side.{name}")
        count = int(re.findall(r"\d+", side.locator(".about").inner_text())[-1])
        expect(side.locator(".tiles li")).to_have_count(count)


def test_nothing_is_judged_while_the_page_loads(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(question(request)))
        page.page.wait_for_timeout(500)
        assert not {"report", "report_digits"} & set(asked)
        open_report(page)
        assert asked.count("report") == 1
        page.page.click("[data-lens=read][role=tab]")
        page.page.click("[data-lens=report][role=tab]")
        page.page.wait_for_timeout(300)
        assert asked.count("report") == 1


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ((320, 640), "light"),
        ((700, 640), "dark"),
        ((1280, 800), "light"),
        ((1280, 800), "dark"),
        ((2560, 1440), "light"),
    ],
)
def test_no_words_overlap_or_are_faint(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> None:
    with opened(browser, address, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme) as page:
        open_report(page)
        open_cell(page, "net-9-4").first.click()
        expect(page.page.locator("[data-part=worst] .side.net li")).to_have_count(12)
        assert page.page.evaluate(CHECK) == []
        assert page.page.evaluate(FAINT) == []
        assert page.page.evaluate("document.documentElement.scrollWidth") == size[0]


def test_one_network_can_be_looked_at_alone(page: DrawingPage) -> None:
    open_report(page)
    page.page.click("[data-judged=net]")
    expect(page.page.locator("[data-part=confusion] .side.net")).to_be_visible()
    expect(page.page.locator("[data-part=confusion] .side.convnet")).to_be_hidden()


@pytest.mark.parametrize(("name", "options"), ELSEWHERE.items())
def test_it_is_there_on_a_phone_in_the_dark_and_in_chinese(
    browser: Browser, address: str, name: str, options: dict[str, object]
) -> None:
    with opened(browser, address, **options) as page:
        open_report(page)
        cell = page.page.locator("[data-cell=net-5-3]")
        (cell.tap if name == "phone" else cell.click)()
        tiles = page.page.locator(".opened .tiles button")
        (tiles.first.tap if name == "phone" else tiles.first.click)()
        expect(page.page.locator(".upon")).to_be_visible()
        expect(page.page.locator("#sketchpad .surface")).to_have_attribute("data-sample", "true")
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if name == "chinese":
            expect(page.page.locator(".opened h3")).to_contain_text("标签 5，Net 认作 3")
        assert page.complaints == []
