"""Check the layout of the page in Chromium on every kind of screen: `python -m benchmarks.screens`.

A case is a window size, a lens, two networks or three (with the user's own), a language and a text size. In each, every
control must answer where it is seen, no texts or columns may overlap, nothing may scroll sideways, and the ink must lie
where the pointer was. Pages are resized, not reloaded; the user's own network is trained once.
"""

import argparse
import io
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, CDPSession, Error, Page, sync_playwright

from benchmarks.pages import FLAGS, chromium_path, served

WIDTHS = (256, 320, 360, 390, 640, 667, 768, 1024, 1101, 1280, 1366, 1920)  # CSS pixels
HEIGHTS = (360, 375, 480, 546, 600, 657, 740, 844, 1080, 1200)
LENSES = ("read", "inside", "learn", "report")
NETWORKS = (2, 3)
LANGUAGES = ("en-US", "zh-CN")
TEXT_SIZES = (100, 200)  # per cent

CHECK = (Path(__file__).parent / "screens.js").read_text(encoding="utf-8")
SEVEN = ((0.28, 0.2), (0.7, 0.2), (0.46, 0.84))  # shares of the pad's side
DASH = ((0.78, 0.88), (0.9, 0.9))
STEPS = 8  # enough for sharp corners; with fewer, the page rounds them
LINE = 20 / 280  # width of the brush, as a share of the pad's side
CORE, EDGE = 0.5, 1.5  # shares of that width: all within the first is ink, nothing beyond the second
TOLERATED = 0.001  # share of the pad's pixels, for rounding
DARK = 128  # grey level between ink and paper
TRAINING_TIMEOUT_MS = 120_000
FONT_PX = 16  # of the browser's default text

Line = Sequence[tuple[float, float]]


class Case(NamedTuple):
    """One screen."""

    width: int
    height: int
    lens: str
    networks: int
    language: str
    text_size: int


def all_cases() -> list[Case]:
    """Return every combination."""
    return [Case(*values) for values in itertools.product(WIDTHS, HEIGHTS, LENSES, NETWORKS, LANGUAGES, TEXT_SIZES)]


def pairwise(cases: Sequence[Case]) -> list[Case]:
    """Return a small set of cases with every pair of values in `cases`: each adds as many new pairs as possible."""
    pairs = {case: frozenset(itertools.combinations(enumerate(case), 2)) for case in cases}
    order = random.Random(0).sample(list(cases), len(cases))
    missing, chosen = frozenset[object]().union(*pairs.values()), []
    while missing:
        chosen.append(max(order, key=lambda case: len(missing & pairs[case])))
        missing -= pairs[chosen[-1]]
    return chosen


class Screens:
    """Pages of one server, one for each language and number of networks, opened when they are first needed."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.pages: dict[tuple[str, int], Screen] = {}
        self.own_network: str | None = None  # a page's stored state of the user's network

    def show(self, case: Case) -> "Screen":
        """Return the page of that case, resized and on its lens."""
        key = (case.language, case.networks)
        if key not in self.pages:
            self.pages[key] = self.opened(*key)
        self.pages[key].show(case)
        return self.pages[key]

    def faults(self, case: Case) -> list[str]:
        """Return a line for each fault of the case."""
        return self.show(case).faults()

    def close(self) -> None:
        for screen in self.pages.values():
            screen.page.context.close()

    def opened(self, language: str, networks: int) -> "Screen":
        context = self.browser.new_context(locale=language)
        page = context.new_page()
        page.goto(self.address)
        screen = Screen(page)
        if networks == 3:
            self.own_network = self.own_network or trained(page)
            page.evaluate("own => sessionStorage.setItem('yours', own)", self.own_network)
            page.reload()
            page.wait_for_selector("[data-model=yours]", state="attached")
        screen.prepare()
        return screen


def trained(page: Page) -> str:
    """Train a network for a moment, and return the page's stored state of it."""
    page.click("[role=tab][data-lens=learn]")
    page.click("[data-trained=net]")
    page.click("[data-learn=start]")
    page.wait_for_selector(".wall [data-right=true]", timeout=TRAINING_TIMEOUT_MS)
    page.click("[data-learn=stop]")
    page.wait_for_selector("[data-learn=forget]", timeout=TRAINING_TIMEOUT_MS)
    return str(page.evaluate("sessionStorage.getItem('yours')"))


class Screen:
    """One open page with a digit on the pad, resized from case to case."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session: CDPSession = page.context.new_cdp_session(page)

    def prepare(self) -> None:
        """Draw a digit, correct it, and open what is closed at first."""
        self.page.wait_for_selector("#sketchpad[data-ready] .tools")
        self.draw(SEVEN, STEPS)
        self.page.mouse.up()
        self.page.click("[role=tab][data-lens=read]")
        self.page.click("[data-correct='1']")
        self.page.wait_for_selector("#gallery [data-index]")
        self.page.click("[role=tab][data-lens=report]")
        self.page.click("[data-cell=net-9-4]")
        self.page.wait_for_selector(".opened [data-index]")
        self.page.click("[role=tab][data-lens=learn]")
        self.page.click(".values summary")

    def faults(self) -> list[str]:
        """Return a line for each fault."""
        found: list[str] = self.page.evaluate(CHECK)
        return found + self.ink_faults()

    def show(self, case: Case) -> None:
        """Bring the page to that size and lens, and wait until all its parts are there."""
        size = FONT_PX * case.text_size // 100
        self.session.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size}})
        self.page.set_viewport_size({"width": case.width, "height": case.height})
        self.session.send("Emulation.setDeviceMetricsOverride", screen_of(case))
        self.page.evaluate("dispatchEvent(new Event('resize'))")
        self.page.evaluate("lens => document.querySelector(`[role=tab][data-lens=${lens}]`).click()", case.lens)
        if case.lens == "inside":
            self.page.wait_for_selector(".because:not(:empty)")

    def ink_faults(self) -> list[str]:
        """Draw another line, compare the pad's ink with it, and undo it."""
        self.draw(DASH)
        self.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        picture = Image.open(io.BytesIO(self.page.locator(".surface .ink").screenshot())).convert("L")
        self.page.mouse.up()
        self.page.mouse.move(0, 0)  # away from tooltips
        self.page.keyboard.press("Control+z")
        ink = np.asarray(picture) < DARK
        core, edge = (drawn((SEVEN, DASH), picture.size, share) for share in (CORE, EDGE))
        missing, stray = (core & ~ink).mean(), (ink & ~edge).mean()
        is_right = max(missing, stray) < TOLERATED
        return [] if is_right else [f"ink: {100 * missing:.1f} % missing, {100 * stray:.1f} % stray"]

    def draw(self, line: Line, steps: int = 1) -> None:
        """Draw with the mouse, in so many steps from one point to the next, and leave it pressed."""
        self.page.evaluate("document.querySelector('#sketchpad').scrollIntoView()")
        box = self.page.locator(".surface .ink").bounding_box()
        assert box is not None
        for place, (x, y) in enumerate(line):
            self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["width"], steps=steps)
            if not place:
                self.page.mouse.down()


def screen_of(case: Case) -> dict[str, object]:
    """Return how Chromium emulates a screen of that size: Playwright leaves a high one in landscape orientation."""
    orientation = "landscapePrimary" if case.width > case.height else "portraitPrimary"
    size = {"width": case.width, "height": case.height, "screenWidth": case.width, "screenHeight": case.height}
    return size | {"deviceScaleFactor": 1, "mobile": False, "screenOrientation": {"type": orientation, "angle": 0}}


def drawn(lines: Sequence[Line], size: tuple[int, int], share: float) -> np.ndarray:
    """Return the pixels (H, W) bool of such lines in a picture of the pad; `share` scales the brush's width."""
    picture = Image.new("1", size)
    pen = ImageDraw.Draw(picture)
    side, radius = max(size), share * LINE * max(size) / 2
    for line in lines:
        points = [(x * side, y * side) for x, y in line]
        pen.line(points, fill=1, width=round(2 * radius))
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(picture)


def swept(browser: Browser, address: str, cases: Sequence[Case]) -> Iterator[tuple[Case, list[str]]]:
    """Yield the faults of each case."""
    screens = Screens(browser, address)
    for case in cases:
        yield case, screens.faults(case)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return the exit code: 1 if there are faults, 2 if there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screens", description=__doc__.splitlines()[0])
    parser.add_argument("--pairwise", action="store_true", help="only the few cases that hold every pair of values")
    options = parser.parse_args(arguments)
    cases = pairwise(all_cases()) if options.pairwise else all_cases()
    count = 0
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        try:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        except Error as error:
            print(f"error: Chromium cannot be started ({error.message.splitlines()[0]})", file=sys.stderr)
            return 2
        address = stack.enter_context(served("app.py"))
        for case, faults in swept(browser, address, cases):
            count += len(faults)
            for fault in faults:
                print(*case, fault, sep=", ", flush=True)
    print(f"{count} faults in {len(cases)} cases")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
