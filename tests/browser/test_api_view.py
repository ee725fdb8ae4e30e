"""Gradio's view "Use via API", opened from the page's footer."""

from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

PATIENCE = 30_000  # ms until Gradio has loaded the view and what it tells


def test_the_footer_opens_the_view_and_the_drawing_stays(page: DrawingPage) -> None:
    page.draw(DIGITS[3])
    page.expect_answers(3)
    expect(page.page.locator("footer")).to_be_hidden()
    page.page.locator("#foot [data-text=link_api]").click()
    view = page.page.locator(".api-docs")
    expect(view).to_contain_text("handle_file('digit.png')", timeout=PATIENCE)  # in Python, at once
    for name in ("/read", "/read_strokes", "/samples", "/why"):
        expect(view.get_by_text(name, exact=True).first).to_be_attached()
    page.page.keyboard.press("Escape")
    expect(view).to_be_hidden()
    page.expect_answers(3)


def test_the_address_opens_the_view_in_the_language_that_it_names(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/?view=api&lang=mcp")
    expect(page.locator(".api-docs")).to_contain_text("gradio_api/mcp/", timeout=PATIENCE)
    page.close()
