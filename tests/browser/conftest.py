"""A real Chromium, and the real page served by the real app."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright

from benchmarks.pages import FLAGS, VIEW, chromium_path, served

expect.set_options(timeout=20_000)  # ms: of a machine that has other things to do
PHONE = {"width": 390, "height": 844}
TOUCHED: dict[str, object] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
ELSEWHERE: dict[str, dict[str, object]] = {  # than on a desktop, in the light and in English
    "phone": TOUCHED,
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
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], DrawingPage]]:
    """Give the page of a place, which tests use in turn: opening one takes longer than most tests do."""
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
    """The page on a desktop, ready to draw, with nothing left of other tests but what can be undone.

    For a test that is marked `opened_anew`, a page of its own.
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
    """The same page on a phone."""
    return visit("phone")


@pytest.fixture(params=ELSEWHERE)
def elsewhere(visit: Callable[[str], DrawingPage], request: pytest.FixtureRequest) -> tuple[str, DrawingPage]:
    """Each other place, and the page there."""
    return request.param, visit(request.param)


@contextmanager
def opened(browser: Browser, address: str, script: str = "", **options: object) -> Iterator[DrawingPage]:
    """The page in a context of its own, ready to draw; the script runs in it before any other."""
    context = browser.new_context(**({"viewport": VIEW, "locale": "en-US"} | options))  # type: ignore[arg-type]
    context.add_init_script(script)
    context.set_default_timeout(30_000)
    page = DrawingPage(context.new_page())
    page.open(address)
    try:
        yield page
    finally:
        context.close()
