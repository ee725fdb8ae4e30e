"""A real Chromium, and the real page served by the real app."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright

from benchmarks.pages import FLAGS, VIEW, chromium_path, served

expect.set_options(timeout=20_000)  # ms: of a machine that has other things to do
SCREENSHOTS = Path(__file__).parent / "screenshots"
PHONE = {"width": 390, "height": 844}
ELSEWHERE: dict[str, dict[str, object]] = {  # than on a desktop, in the light and in English
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "dark": {"color_scheme": "dark"},
    "chinese": {"locale": "zh-CN"},
}


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
    """Chromium from PATH or Playwright's own. Without one the tests are skipped, or fail where CI is set."""
    try:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *flags])
    except Error as error:
        reason = f"no Chromium to test in: {str(error).splitlines()[0]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    yield browser
    browser.close()


def app(port: int | None = None, **environment: str) -> AbstractContextManager[str]:
    """`python app.py` in a process of its own; its address, once it answers."""
    return served("app.py", port=port, environment=environment)


@pytest.fixture(scope="session")
def address(browser: Browser) -> Iterator[str]:
    """Where the app is served. Asks for the browser first: without one there is nothing to serve."""
    with app() as address:
        yield address


@pytest.fixture(scope="session")
def desktop(browser: Browser, address: str) -> Iterator[Callable[[], DrawingPage]]:
    """Gives the page that tests use in turn: to open one takes longer than most tests do."""
    page: DrawingPage | None = None
    with ExitStack() as stack:

        def again() -> DrawingPage:
            nonlocal page
            try:
                if page is not None:
                    page.begin_again()
            except (Error, AssertionError):  # the last test failed, and left it in no state to go on
                page = None
            page = page or stack.enter_context(opened(browser, address))
            return page

        yield again


@pytest.fixture
def page(
    browser: Browser, address: str, desktop: Callable[[], DrawingPage], request: pytest.FixtureRequest
) -> Iterator[DrawingPage]:
    """The page on a desktop, ready to draw, with nothing left of other tests but what can be undone.

    For a test that is marked `opened_anew`, a page of its own.
    """
    if request.node.get_closest_marker("opened_anew"):
        with opened(browser, address) as page:
            yield page
            assert page.unfilled() == []
    else:
        yield (page := desktop())
        assert page.unfilled() == []


@contextmanager
def opened(browser: Browser, address: str, script: str = "", **options: object) -> Iterator[DrawingPage]:
    """The page in a context of its own, ready to draw; the script runs in it before any other."""
    context = browser.new_context(**({"viewport": VIEW, "locale": "en-US"} | options))  # type: ignore[arg-type]
    context.add_init_script(script)
    context.set_default_timeout(30_000)
    page = DrawingPage(context.new_page(), SCREENSHOTS)
    page.open(address)
    try:
        yield page
    finally:
        context.close()
