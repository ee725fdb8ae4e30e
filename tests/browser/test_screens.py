"""The page on screens of many sizes, with larger text, on paper, and in the user's own colours."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from test_access import FAINT

from benchmarks.screens import HEIGHTS, LENSES, WIDTHS, Case, Screens, all_cases, pairwise

COMMON = [
    Case(1366, 600, "read", 2, "en-US", 100),  # a laptop's window: tabs beside the choice of networks
    Case(360, 740, "learn", 2, "en-US", 100),  # a common phone
]
SPECIAL = [
    Case(1280, 546, "report", 2, "en-US", 100),
    Case(320, 480, "read", 2, "zh-CN", 100),  # 1280 pixels at 400 %
    Case(667, 375, "learn", 2, "en-US", 100),  # a phone in landscape orientation
    Case(1280, 800, "inside", 2, "en-US", 200),
]
LOOKS = """([chosen, other]) => [chosen, other].map((selector) => {
  const { color, backgroundColor, borderWidth } = getComputedStyle(document.querySelector(selector));
  return [color, backgroundColor, borderWidth].join();
})"""
PAIRS = {  # of controls that must not look alike, by the lens that has them
    "read": [
        (".lenses [aria-selected=true]", ".lenses [aria-selected=false]"),
        ("[data-tool=brush]", "[data-tool=eraser]"),
        ("#read .show [aria-checked=true]", "#read .show [aria-checked=false]"),
        (".filter [aria-checked=true]", ".filter [aria-checked=false]"),
    ],
    "inside": [
        (".rival[aria-pressed=true]", ".rival[aria-pressed=false]:enabled"),
        (".rival:disabled", ".rival:enabled"),
    ],
    "learn": [("[data-learn=start]", "[data-learn=stop]")],
}


@pytest.fixture(scope="module")
def screens(browser: Browser, address: str) -> Iterator[Screens]:
    screens = Screens(browser, address)
    yield screens
    screens.close()


@pytest.mark.parametrize("case", COMMON, ids=lambda case: case.lens)
def test_on_a_common_screen_nothing_is_cut_covered_or_out_of_place(screens: Screens, case: Case) -> None:
    assert screens.faults(case) == []


@pytest.mark.slow
def test_on_screens_with_every_pair_of_sizes_lenses_and_languages_nothing_is_out_of_place(screens: Screens) -> None:
    some = [case for case in all_cases() if case.width in WIDTHS[::2] and case.height in HEIGHTS[::2]]
    found = {case: faults for case in [*SPECIAL, *pairwise(some)] if (faults := screens.faults(case))}
    assert found == {}


@pytest.mark.parametrize("lens", LENSES)
def test_the_whole_lens_is_printed_dark_on_white(screens: Screens, lens: str) -> None:
    page = screens.show(Case(1280, 740, lens, 2, "en-US", 100)).page
    page.emulate_media(color_scheme="dark")
    try:
        assert b"view=api" in page.pdf()  # the link at the page's very end
        page.emulate_media(media="print")
        style = page.add_style_tag(content="* { background: none !important; transition: none !important; }")
        assert page.evaluate(FAINT) == []
        style.evaluate("one => one.remove()")
    finally:
        page.emulate_media(media="null", color_scheme="null")


@pytest.mark.parametrize("lens", PAIRS)
def test_in_forced_colours_the_choice_and_the_edge_of_the_pad_are_visible(screens: Screens, lens: str) -> None:
    page = screens.show(Case(1280, 740, lens, 2, "en-US", 100)).page
    page.emulate_media(forced_colors="active")
    try:
        for pair in PAIRS[lens]:
            chosen, other = page.evaluate(LOOKS, pair)
            assert chosen != other, pair
        assert page.evaluate("getComputedStyle(document.querySelector('.surface')).outlineStyle") == "solid"
    finally:
        page.emulate_media(forced_colors="null")
