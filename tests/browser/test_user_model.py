"""A user's own network: trained live, then one of the page's networks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import opened
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect
from test_access import FAINT

from mnist_demo.model.classifier import Classifier

pytestmark = pytest.mark.slow

YOURS = "[data-model=yours]"
PATIENCE = 300_000  # ms for a training, on a machine that has other things to do
WHILE_IT_LEARNS = """() => {
    window.seen = new Set();
    const all = () => [...document.querySelectorAll("[data-model=yours] [data-digit]")];
    const bars = () => all().map(bar => bar.dataset.probability);
    window.watching = setInterval(() => bars().length && seen.add(bars().join()), 50);
}"""


@pytest.fixture(scope="module")
def learnt(browser: Browser, address: str) -> Iterator[DrawingPage]:
    """Return a page after an epoch of Net by the recipe fast, with a 4 on the pad throughout."""
    with opened(browser, address, local=True) as page:
        page.draw(DIGITS[4])
        page.expect_answers(4)
        expect(page.page.locator(YOURS)).to_have_count(0)
        page.page.evaluate(WHILE_IT_LEARNS)
        page.open_lens("learn")
        page.page.click("[data-trained=net]")
        page.page.click("[data-recipe=fast]")
        page.page.click(".values summary")
        page.page.fill("[name=epochs]", "1")
        page.page.click("[data-learn=start]")
        expect(page.page.locator("[data-learn=start]")).to_be_disabled()
        expect(page.page.locator(f"{YOURS} [data-digit]")).to_have_count(10, timeout=PATIENCE)
        expect(page.page.locator("[data-learn=start]")).to_be_enabled(timeout=PATIENCE)
        yield page


@pytest.fixture
def page(learnt: DrawingPage) -> Iterator[DrawingPage]:
    """Return the same page for each test, which leaves it at the lens Learn."""
    yield learnt
    assert learnt.complaints == []
    learnt.open_lens("learn")


def test_a_third_set_of_bars_becomes_surer_while_a_network_learns(page: DrawingPage) -> None:
    bars = [[float(one) for one in each.split(",")] for each in page.page.evaluate("[...seen]")]
    assert len(bars) > 5  # it moved while it learnt
    assert max(bars[0]) < 0.5  # flat at first
    expect(page.verdict("yours")).to_have_attribute("data-answer", "4")
    assert page.probabilities("yours")[4] > 0.9


def test_its_accuracy_is_shown_in_total_and_digit_by_digit(page: DrawingPage) -> None:
    expect(page.page.locator(".state")).to_contain_text("of the 10,000 test digits right")
    assert int(page.page.locator(".wall").get_attribute("data-right") or 0) >= 90
    for scheme in ("light", "dark"):
        page.page.emulate_media(color_scheme=scheme)
        page.page.wait_for_function(f"({FAINT})().length === 0")  # once colours have changed
    page.page.emulate_media(color_scheme="null")


def test_each_curve_reaches_the_last_step_even_if_nothing_changes(page: DrawingPage) -> None:
    ends = page.page.locator(".curves polyline").evaluate_all(
        "lines => lines.map(line => Number(line.getAttribute('points').split(/[ ,]/).at(-2)))"
    )
    assert len(ends) == 4
    assert max(ends) - min(ends) < 5  # of 282 pixels


def test_the_command_line_reads_its_file(page: DrawingPage, tmp_path: Path) -> None:
    expect(page.page.locator(".made .about")).to_contain_text("--weights yours-net.safetensors")
    with page.page.expect_download() as download:
        page.page.click("[data-learn=download]")
    download.value.save_as(tmp_path / "yours.safetensors")
    assert Classifier.load(tmp_path / "yours.safetensors").card.test_accuracy > 0.95


def test_it_is_one_of_the_networks_in_read(page: DrawingPage) -> None:
    page.open_lens("read")
    expect(page.page.locator(".tiles .mark.yours")).to_have_count(page.page.locator("#gallery [data-index]").count())
    page.page.click("#read [data-show=yours]")
    expect(page.page.locator("[data-model=convnet]")).to_be_hidden()
    expect(page.page.locator(YOURS)).to_be_visible()
    page.page.click("#read button[data-show=both]")
    page.page.locator("#gallery [data-index]").first.click()
    expect(page.verdict("yours")).to_have_attribute("data-state", re.compile("digit|unknown"))
    page.page.keyboard.press("Escape")


def test_it_is_one_of_the_networks_in_inside(page: DrawingPage) -> None:
    page.open_lens("inside")
    page.page.click("[data-network=yours]")
    expect(page.page.locator(".saying")).to_contain_text("Yours says 4")
    expect(page.page.locator(".ready")).to_contain_text("Not for your own network")
    expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "4")


def test_it_reads_and_is_explained_while_the_server_cannot_be_reached(page: DrawingPage) -> None:
    page.page.route("**/engine/*", lambda route: route.abort())
    page.open_lens("read")
    page.tool("Clear canvas")
    page.draw(DIGITS[5])
    page.expect_answers(5)
    expect(page.page.locator("#page")).to_have_attribute("data-engine", "browser")
    expect(page.verdict("yours")).to_have_attribute("data-answer", "5")
    page.open_lens("inside")
    expect(page.page.locator(".saying")).to_contain_text("Yours says 5")
    page.page.unroute("**/engine/*")
    page.complaints.clear()
    page.open_lens("read")
    page.tool("Clear canvas")
    page.draw(DIGITS[4])
    page.expect_answers(4)


def test_it_survives_a_reload_and_goes_when_it_is_deleted(page: DrawingPage) -> None:
    page.page.reload()
    expect(page.page.locator(f"{YOURS} .own")).to_contain_text("%")
    page.open_lens("read")
    page.expect_answers(4)
    page.tool("Clear canvas")
    page.draw(DIGITS[3])
    page.expect_answers(3)
    expect(page.verdict("yours")).to_have_attribute("data-answer", "3")
    expect(page.page.locator(".tiles .yours")).to_have_count(18)
    page.open_lens("learn")
    page.page.click("[data-learn=forget]")
    expect(page.page.locator(YOURS)).to_have_count(0)
    page.tool("Clear canvas")
    page.draw(DIGITS[7])
    page.expect_answers(7)


def test_the_page_reports_a_dropped_network_and_goes_on_with_two(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        own = {"key": "one that this server never gave", "network": "net", "state": "done", "looks": 9, "figures": None}
        page.page.evaluate("own => sessionStorage.setItem('yours', own)", json.dumps(own))
        page.page.reload()
        expect(page.page.locator(".word")).to_contain_text("Your network is gone")
        expect(page.page.locator(YOURS)).to_have_count(0)
        page.draw(DIGITS[3])
        page.expect_answers(3)
        assert page.page.evaluate("sessionStorage.getItem('yours')") is None
        assert page.complaints == []
