"""Fixtures for a real Chromium and the real page, served by the real app."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright

from benchmarks.pages import FLAGS, VIEW, Server, chromium_path, served, started

expect.set_options(timeout=20_000)  # ms: of a machine that has other things to do
PHONE = {"width": 390, "height": 844}
TOUCHED: dict[str, object] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
ELSEWHERE: dict[str, dict[str, object]] = {  # than on a desktop, in the light and in English
    "phone": TOUCHED,
    "dark": {"color_scheme": "dark"},
    "chinese": {"locale": "zh-CN"},
}

# The app. From SIGUSR1 to SIGUSR2 it answers every question that it is busy.
BUSY_AT_A_SIGNAL = """
import signal
import app
from mnist_demo.server import batching
put = batching.FairQueue.put
def refuse(queue, item):
    return item if isinstance(item, batching.Waiting) else put(queue, item)
signal.signal(signal.SIGUSR1, lambda *_: setattr(batching.FairQueue, "put", refuse))
signal.signal(signal.SIGUSR2, lambda *_: setattr(batching.FairQueue, "put", put))
app.main()
"""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    """Launch Chromium from PATH, or Playwright's own. Without one, skip the tests, or fail if CI is set."""
    try:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *flags])
    except Error as error:
        reason = f"no Chromium to test in: {str(error).splitlines()[0]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    yield browser
    browser.close()


def app(port: int | None = None, **environment: str) -> AbstractContextManager[str]:
    """Run `python app.py` in a process of its own; yield its address once it answers."""
    return served("app.py", port=port, environment=environment)


@pytest.fixture(scope="session")
def address(browser: Browser) -> Iterator[str]:
    """Return the app's address. This needs the browser first: without one, the app does not have to start."""
    with app() as address:
        yield address


@pytest.fixture(scope="session")
def busy_server(browser: Browser) -> Iterator[Server]:
    """Return an app that says it is busy from SIGUSR1 to SIGUSR2."""
    with started("-c", BUSY_AT_A_SIGNAL) as server:
        yield server


@pytest.fixture(scope="session")
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], DrawingPage]]:
    """Return a function that opens the page at a place. Tests share these pages: opening one takes longer than most
    tests.
    """
    pages = dict[str, DrawingPage]()
    with ExitStack() as stack:

        def again(place: str) -> DrawingPage:
            page = pages.pop(place, None)
            try:
                if page is not None:
                    page.begin_again()
            except (Error, AssertionError):  # the last test failed, and left it in no state to go on
                page = None
            pages[place] = page or stack.enter_context(opened(browser, address, **ELSEWHERE.get(place, {})))
            return pages[place]

        yield again


@pytest.fixture
def page(
    browser: Browser, address: str, visit: Callable[[str], DrawingPage], request: pytest.FixtureRequest
) -> Iterator[DrawingPage]:
    """Return the page on a desktop, ready to draw; other tests leave nothing on it but undo steps.

    A test marked `opened_anew` gets a page of its own.
    """
    if request.node.get_closest_marker("opened_anew"):
        with opened(browser, address) as page:
            yield page
            assert page.unfilled() == []
    else:
        yield (page := visit("desktop"))
        assert page.unfilled() == []


@pytest.fixture
def phone(visit: Callable[[str], DrawingPage]) -> DrawingPage:
    """Return the same page on a phone."""
    return visit("phone")


@pytest.fixture(params=ELSEWHERE)
def elsewhere(visit: Callable[[str], DrawingPage], request: pytest.FixtureRequest) -> tuple[str, DrawingPage]:
    """Return each other place, and the page there."""
    return request.param, visit(request.param)


@contextmanager
def opened(
    browser: Browser, address: str, script: str = "", local: bool = False, **options: object
) -> Iterator[DrawingPage]:
    """Open the page in a context of its own, ready to draw; the script runs in it before any other.

    Only if `local`, the networks in the browser may read: else they would do so on a busy machine, at any time.
    """
    context = browser.new_context(**({"viewport": VIEW, "locale": "en-US"} | options))  # type: ignore[arg-type]
    context.add_init_script(script if local else f"delete window.Worker; {script}")
    context.set_default_timeout(30_000)
    page = DrawingPage(context.new_page())
    page.open(address)
    try:
        yield page
    finally:
        context.close()
