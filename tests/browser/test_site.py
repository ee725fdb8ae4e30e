"""The page as a folder without a server, in Chromium that reaches no other host."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import test_drawing
import test_gallery
import test_inside
import test_numbers
import test_report
from conftest import ELSEWHERE, launched, opened
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Playwright, Route, expect
from test_access import FAINT

from benchmarks.pages import files_served, free_port
from benchmarks.screens import CHECK
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.nearest import Nearest

SUB_PATH = "some/path"
SCRIBBLE = [line((0.1, 0.1), (0.9, 0.9)), line((0.1, 0.9), (0.9, 0.1)), line((0.1, 0.3), (0.9, 0.4))]
OFFLINE = "navigator.serviceWorker.getRegistration().then((found) => Boolean(found?.active))"  # all files are kept
NEWEST = (
    """caches.keys().then(async ([_, newer]) => Boolean(newer && (await (await caches.open(newer)).match("./"))))"""
)
SHUFFLED = """() => {  // samples of another file than the first are there
  const tiles = [...document.querySelectorAll("#gallery [data-index]")];
  if (tiles.some((tile) => Number(tile.dataset.index) >= 1000)) return true;
  document.querySelector(".shuffle").click();
}"""
NEIGHBOURS = """all => all.map((one) => [Number(one.dataset.neighbour), Number(one.dataset.label),
  [...one.querySelector("canvas").getContext("2d").getImageData(0, 0, 28, 28).data].filter((_, at) => at % 4 === 0)])"""
AS_BEFORE = [  # tests that a page without a server passes, too
    test_drawing.test_bars_move_and_the_answer_comes_while_the_pen_is_still_down,
    test_gallery.test_a_click_shows_a_sample_and_escape_closes_it_before_it_clears_the_drawing,
    test_inside.test_the_layers_change_during_a_stroke,
    test_inside.test_a_blank_pad_and_a_rejected_drawing_show_helpful_texts,
    test_inside.test_why_shows_the_evidence_for_the_answer_and_for_the_chosen_rival,
    test_numbers.test_a_box_is_around_each_digit,
    test_report.test_a_cell_opens_its_digits_which_are_seen_in_read_and_inside,
    test_report.test_a_cell_of_many_digits_shows_some_and_more_when_asked,
    test_report.test_mistakes_show_peoples_votes_and_which_network_alone_was_right,
]


def write(folder: Path) -> None:
    """Write the site by its command."""
    subprocess.run([sys.executable, "-m", "mnist_demo.site", folder], check=True, capture_output=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder to be served, with the site somewhere in it."""
    root = tmp_path_factory.mktemp("served")
    (root / SUB_PATH).parent.mkdir()
    write(root / SUB_PATH)
    return root


@pytest.fixture(scope="module")
def lonely(playwright: Playwright) -> Iterator[Browser]:
    """Chromium to which no host but this machine's own address has a name."""
    with launched(playwright, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as browser:
        yield browser


def wait_until(page: DrawingPage, expression: str) -> None:
    """Wait until a promise in the page resolves to true, for at most 20 seconds."""
    for _ in range(200):
        if page.page.evaluate(expression):
            return
        page.page.wait_for_timeout(100)
    raise AssertionError(f"{expression} is not true")


def at(port: int) -> str:
    return f"http://127.0.0.1:{port}/{SUB_PATH}/"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[str]:
    """Serve the site, and yield its address."""
    port = free_port()
    with files_served(root, port):
        yield at(port)


@pytest.fixture(scope="module")
def shared(lonely: Browser, served: str) -> Iterator[DrawingPage]:
    with opened(lonely, served, local=True) as page:
        yield page


@pytest.fixture
def site(shared: DrawingPage) -> Iterator[DrawingPage]:
    """Yield the page as at first, which tests use in turn."""
    shared.begin_again()
    yield shared
    assert shared.unfilled() == []
    assert shared.complaints == []


def test_a_scribble_is_rejected_and_nothing_is_asked_of_anybody(site: DrawingPage, served: str) -> None:
    site.draw(SCRIBBLE)
    site.expect_state("unknown")
    expect(site.page.locator("#page")).to_have_attribute("data-engine", "browser")
    expect(site.page.locator(".source")).to_contain_text("Read in your browser")
    assert [request for request in site.requests if not request.startswith(served)] == []


@pytest.mark.parametrize("holds", AS_BEFORE, ids=lambda test: test.__name__)
def test_a_page_without_a_server_passes_the_tests_of_one_with(
    site: DrawingPage, holds: Callable[[DrawingPage], None]
) -> None:
    expect(site.page.locator("#gallery .tiles li")).to_have_count(18)
    holds(site)


def test_a_number_that_net_alone_has_read_is_read_by_convnet_once_it_is_loaded(lonely: Browser, served: str) -> None:
    late: list[Route] = []
    with opened(lonely, served, local=True, service_workers="block") as page:
        page.page.route("**/convnet-*", lambda route: late.append(route))
        page.reload()
        page.draw(test_numbers.beside(4, 2))
        expect(page.verdict("net")).to_have_attribute("data-answer", "42")
        expect(page.verdict("convnet")).to_have_attribute("data-state", "blank")
        late[0].continue_()
        test_numbers.expect_number(page, "42")
        assert page.complaints == []


def test_net_finds_the_training_digits_that_python_finds(
    site: DrawingPage, test_digits: Samples, training_digits: Samples
) -> None:
    nearest, common = Nearest.load(Classifier.load("net").model), 0
    test_inside.open_inside(site)
    site.page.click("[data-network=net]")
    for place in range(3):
        site.open_lens("read")
        sample = site.page.locator("#gallery [data-index]").nth(place)
        digit = test_digits.images[int(sample.get_attribute("data-index") or ""), 0].numpy()
        sample.click()
        test_inside.open_inside(site)
        expect(site.page.locator("[data-neighbour]")).to_have_count(12)
        for index, label, image in site.page.locator("[data-neighbour]").evaluate_all(NEIGHBOURS):
            common += index in nearest.find(digit / np.float32(255)).indices
            assert training_digits.labels[index] == label
            assert training_digits.images[index].flatten().tolist() == image
    assert common >= 27  # of 36: the browser's weights are float16


def test_samples_are_filtered_and_hard_ones_are_misread(site: DrawingPage) -> None:
    site.page.click(".filter [data-only='7']")
    expect(site.page.locator("#gallery [data-label='7']")).to_have_count(18)
    site.page.click(".filter [data-only='']")
    site.page.click(".hard")
    expect(site.page.locator("#gallery li:has(.wrong)")).to_have_count(18)
    site.page.click(".hard")
    site.page.wait_for_function(SHUFFLED, polling=300)


def test_what_needs_python_says_how_to_start_it(site: DrawingPage) -> None:
    command = re.compile("python app.py")
    site.tool("Photo of a digit")
    expect(site.page.locator(".surface .word")).to_have_text(command)
    site.draw(DIGITS[7])
    test_inside.open_inside(site)
    expect(site.page.locator(".alike .ready")).to_have_text(command)
    site.open_lens("learn")
    expect(site.page.locator(".lesson .state")).to_have_text(command)
    expect(site.page.locator("[data-learn=start]")).to_be_disabled()


@pytest.mark.slow
def test_it_reads_after_a_reload_when_the_web_server_has_stopped(lonely: Browser, root: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        with files_served(root, port):
            page = stack.enter_context(opened(lonely, at(port), local=True))
            wait_until(page, OFFLINE)
        page.reload()
        page.draw(DIGITS[5])
        page.expect_answers(5)
        expect(page.page.locator("#gallery .tiles li")).to_have_count(18)
        test_inside.open_inside(page)
        expect(page.page.locator("[data-why]")).to_have_attribute("data-for", "5")
        page.page.click("[data-network=net]")
        expect(page.page.locator(".alike .ready")).to_have_text("Cannot be loaded now. Trying again.")
        test_report.open_report(page)
        test_report.open_cell(page, "net-9-4")


@pytest.mark.slow
def test_a_new_version_replaces_the_old_one_as_soon_as_only_one_tab_is_open(
    lonely: Browser, root: Path, tmp_path: Path
) -> None:
    port, folder = free_port(), tmp_path / SUB_PATH
    shutil.copytree(root / SUB_PATH, folder)
    with files_served(tmp_path, port), opened(lonely, at(port), local=True) as page:
        title = page.page.locator("#head [data-text=title]")
        wait_until(page, OFFLINE)
        other = page.page.context.new_page()
        other.goto(at(port))
        change(folder, "Another version")
        page.reload()
        wait_until(page, NEWEST)
        page.reload()
        expect(title).to_have_text("Draw a digit")  # as in the other tab, and whole
        other.close()
        page.reload()
        expect(title).to_have_text("Another version")
        assert page.page.evaluate("caches.keys().then((names) => names.length)") == 1
        page.draw(DIGITS[3])
        page.expect_answers(3)
        assert page.complaints == []


def change(folder: Path, title: str) -> None:
    """Deploy another version of the site."""
    words, worker = folder / "web" / "languages" / "en.json", folder / "sw.js"
    version = json.loads((folder / "version.json").read_text())["version"]
    words.write_text(json.dumps(json.loads(words.read_text()) | {"title": title}))
    worker.write_text(worker.read_text().replace(version, "another"))


@pytest.mark.slow
def test_it_is_well_laid_out_on_a_phone_in_the_dark_and_in_chinese(lonely: Browser, served: str) -> None:
    phone = ELSEWHERE["phone"] | ELSEWHERE["dark"] | ELSEWHERE["chinese"]
    with opened(lonely, served, local=True, **phone) as page:
        page.draw(DIGITS[9])
        page.expect_answers(9)
        for lens in ("read", "inside", "learn", "report"):
            page.open_lens(lens)
            expect(page.page.locator(f"[data-panel={lens}] .card:visible").first).to_be_visible()
            assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.page.evaluate(CHECK) == []
            assert page.page.evaluate(FAINT) == []
        assert page.complaints == []
