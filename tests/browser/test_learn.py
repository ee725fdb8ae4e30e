"""The lens Learn: a network is trained live, stopped, watched, taught one's handwriting, and becomes the user's own."""

import re
from collections.abc import Callable

import pytest
from conftest import opened
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Route, expect

from benchmarks.pages import VIEW

LONG = 300_000  # ms: a machine may have much else to do
OVERLAPS = """() => {  // pairs of words of a curve that lie upon each other
  const box = (one) => one.getBoundingClientRect();
  const words = [...document.querySelectorAll(".curves svg text")];
  const isUpon = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const others = (one, at) => words.slice(at + 1).filter((other) => isUpon(box(one), box(other)));
  return words.flatMap((one, at) => others(one, at).map((other) => `${one.textContent} | ${other.textContent}`));
}"""
SIGN = [line((0.2, 0.2), (0.8, 0.8)), line((0.2, 0.8), (0.8, 0.2)), line((0.2, 0.5), (0.8, 0.5))]  # no digit


def open_learn(page: DrawingPage, network: str = "net", recipe: str = "fast") -> None:
    page.open_lens("learn")
    page.page.click(f"[data-trained={network}]")
    page.page.click(f"[data-recipe={recipe}]")


def start(page: DrawingPage) -> None:
    """Press Start, and wait for the first curve."""
    page.page.click("[data-learn=start]")
    expect(page.page.locator(".curves .value")).to_contain_text("loss", timeout=LONG)


def yours(page: DrawingPage) -> list[float]:
    return page.probabilities("yours")


def expect_over(page: DrawingPage) -> None:
    expect(page.page.locator("[data-learn=start]")).to_be_enabled(timeout=LONG)


@pytest.mark.slow
def test_a_training_is_stopped_halfway_and_keys_walk_its_curve(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.draw(DIGITS[1])
        open_learn(page, recipe="tutorial")
        start(page)
        page.page.click("[data-learn=stop]")
        expect_over(page)
        expect(page.page.locator(".state")).to_contain_text("Stopped after")
        assert page.page.locator("[data-model=yours]").count() == 1
        value = page.page.locator(".curves .value")
        newest = value.text_content()
        page.page.locator(".curves").focus()
        page.page.keyboard.press("Home")
        expect(value).to_contain_text("epoch 1")
        assert value.text_content() != newest
        assert page.page.locator(".curves").get_attribute("aria-valuetext") == value.text_content()
        page.page.keyboard.press("End")
        expect(value).to_have_text(newest or "")


@pytest.mark.slow
def test_a_loss_of_thousands_keeps_the_axes_readable(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        open_learn(page)
        page.page.click(".values summary")
        page.page.fill("[name=lr]", "1000")
        page.page.fill("[name=epochs]", "30")
        start(page)
        ticks = page.page.locator(".curves svg").first.locator("text[text-anchor=end]:not([class])")
        expect(ticks.last).to_have_text(re.compile(r"^(1,000|3,000|[13]E\d+)$"))
        page.page.click("[data-learn=stop]")
        expect_over(page)
        assert 3 <= ticks.count() <= 8
        assert page.page.evaluate(OVERLAPS) == []


def test_ticks_of_any_loss_are_few_and_short(page: DrawingPage) -> None:
    found = page.page.evaluate(
        """async () => {
          const { ticksOfLog, sayTick } = await import("/web/lenses/axes.js");
          const ends = Array.from({ length: 60 }, (_, at) => 10 ** (at / 2 - 8) * (1 + at / 100));
          const spans = ends.flatMap((low) => ends.filter((high) => high > 20 * low).map((high) => [low, high]));
          return spans.map(([low, high]) => ticksOfLog(low, high).map(sayTick));
        }"""
    )
    assert all(3 <= len(ticks) <= 8 and max(map(len, ticks)) <= 5 for ticks in found)


@pytest.mark.slow
def test_a_later_user_may_watch_and_sees_their_place_in_the_queue(browser: Browser, address: str) -> None:
    with (
        opened(browser, address) as first,
        opened(browser, address) as second,
        opened(browser, address) as third,
    ):
        open_learn(first, recipe="tutorial")
        start(first)
        open_learn(second)
        other = second.page.locator(".other")
        expect(other).to_contain_text("Another training is running (Net")
        second.page.click(".watch")
        expect(second.page.locator(".curves .value")).to_contain_text("loss")
        assert second.page.locator("[data-model=yours]").count() == 0
        second.page.click("[data-learn=start]")
        expect(other).to_contain_text("Yours starts when it ends.")
        expect(second.page.locator("[data-learn=start]")).to_be_disabled()
        open_learn(third)
        third.page.click("[data-learn=start]")
        expect(third.page.locator(".other")).to_contain_text("Yours is number 2 in the queue.")
        second.page.click("[data-learn=stop]")
        expect(second.page.locator("[data-learn=start]")).to_be_enabled()
        expect(third.page.locator(".other")).to_contain_text("Yours starts when it ends.")
        first.page.click("[data-learn=stop]")
        expect(third.page.locator("[data-model=yours]")).to_have_count(1, timeout=LONG)
        expect(third.page.locator(".other")).to_be_hidden()
        third.page.click("[data-learn=stop]")


@pytest.mark.slow
def test_three_corrections_teach_a_sign_while_its_bars_move(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        open_learn(page, "convnet")
        expect(page.page.locator("[data-teach]")).to_be_disabled()
        for shift in (-0.04, 0, 0.04):
            page.tool("Clear canvas")
            page.draw([[(x + shift, y) for x, y in stroke] for stroke in SIGN])
            page.expect_answers_to_come()
            page.page.click("[data-correct='8']")
        expect(page.page.locator("[data-correction='8']")).to_have_count(3)
        page.page.click("[data-teach]")
        expect(page.page.locator("[data-teach]")).to_be_disabled()
        seen = set()
        for _ in range(600):
            if page.page.locator("[data-model=yours]").count():
                seen.add(yours(page)[8])
            if page.page.locator("[data-learn=start]").is_enabled():
                break
            page.page.wait_for_timeout(100)
        assert yours(page)[8] > 0.7
        assert int(page.page.locator(".wall").get_attribute("data-right") or 0) > 95  # all else is read as before
        assert len(seen) > 3


def test_an_invalid_value_is_told_by_its_field_and_escape_closes_the_fields_alone(
    visit: Callable[[str], DrawingPage],
) -> None:
    page = visit("chinese")
    page.draw(DIGITS[7])
    page.expect_answers(7)
    open_learn(page, recipe="tutorial")
    page.page.click(".values summary")
    field = page.page.locator("[name=momentum]")
    assert field.get_attribute("placeholder") == "0.5"
    field.fill("2")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#wrong")).to_contain_text("动量: 必须在 0 到 0.999 之间，而不是 2")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    field.fill("")
    page.page.keyboard.press("Escape")
    expect(page.page.locator(".fields")).to_be_hidden()
    page.expect_answers(7)
    page.page.click("[data-trained=convnet]")
    expect(field).to_have_count(0)
    assert page.page.locator("[data-model=yours]").count() == 0


def test_where_training_is_off_it_says_how_it_is_switched_on(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport=VIEW)
    context.route("**/settings.json", without_training)
    page = context.new_page()
    page.goto(address)
    page.click("[data-lens=learn][role=tab]")
    expect(page.locator(".state")).to_contain_text("MNIST_DEMO_TRAIN=1")
    expect(page.locator("[data-learn=start]")).to_be_disabled()
    context.close()


def without_training(route: Route) -> None:
    """Answer with the page's settings as a server has them that trains nothing."""
    route.fulfill(json=route.fetch().json() | {"isTrainingOn": False})
