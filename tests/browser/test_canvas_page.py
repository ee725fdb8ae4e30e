"""docs/canvas.html: the exported network reads drawings in the browser alone."""

import functools
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from digits import DIGITS
from exported import exported
from playwright.sync_api import Browser, Page, expect
from proxy import listening

from benchmarks.pages import VIEW
from mnist_demo.model.classifier import Classifier

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parent.parent.parent / "docs" / "canvas.html"
RUNTIME = "onnxruntime-web@1.30.0"
MAX_DOWNLOAD_SECONDS = 90  # seconds, for 33 MB from the registry
INK = """[...document.getElementById("ink").getContext("2d").getImageData(0, 0, 280, 280).data]
  .filter((_, at) => at % 4 == 3)"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def runtime(pytestconfig: pytest.Config) -> Path:
    """Return the npm package's folder, downloaded once into pytest's cache. Skips the test if that fails."""
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(RUNTIME.replace("@", "-"))
    if not (folder / "package").exists():
        npm = shutil.which("npm") or pytest.skip("no npm to fetch onnxruntime-web with")
        command = [npm, "pack", RUNTIME, "--pack-destination", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=MAX_DOWNLOAD_SECONDS)
        except subprocess.SubprocessError:
            pytest.skip(f"npm cannot fetch {RUNTIME}")
        [archive] = folder.glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later have it
            tar.extractall(folder / "part")
        (folder / "part" / "package").rename(folder / "package")
        archive.unlink()
    return folder / "package"


@pytest.fixture(scope="module")
def address(browser: Browser, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the page's address; the files that its source asks for are beside it."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(PAGE, folder)
    (folder / "canvas.onnx").write_bytes(exported("net", "canvas"))
    (folder / "node_modules").mkdir()
    os.symlink(runtime, folder / "node_modules" / "onnxruntime-web")  # noqa: PTH211
    with listening(functools.partial(Quiet, directory=str(folder))) as address:
        yield f"{address}/{PAGE.name}"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Yield the page, ready to draw, and check that it logs no errors."""
    context, complaints = browser.new_context(viewport=VIEW), []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    expect(page.get_by_role("status")).to_have_text("Nothing is drawn.", timeout=30_000)
    yield page
    context.close()
    assert complaints == []


def draw(page: Page, digit: int) -> None:
    box = page.locator("#ink").bounding_box()
    assert box is not None
    for stroke in DIGITS[digit]:
        for at, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if at == 0:
                page.mouse.down()
        page.mouse.up()


def bars(page: Page) -> list[float]:
    return page.locator("meter").evaluate_all("(bars) => bars.map((bar) => bar.value)")


@pytest.mark.parametrize("digit", [3, 4])
def test_a_digit_is_read_as_the_classifier_reads_it(page: Page, digit: int) -> None:
    draw(page, digit)
    expect(page.get_by_role("status")).to_contain_text(f"That is a {digit}")
    reading = Classifier.load("net").read(np.array(page.evaluate(INK), np.uint8).reshape(280, 280))
    assert reading.answer == digit
    assert np.abs(np.array(bars(page)) - reading.probabilities).max() < 1e-5
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("status")).to_have_text("Nothing is drawn.")
    assert bars(page) == [0] * 10


def test_without_the_network_it_names_the_missing_file(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/canvas.onnx", lambda route: route.abort())
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("is missing beside this page", timeout=30_000)
    context.close()


def test_opened_as_a_file_it_says_how_to_serve_it(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(PAGE.as_uri())
    expect(page.get_by_role("status")).to_contain_text("python -m http.server --bind 127.0.0.1 --directory docs")
    context.close()
