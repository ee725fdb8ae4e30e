"""Corrections of misread drawings: saved in the browser, shown, deleted, exported and imported."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import opened
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect
from proxy import framing, listening
from test_access import FAINT
from test_photos import choose, photo

from benchmarks.screens import CHECK
from mnist_demo.data.mnist import Samples
from mnist_demo.data.stroke_file import digits_of, read_written

SHELF = "mnist-demo.corrections"
SCRAWL = [line((0.1, 0.1), (0.9, 0.9)), line((0.1, 0.9), (0.9, 0.1)), line((0.1, 0.3), (0.9, 0.4))]


def kept(page: DrawingPage) -> list[dict[str, Any]]:
    """Return the lines that the browser has saved."""
    lines = page.page.evaluate(f"localStorage.getItem('{SHELF}') ?? ''").splitlines()
    return [json.loads(line) for line in lines]


def correct(page: DrawingPage, drawn: int, label: int) -> None:
    """Draw a digit on a blank pad and correct it to another one."""
    page.tool("Clear canvas")
    page.draw(DIGITS[drawn])
    page.expect_answers(drawn)
    page.page.click(f"[data-correct='{label}']")


def test_an_answered_drawing_is_corrected_once_for_both_networks_corrected_again_and_undone(page: DrawingPage) -> None:
    expect(page.page.locator("[data-correct='4']")).to_have_count(1)
    expect(page.page.locator("[data-correct='4']")).to_be_hidden()
    places = "[...document.querySelectorAll('.card, #gallery')].map((card) => card.getBoundingClientRect().top)"
    before = page.page.evaluate(places)
    correct(page, 7, 4)
    assert page.page.evaluate(places) == before  # nothing has moved
    expect(page.page.locator("[data-correct='4']")).to_have_attribute("aria-pressed", "true")
    expect(page.page.locator(".correct [role=status]")).to_have_text("Saved as 4.")
    [one] = kept(page)
    assert one["label"] == 4
    assert one["brushes"] == [[20, 0]]
    xs, ys = zip(*one["strokes"][0], strict=True)
    assert min(xs) == pytest.approx(0.3 * 280, abs=1)
    assert max(ys) == pytest.approx(0.82 * 280, abs=1)
    page.page.click("[data-correct='9']")
    assert [one["label"] for one in kept(page)] == [9]
    page.page.click(".correct .undo")
    assert kept(page) == []
    expect(page.page.locator("[data-correct='9']")).to_have_attribute("aria-pressed", "false")
    expect(page.page.locator("[data-correct='9']")).to_be_focused()


def test_a_rejected_drawing_can_be_corrected_and_eraser_strokes_are_saved(page: DrawingPage) -> None:
    page.draw(SCRAWL)
    page.expect_state("unknown")
    page.tool("Erase")
    page.draw([line((0.2, 0.8), (0.3, 0.8))])
    page.rest()  # what is corrected is what was read
    page.page.locator("[data-correct='8']").focus()
    page.page.keyboard.press("Enter")
    assert [brush for _, brush in kept(page)[0]["brushes"]] == [0, 0, 0, 1]


def test_a_blank_pad_a_sample_and_a_picture_cannot_be_corrected(page: DrawingPage, test_digits: Samples) -> None:
    digits = page.page.locator("[data-correct]")
    page.draw(DIGITS[4])
    page.expect_answers(4)
    expect(digits.first).to_be_visible()
    page.page.click("[data-label] >> nth=0")
    expect(digits.first).to_be_hidden()
    page.page.keyboard.press("Escape")
    expect(digits.first).to_be_visible()
    page.tool("Clear canvas")
    expect(digits.first).to_be_hidden()
    choose(page, "seven.png", photo(test_digits, 0))
    page.expect_answers(7)
    expect(digits.first).to_be_hidden()
    expect(page.page.locator(".correct .idle")).to_contain_text("pen strokes")


def test_its_buttons_are_large_enough_for_a_finger_in_chinese_and_in_dark_mode(
    elsewhere: tuple[str, DrawingPage],
) -> None:
    where, page = elsewhere
    (page.touch if where == "phone" else page.draw)(DIGITS[3])
    page.rest()  # a tap within a blink of a stroke's end is none to Chromium
    page.expect_answers(3)
    button = page.page.locator("[data-correct='2']")
    if where == "phone":
        boxes = [one.bounding_box() for one in page.page.locator("[data-correct]").all()]
        assert min(min(box["width"], box["height"]) for box in boxes if box) >= 44
    (button.tap if where == "phone" else button.click)()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.page.locator(".correct")).to_contain_text("其实是" if where == "chinese" else "It was:")
    assert page.page.evaluate(FAINT) == []
    assert page.page.evaluate(CHECK) == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_browser_that_cannot_save_says_so(browser: Browser, address: str) -> None:
    forbidden = "Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('no'); } });"
    with opened(browser, address, script=forbidden) as page:
        correct(page, 7, 4)
        expect(page.page.locator(".correct [role=status]")).to_have_text("Saved as 4 until you close the page.")
        assert page.complaints == []


def test_a_damaged_store_breaks_no_page(page: DrawingPage) -> None:
    page.page.evaluate(f"localStorage.setItem('{SHELF}', '{{\"label\": 12}}\\nforeign')")
    page.reload()
    correct(page, 7, 4)
    assert [one["label"] for one in kept(page)] == [4]
    assert page.complaints == []


def open_hand(page: DrawingPage) -> Any:
    """Open the lens Learn; return its corrections."""
    page.open_lens("learn")
    return page.page.locator("[data-correction]")


def test_corrections_survive_a_reload_and_deleting_them_can_be_undone(page: DrawingPage) -> None:
    sent: list[str] = []
    page.page.on("request", lambda request: sent.append(request.post_data or ""))
    for drawn, label in ((7, 1), (5, 3), (4, 9)):
        correct(page, drawn, label)
    page.reload()
    tiles = open_hand(page)
    expect(tiles).to_have_count(3)
    assert [tile.get_attribute("data-correction") for tile in tiles.all()] == ["9", "3", "1"]
    tiles.nth(1).get_by_role("button").click()
    assert [one["label"] for one in kept(page)] == [1, 9]
    expect(page.page.locator(".told")).to_have_text("3 deleted.")
    page.page.click(".undelete")
    assert [one["label"] for one in kept(page)] == [1, 3, 9]
    page.page.click("[data-keep=clear]")
    expect(tiles).to_have_count(0)
    expect(page.page.locator("[data-teach]")).to_be_disabled()
    page.page.click(".undelete")
    expect(tiles).to_have_count(3)
    assert not any("brushes" in body or "label" in body for body in sent)  # nothing leaves the browser


def test_the_command_line_reads_an_export_and_importing_it_twice_adds_nothing(
    page: DrawingPage, tmp_path: Path
) -> None:
    file, told = tmp_path / "mine.jsonl", page.page.locator(".told")
    correct(page, 7, 1)
    correct(page, 5, 3)
    tiles = open_hand(page)
    with page.page.expect_download() as download:
        page.page.click("[data-keep=export]")
    download.value.save_as(file)
    assert [digit.label for digit in read_written(file)] == [1, 3]
    page.page.set_input_files(".hand .brought", file)
    expect(told).to_have_text("0 imported, 2 already here.")
    page.page.click("[data-keep=clear]")
    page.page.set_input_files(".hand .brought", file)
    expect(tiles).to_have_count(2)
    file.write_text(file.read_text() + '\n{"label": 4}\n')
    page.page.set_input_files(".hand .brought", file)
    expect(told).to_contain_text("line 4")
    file.write_text('{"label": 4, "strokes": [[[0, 0], [0, 9]]], "writer": 7}')  # of no known brush, or scale
    page.page.set_input_files(".hand .brought", file)
    expect(tiles).to_have_count(3)
    assert page.complaints == []


LINE = [[50, 0], [50, 100]]
IMPORTS = [  # lines that the server can teach, and lines that it refuses, at the edges of its limits
    {"label": 1, "strokes": [LINE]},
    {"label": 1, "strokes": [LINE], "brushes": None},
    {"label": 1, "strokes": [[[0, 0], [0, 1e308]]]},
    {"label": 1, "strokes": [[[0, 0], [-1e6, 1e6]]]},
    {"label": 1, "strokes": [[[0, 0], [0, 1_000_001]]]},
    {"label": 1, "strokes": [[[0, 0]] * 20_000]},
    {"label": 1, "strokes": [[[0, 0]] * 20_000, [[1, 1]]]},
    {"label": 1, "strokes": [LINE], "brushes": [[1e7, 0]]},
    {"label": 1, "strokes": [LINE], "brushes": [[10, 1]]},
    {"label": 1, "strokes": [LINE], "brushes": []},
    {"label": 1, "strokes": [LINE, LINE], "brushes": [[10, 0], [30, 1]]},
    {"label": 1, "strokes": [LINE, LINE[:1]], "brushes": [[10, 0], [30, 1]]},
    {"label": 10, "strokes": [LINE]},
]


def is_taught(line: str) -> bool:
    """Return if the server would accept that line for teaching."""
    try:
        return bool(digits_of(line.encode(), "corrections"))
    except ValueError:
        return False


def test_an_import_accepts_exactly_the_digits_that_the_server_can_teach(page: DrawingPage, tmp_path: Path) -> None:
    open_hand(page)
    file, told = tmp_path / "one.jsonl", page.page.locator(".told")
    for content in IMPORTS:
        file.write_text(line := json.dumps(content))
        page.page.evaluate("document.querySelector('.told').textContent = ''")
        page.page.set_input_files(".hand .brought", file)
        expect(told).to_contain_text(" imported, " if is_taught(line) else "one.jsonl, line 1 is not a drawn digit")


def test_undoing_a_deletion_keeps_what_another_tab_saved_since(page: DrawingPage) -> None:
    for drawn, label in ((7, 1), (5, 3)):
        correct(page, drawn, label)
    tiles = open_hand(page)
    page.page.click("[data-keep=clear]")
    other = page.page.context.new_page()
    other.goto(f"{page.page.url.partition('#')[0]}favicon.ico")
    other.evaluate(f"line => localStorage.setItem('{SHELF}', line)", json.dumps(IMPORTS[0] | {"label": 9}))
    expect(tiles).to_have_count(1)
    page.page.click(".undelete")
    expect(tiles).to_have_count(3)
    assert [one["label"] for one in kept(page)] == [1, 3, 9]
    other.close()


def test_in_a_frame_of_another_site_digits_are_read_and_without_downloads_an_export_can_be_copied(
    browser: Browser, address: str
) -> None:
    elsewhere = framing(
        address.replace("127.0.0.1", "localhost"), attributes='sandbox="allow-scripts allow-same-origin"'
    )
    with listening(elsewhere) as site, opened(browser, site) as page:
        page.draw(DIGITS[7])
        page.expect_answers(7)
        page.frame.locator("[data-correct='1']").click()
        page.frame.locator("[data-lens=learn][role=tab]").click()
        page.frame.locator("[data-keep=export]").click()
        expect(page.frame.locator(".told")).to_contain_text("If no download starts")
        [digit] = digits_of(page.frame.locator(".exported").input_value().encode(), "copied")
        assert digit.label == 1


def test_no_more_corrections_are_saved_than_there_is_room_for(page: DrawingPage, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    lines = [json.dumps({"label": 1, "strokes": [[[at, 0], [at, 9]]]}) for at in range(201)]
    tiles = open_hand(page)
    file.write_text("\n".join(lines))
    page.page.set_input_files(".hand .brought", file)
    expect(page.page.locator(".told")).to_contain_text("at most 200")
    file.write_text("\n".join(lines[:200]))
    page.page.set_input_files(".hand .brought", file)
    expect(tiles).to_have_count(200)
    correct(page, 7, 4)
    expect(page.page.locator(".correct [role=status]")).to_contain_text("no room for more")
    assert len(kept(page)) == 200
