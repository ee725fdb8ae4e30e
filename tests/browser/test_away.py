"""Each lens says that the server cannot be reached, and continues when it is back."""

import re
from contextlib import ExitStack

import pytest
from conftest import app, opened
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Locator, expect
from test_access import FAINT

from benchmarks.pages import free_port

pytestmark = pytest.mark.slow

AWAY = re.compile("Can’t reach the server")


def lens(page: DrawingPage, name: str) -> Locator:
    """Open that lens; return the line with its error message."""
    page.open_lens(name)
    return page.page.locator(f"[data-panel={name}] .away")


def expect_away(page: DrawingPage) -> None:
    expect(lens(page, "learn")).to_have_text(AWAY)
    expect(lens(page, "report")).to_have_text(AWAY)
    expect(page.page.locator(".judgement h2:visible")).to_have_count(0)
    assert page.page.evaluate(FAINT) == []
    inside = lens(page, "inside")
    page.draw(DIGITS[4])
    expect(inside).to_have_text(AWAY)
    expect(page.page.locator(".saying")).to_have_text("Waiting for an answer")
    expect(page.page.locator(".why")).to_be_hidden()
    gallery = lens(page, "read")
    page.expect_state("offline")
    expect(page.page.locator(".notice")).to_be_visible()
    assert page.probabilities("convnet") == page.probabilities("net") == [0.0] * 10
    page.page.click(".filter [data-only='3']")
    expect(gallery).to_have_text(AWAY)


def expect_back(page: DrawingPage) -> None:
    page.expect_answers(4)
    expect(page.page.locator(".notice")).to_be_hidden()
    expect(lens(page, "read")).to_have_text("")
    expect(page.page.locator("#gallery [data-label='3']")).to_have_count(18)
    inside = lens(page, "inside")
    expect(page.page.locator(".saying")).to_contain_text("ConvNet says 4")
    expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "4")
    expect(inside).to_have_text("")
    report = lens(page, "report")
    expect(page.page.locator("[data-cell]")).to_have_count(200)
    expect(report).to_have_text("")
    learn = lens(page, "learn")
    expect(page.page.locator(".lesson .state")).to_have_text(re.compile("Your network is gone: .*restarted"))
    expect(page.page.locator("[data-learn=start]")).to_be_enabled()
    expect(learn).to_have_text("")


def test_every_lens_says_that_the_server_cannot_be_reached_and_recovers(browser: Browser) -> None:
    port = free_port()
    with ExitStack() as stack:
        with app(port) as address:
            page = stack.enter_context(opened(browser, address))
            expect(page.page.locator("#gallery .tiles li")).to_have_count(18)
            lens(page, "learn")
            page.page.click("[data-recipe=tutorial]")
            page.page.click("[data-learn=start]")
            expect(page.page.locator("[data-learn=stop]")).to_be_enabled()
        expect_away(page)
        with app(port):
            expect_back(page)
