"""The page on a desktop, in dark mode, in Chinese, in a frame, below a prefix, and while idle."""

import json
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from conftest import app, opened
from digits import DIGITS, line
from drawing_page import DrawingPage
from playwright.sync_api import Browser, Route, expect
from proxy import below, framing, listening


def test_in_the_dark_the_paper_is_dark_and_chinese_readers_get_chinese(elsewhere: tuple[str, DrawingPage]) -> None:
    where, page = elsewhere
    ground = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(",")) < 150
    assert is_dark == (where == "dark")
    expect(page.page.locator("h1")).to_have_text("手写一个数字" if where == "chinese" else "Draw a digit")
    expect(page.page.locator("#foot")).to_contain_text("准确率" if where == "chinese" else "Accuracy")


def test_readers_elsewhere_in_china_get_chinese(browser: Browser, address: str) -> None:
    page = browser.new_page(locale="zh-TW")
    page.goto(address)
    expect(page.locator("h1")).to_have_text("手写一个数字")
    page.close()


def test_a_slow_server_is_reported_as_slow_and_not_as_unreachable(page: DrawingPage) -> None:
    page.draw(DIGITS[3])
    page.expect_answers(3)
    late: list[Route] = []
    page.page.route("**/engine/**", lambda route: late.append(route))
    page.draw([line((0.2, 0.9), (0.3, 0.9))])
    expect(page.page.locator(".notice")).to_contain_text("server is slow")
    expect(page.page.locator("[data-model=net] .remark")).to_have_text("Waiting for an answer")
    assert page.probabilities() == [0.0] * 10
    page.page.unroute("**/engine/**")  # which lets them go on
    expect(page.page.locator(".notice")).to_be_hidden()
    page.expect_answers_to_come()


def test_a_page_of_another_site_starts_no_training(browser: Browser, address: str) -> None:
    start = json.dumps({"network": "net", "recipe": "fast", "values": {}})
    with listening(framing(address)) as site:
        page = browser.new_page()
        page.goto(site.replace("127.0.0.1", "localhost"))
        for kind in ("text/plain", "application/json"):
            ended = page.evaluate(
                """([url, body, kind]) => fetch(url, {
                    method: "POST", body, headers: {"content-type": kind},
                    mode: kind === "text/plain" ? "no-cors" : "cors",
                }).then((answer) => answer.type, () => "failed")""",
                [f"{address}/engine/begin", start, kind],
            )
            assert ended == ("opaque" if kind == "text/plain" else "failed")
        page.close()
    program = Request(f"{address}/engine/prepare", b"{}", {"content-type": "application/json"})
    assert json.load(urlopen(program))["running"] is None


@pytest.mark.slow
def test_a_page_below_a_path_prefix_answers(browser: Browser) -> None:
    with (
        app(GRADIO_ROOT_PATH="/demo") as address,
        listening(below("/demo", urlsplit(address).port or 0)) as proxy,
        opened(browser, f"{proxy}/demo/") as page,
    ):
        page.draw(DIGITS[9])
        page.expect_answers(9)
