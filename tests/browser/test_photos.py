"""Pictures of digits, chosen, dropped or pasted onto the pad."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from digit_pictures import picture
from digits import DIGITS
from drawing_page import DrawingPage, question
from PIL import Image
from playwright.sync_api import Route, expect

from mnist_demo.data.mnist import Samples


def photo(test_digits: Samples, index: int, kind: str = "PNG", side: int = 400, mode: str = "RGB") -> bytes:
    """Return a test digit on a sheet of paper, as a file."""
    sheet = Image.new("L", (2 * side, 2 * side), 235)
    sheet.paste(picture(test_digits.images[index], side).point(lambda value: min(value, 235)), (side // 2, side // 3))
    file = io.BytesIO()
    sheet.convert(mode).save(file, kind)
    return file.getvalue()


def choose(page: DrawingPage, name: str, content: bytes, kind: str = "image/png") -> None:
    page.page.locator(".file").set_input_files({"name": name, "mimeType": kind, "buffer": content})


def hand(page: DrawingPage, event: str, content: bytes = b"", **texts: str) -> str:
    """Drop on the pad, or paste, one file or texts by type; return the page's immediate message."""
    said: str = page.page.evaluate(
        """([event, content, texts]) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0));
            if (content) data.items.add(new File([bytes], "digit.png", { type: "image/png" }));
            for (const [kind, text] of Object.entries(texts)) data.setData(`text/${kind}`, text);
            const surface = document.querySelector(".surface");
            const own = event === "drop" ? { dataTransfer: data } : { clipboardData: data };
            const kind = event === "drop" ? DragEvent : ClipboardEvent;
            surface.dispatchEvent(new kind(event, { bubbles: true, cancelable: true, ...own }));
            return surface.querySelector(".word:not([hidden])")?.textContent ?? "";
        }""",
        [event, base64.b64encode(content).decode(), {kind.replace("_", "-"): text for kind, text in texts.items()}],
    )
    return said


def test_a_chosen_photo_becomes_ink_that_can_be_read_drawn_on_and_undone(
    page: DrawingPage, test_digits: Samples
) -> None:
    choose(page, "seven.png", photo(test_digits, 0))
    page.expect_answers(7)
    page.expect_painted(lambda ink: ink > 0.02)
    page.draw([[(0.05, 0.95)]])
    page.tool("Undo")
    page.tool("Undo")
    page.expect_state("blank")
    page.expect_painted(lambda ink: ink == 0)
    page.tool("Redo")
    page.expect_answers(7)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted_and_one_of_another_page_only_if_its_address_holds_it(
    page: DrawingPage, test_digits: Samples, event: str
) -> None:
    assert hand(page, event, photo(test_digits, 1)) == "Reading the picture …"
    page.expect_answers(2)
    expect(page.page.locator(".word")).to_be_hidden()
    held = f"data:image/png;base64,{base64.b64encode(photo(test_digits, 0)).decode()}"
    hand(page, event, html=f'<p>A digit <img src="{held}"></p>')
    page.expect_answers(7)
    page.tool("Clear canvas")
    address = "https://example.org/seven.png"
    for texts in ({"html": f'<img src="{address}">'}, {"uri_list": address}, {"plain": address}):
        page.draw([[(0.5, 0.5)]])  # which hides what was said
        assert hand(page, event, **texts) == "Save the picture first, then drop the file here."


SVG = """<svg xmlns="http://www.w3.org/2000/svg" SIZE>
  <path d="M8 6h10l-6 14" fill="none" stroke="#000" stroke-width="2"/></svg>"""


def test_any_picture_that_the_browser_shows_is_read_at_any_size(page: DrawingPage, test_digits: Samples) -> None:
    files = {
        ("a.avif", "image/avif"): photo(test_digits, 0, "AVIF", side=200),
        ("large.avif", "image/avif"): photo(test_digits, 0, "AVIF", side=1000),
        ("sized.svg", "image/svg+xml"): SVG.replace("SIZE", 'width="26" height="26"').encode(),
        ("boxed.svg", "image/svg+xml"): SVG.replace("SIZE", 'viewBox="0 0 26 26"').encode(),
        ("four-colours.jpg", "image/jpeg"): photo(test_digits, 0, "JPEG", mode="CMYK"),
    }
    for (name, kind), content in files.items():
        choose(page, name, content, kind)
        page.expect_answers(7)
        page.tool("Clear canvas")


def test_a_stroke_cancels_a_picture_that_is_still_being_read(page: DrawingPage, test_digits: Samples) -> None:
    held: list[Route] = []
    page.page.route(
        "**/engine/**",
        lambda route: held.append(route) if question(route.request) == "ink_of_photo" else route.continue_(),
    )
    choose(page, "two.png", photo(test_digits, 1))
    page.draw(DIGITS[7])
    page.expect_answers(7)
    with page.page.expect_response(lambda response: question(response.request) == "ink_of_photo"):
        held[0].continue_()
    page.expect_answers(7)


def test_a_photo_of_many_megapixels_is_reduced_before_it_is_sent(page: DrawingPage, test_digits: Samples) -> None:
    large = photo(test_digits, 0, "JPEG", side=1000)
    noise = np.random.default_rng(1).integers(0, 8, (2000, 2000), np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.asarray(Image.open(io.BytesIO(large)).convert("L")) - noise).save(file, "PNG")
    assert len(file.getvalue()) > 1_000_000
    choose(page, "large.png", file.getvalue())
    page.expect_answers(7)


def test_a_file_that_is_not_a_picture_and_a_picture_without_ink_get_a_message(
    page: DrawingPage, tmp_path: Path
) -> None:
    choose(page, "text.png", b"no picture at all")
    expect(page.page.locator(".word")).to_have_text("This file cannot be read as a picture. Try PNG or JPEG.")
    blank = io.BytesIO()
    Image.new("L", (300, 300), 240).save(blank, "PNG")
    choose(page, "blank.png", blank.getvalue())
    expect(page.page.locator(".word")).to_have_text("There is no ink in this picture.")
    page.expect_state("blank")
    page.draw([[(0.5, 0.5)]])
    expect(page.page.locator(".word")).to_be_hidden()


def test_on_a_phone_there_is_a_button_for_its_camera(phone: DrawingPage, test_digits: Samples) -> None:
    with phone.page.expect_file_chooser() as chosen:
        phone.page.locator("[data-tool=photo]").tap()
    assert chosen.value.element.get_attribute("accept") == "image/*"
    chosen.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": photo(test_digits, 0)})
    phone.expect_answers(7)
