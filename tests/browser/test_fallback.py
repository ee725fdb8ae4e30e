"""The networks in the browser read on while the server does not answer, or answers late."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import test_inside
from conftest import app, opened
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

from benchmarks.far import far
from benchmarks.pages import Server, free_port

ROUND_TRIP = 0.15  # seconds


@contextmanager
def loaded(browser: Browser, address: str) -> Iterator[DrawingPage]:
    """Open the page, and wait until the networks are in the browser."""
    arrived = list[str]()
    with opened(browser, address, local=True) as page:
        page.page.on("requestfinished", lambda request: arrived.append(request.url))
        for _ in range(200):
            if sum("/networks/" in url for url in arrived) == 2:
                break
            page.page.wait_for_timeout(100)
        yield page


def expect_engine(page: DrawingPage, place: str) -> None:
    expect(page.page.locator("#page")).to_have_attribute("data-engine", place)


def draw_until(page: DrawingPage, place: str) -> None:
    """Draw a 1 again and again, until it is read there."""
    for _ in range(100):
        page.tool("Clear canvas")
        page.draw([line((0.5, 0.2), (0.5, 0.8))])
        page.expect_answers(1)
        if page.page.locator("#page").get_attribute("data-engine") == place:
            return
        page.page.wait_for_timeout(100)
    raise AssertionError(f"not read by the {place}")


def test_far_from_the_server_the_browser_reads_and_explains(browser: Browser, address: str) -> None:
    with far(address, ROUND_TRIP) as distant, loaded(browser, distant) as page:
        draw_until(page, "browser")
        page.tool("Clear canvas")
        page.draw(DIGITS[4])
        page.expect_answers(4)
        expect(page.page.locator(".source")).to_contain_text("Read in your browser")
        before = sum(url.endswith("/engine/trace") for url in page.requests)
        test_inside.open_inside(page)
        expect(page.page.locator(".saying")).to_contain_text("ConvNet says 4")
        assert sum(url.endswith("/engine/trace") for url in page.requests) == before
        expect(page.page.locator(".alike .neighbours")).to_be_visible()  # which only the server has


@pytest.mark.slow
def test_when_the_server_stops_in_the_middle_of_a_stroke_the_browser_reads_on(browser: Browser) -> None:
    port, stroke = free_port(), DIGITS[3][0]
    with ExitStack() as stack:
        with app(port) as address:
            page = stack.enter_context(loaded(browser, address))
            page.press(stroke[: len(stroke) // 2])
            page.expect_answers_to_come()
        for point in stroke[len(stroke) // 2 :]:
            page.page.mouse.move(*page.at(point)[0])
        expect_engine(page, "browser")
        page.expect_answers(3)
        expect(page.page.locator(".notice")).to_be_hidden()
        page.page.mouse.up()
        test_inside.open_inside(page)
        expect(page.page.locator(".saying")).to_contain_text("ConvNet says 3")
        expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "3")
        page.open_lens("read")
        with app(port):
            draw_until(page, "server")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worse", "better"), [(signal.SIGUSR1, signal.SIGUSR2), (signal.SIGSTOP, signal.SIGCONT)], ids=["busy", "hanging"]
)
def test_while_the_server_is(
    browser: Browser, busy_server: Server, worse: signal.Signals, better: signal.Signals
) -> None:
    with loaded(browser, busy_server.address) as page:
        draw_until(page, "server")
        busy_server.process.send_signal(worse)
        try:
            draw_until(page, "browser")
            expect(page.page.locator(".notice")).to_be_hidden()
        finally:
            busy_server.process.send_signal(better)
        draw_until(page, "server")
