"""Accessibility: the page for people who see less or use no mouse."""

import re

from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import expect

FAINT = """() => {  // texts with less contrast to their ground than WCAG 2 AA asks for
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => channels(colour).slice(0, 3)
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0.99) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("#page *")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (!own || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const [darker, lighter] = [luminance(color), luminance(ground(element))].sort((a, b) => a - b);
    const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
    if ((lighter + 0.05) / (darker + 0.05) < (isLarge ? 3 : 4.5)) faint.push(`${own} (${element.className})`);
  }
  return faint;
}"""


def test_every_text_contrasts_with_its_background(page: DrawingPage) -> None:
    def assert_clear() -> None:
        for scheme in ("light", "dark"):
            page.page.emulate_media(color_scheme=scheme)
            page.page.wait_for_function(f"({FAINT})().length === 0")  # once colours have changed

    expect(page.page.locator("#gallery .tiles li").first).to_be_visible()
    assert_clear()
    page.draw([line((0.1, 0.1), (0.9, 0.9)), line((0.1, 0.9), (0.9, 0.1)), line((0.1, 0.3), (0.9, 0.4))])
    page.expect_state("unknown")
    assert_clear()
    page.page.click(".hard")
    page.page.click("#gallery [data-label] >> nth=3")
    expect(page.page.locator(".back")).to_be_visible()
    assert_clear()
    page.page.emulate_media(color_scheme="null")


def test_every_control_is_reached_by_the_tab_key_and_shows_it(page: DrawingPage) -> None:
    expect(page.page.locator("#gallery .tiles li").first).to_be_visible()
    page.draw(DIGITS[4])
    page.expect_answers(4)
    others = ":disabled, [aria-checked='false'], [aria-selected='false']"  # the latter are reached by arrow keys
    controls = page.page.locator(f"#page :is(button, a, input):not({others}) >> visible=true")
    wanted = {control.evaluate("one => one.outerHTML.slice(0, 200)") for control in controls.all()}
    reached: set[str] = set()
    for _ in range(2 * len(wanted)):
        page.page.keyboard.press("Tab")
        focused, is_shown = page.page.evaluate(
            """() => {
              const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
              const isRinged = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
              const isShown = isRinged || document.activeElement === document.body;
              return [document.activeElement.outerHTML.slice(0, 200), isShown];
            }"""
        )
        assert is_shown, f"nothing shows that the focus is on {focused}"
        reached.add(focused)
    assert wanted <= reached, wanted - reached


def test_an_arrow_key_chooses_the_next_of_a_group_and_wraps_around(page: DrawingPage) -> None:
    expect(page.page.locator("#gallery .tiles li").first).to_be_visible()
    page.page.locator(".filter [data-only='']").focus()
    page.page.keyboard.press("ArrowLeft")
    expect(page.page.locator(".filter [data-only='9']")).to_be_focused()
    expect(page.page.locator("#gallery [data-label]:not([data-label='9'])")).to_have_count(0)
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowDown")
    expect(page.page.locator(".filter [aria-checked='true']")).to_have_text("0")
    page.page.locator("button[data-show=both]").focus()
    page.page.keyboard.press("ArrowRight")
    expect(page.page.locator("[data-model=net]")).to_be_hidden()


def test_a_control_is_used_with_the_keyboard_alone(page: DrawingPage) -> None:
    expect(page.page.locator("#gallery .tiles li").first).to_be_visible()
    page.page.locator("[data-show=net]").focus()
    page.page.keyboard.press("Enter")
    expect(page.page.locator("[data-model=convnet]")).to_be_hidden()
    page.page.locator(".filter [data-only='7']").focus()
    page.page.keyboard.press("Space")
    expect(page.page.locator("#gallery [data-label]:not([data-label='7'])")).to_have_count(0)
    page.page.locator("#gallery [data-label='7']").first.focus()
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".source")).to_contain_text("7")
    expect(page.page.locator(".spoken")).to_contain_text("Net: 7")


def test_a_tip_explains_a_term_to_the_pointer_and_the_keyboard(page: DrawingPage) -> None:
    for part, words in {
        "[data-model=convnet] h2 button": "500 hidden units",
        "[data-model=net] h2 button": "50 hidden units",
        "[data-model=convnet] .parameters": "training",
        "button[data-show=both]": "All networks",
        ".hard": "misreads",
    }.items():
        shown = f"getComputedStyle(document.querySelector('{part}'), '::after').content"
        assert page.page.evaluate(shown) == "none"
        page.page.hover(part)
        assert words in page.page.evaluate(shown)
        page.page.mouse.move(1, 1)
        assert page.page.evaluate(shown) == "none"
        page.page.locator(part).focus()
        page.page.keyboard.press("Shift")  # what has the focus is shown where keys are used
        assert words in page.page.evaluate(shown)
        assert words in (page.page.locator(part).get_attribute("aria-description") or "")
        page.page.evaluate("document.activeElement.blur()")


def test_every_canvas_has_a_name_for_screen_readers(page: DrawingPage) -> None:
    expect(page.page.locator("#gallery .tiles li").first).to_be_visible()
    page.draw(DIGITS[5])
    page.expect_answers(5)
    pad = page.page.get_by_role("img", name="Drawing pad")
    expect(pad).to_have_accessible_description(re.compile("What the networks read is announced"))
    nameless = """() => [...document.querySelectorAll("#page canvas")]
      .filter((one) => one.checkVisibility() && !one.closest("[aria-label], [aria-hidden=true]"))
      .map((one) => one.parentElement.outerHTML.slice(0, 200))"""
    for lens in ("inside", "learn", "report", "read"):
        page.open_lens(lens)
        page.page.wait_for_load_state("networkidle")
        assert page.page.evaluate(nameless) == []


def test_a_tap_shows_the_tip_of_a_term(phone: DrawingPage) -> None:
    phone.page.locator("[data-model=convnet] h2 button").tap()
    shown = "getComputedStyle(document.querySelector('[data-model=convnet] h2 button'), '::after').content"
    assert "500 hidden units" in phone.page.evaluate(shown)


def test_tool_titles_name_their_keys_and_the_gallery_explains_its_marks(page: DrawingPage) -> None:
    for tool, key in {"undo": "Ctrl+Z", "redo": "Ctrl+Y", "clear": "Esc"}.items():
        assert key in (page.page.locator(f"[data-tool={tool}]").get_attribute("title") or "")
    expect(page.page.locator(".legend")).to_have_text("Label, then the answers of ConvNet, Net: ✓ if right.")
