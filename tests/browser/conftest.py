"""A real Chromium, and the real page served by the real app."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Error, sync_playwright

ROOT = Path(__file__).parent.parent.parent
SCREENSHOTS = Path(__file__).parent / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from PATH or Playwright's own. Without one the tests are skipped, or fail where CI is set."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error as error:
            reason = f"no Chromium to test in: {str(error).splitlines()[0]}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        yield browser
        browser.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(port: int, **environment: str) -> Iterator[str]:
    """`python app.py` in a process of its own; its address, once it answers."""
    address = f"http://127.0.0.1:{port}"
    variables = os.environ | {"GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "1"} | environment
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            if process.poll() is not None:
                assert process.stdout is not None
                pytest.fail(f"app.py ended: {process.stdout.read().decode()}")
            time.sleep(0.1)
        else:
            return
    pytest.fail("app.py did not answer within a minute")


@pytest.fixture(scope="session")
def address(browser: Browser) -> Iterator[str]:
    """Where the app is served. Asks for the browser first: without one there is nothing to serve."""
    with served(free_port()) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[DrawingPage]:
    """The page on a desktop, ready to draw."""
    with opened(browser, address) as page:
        yield page


@contextmanager
def opened(browser: Browser, address: str, **options: object) -> Iterator[DrawingPage]:
    """The page in a context of its own, ready to draw."""
    context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-US"} | options))  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    page = DrawingPage(context.new_page(), SCREENSHOTS)
    page.open(address)
    try:
        yield page
    finally:
        context.close()
