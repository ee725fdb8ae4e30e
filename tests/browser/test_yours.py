"""A visitor's own network: trained before one's eyes, and then one of the networks of the page."""

import json

import pytest
from conftest import app, opened
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.opened_anew  # what they leave in the browser would be in sight of others

PATIENCE = 300_000  # ms for a training, on a machine that has other things to do
WHILE_IT_LEARNS = """() => {
    window.seen = new Set();
    const all = () => [...document.querySelectorAll("[data-model=yours] [data-digit]")];
    const bars = () => all().map(bar => bar.dataset.probability);
    window.watching = setInterval(() => bars().length && seen.add(bars().join()), 50);
}"""


def lens(page: DrawingPage, name: str) -> None:
    page.page.click(f"[data-lens={name}][role=tab]")


def train_net(page: DrawingPage, **values: str) -> None:
    """A whole run of Net by the recipe fast, or with other values, from Start on."""
    lens(page, "learn")
    page.page.click("[data-trained=net]")
    for name, value in values.items():
        page.page.locator(f".fields [name={name}]").evaluate("(input, value) => (input.value = value)", value)
    page.page.click("[data-learn=start]")
    expect(page.page.locator("[data-learn=start]")).to_be_disabled()


def expect_done(page: DrawingPage) -> None:
    expect(page.page.locator("[data-learn=download]")).to_be_visible(timeout=PATIENCE)
    expect(page.page.locator("[data-learn=start]")).to_be_enabled()


def test_a_third_set_of_bars_grows_surer_while_a_network_learns_and_stays(page: DrawingPage) -> None:
    page.draw(DIGITS[4])
    page.expect_answers(4)
    yours = page.page.locator("[data-model=yours]")
    expect(yours).to_have_count(0)
    page.page.evaluate(WHILE_IT_LEARNS)
    train_net(page)
    expect(yours.locator("[data-digit]")).to_have_count(10)
    expect_done(page)
    expect(page.verdict("yours")).to_have_attribute("data-answer", "4")
    bars = [[float(one) for one in each.split(",")] for each in page.page.evaluate("[...seen]")]
    assert len(bars) > 5  # it moved while it learnt
    assert max(bars[0]) < 0.5  # flat at first
    assert page.probabilities("yours")[4] > 0.9
    page.screenshot("yours-done")

    lens(page, "read")
    expect(page.page.locator(".tiles .mark.yours")).to_have_count(page.page.locator("#gallery [data-index]").count())
    page.page.click("#read [data-show=yours]")
    expect(page.page.locator("[data-model=convnet]")).to_be_hidden()
    expect(yours).to_be_visible()
    page.page.click("#read button[data-show=both]")
    page.page.locator("#gallery [data-index]").first.click()
    expect(page.verdict("yours")).to_have_attribute("data-state", "digit")
    page.page.keyboard.press("Escape")
    page.screenshot("yours-read")

    lens(page, "inside")
    page.page.click("[data-network=yours]")
    expect(page.page.locator(".saying")).to_contain_text("Yours says 4")
    expect(page.page.locator(".ready")).to_contain_text("Not for your own network")
    expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "4")

    page.page.reload()
    expect(page.page.locator("[data-model=yours] .own")).to_contain_text("%")
    lens(page, "read")
    page.draw(DIGITS[3])
    page.expect_answers(3)
    expect(page.verdict("yours")).to_have_attribute("data-answer", "3")

    lens(page, "learn")
    page.page.click("[data-learn=forget]")
    expect(yours).to_have_count(0)
    page.tool("Clear canvas")
    page.draw(DIGITS[4])
    page.expect_answers(4)
    assert page.complaints == []


def test_a_network_that_the_server_let_go_is_told_so_and_the_page_goes_on_with_two(browser: Browser) -> None:
    with app() as address, opened(browser, address) as page:
        own = {"key": "one that this server never gave", "network": "net", "state": "done", "looks": 9, "figures": None}
        page.page.evaluate("own => sessionStorage.setItem('yours', own)", json.dumps(own))
        page.page.reload()
        expect(page.page.locator(".word")).to_contain_text("was let go")
        expect(page.page.locator("[data-model=yours]")).to_have_count(0)
        page.draw(DIGITS[3])
        page.expect_answers(3)
        assert page.page.evaluate("sessionStorage.getItem('yours')") is None
        assert page.complaints == []
