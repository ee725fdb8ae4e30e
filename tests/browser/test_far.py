"""The page far from its server, or with a busy one, before the networks are in the browser."""

import signal
import time

import pytest
from conftest import opened
from digits import DIGITS, line
from playwright.sync_api import Browser, expect

from benchmarks.far import far
from benchmarks.pages import Server

pytestmark = pytest.mark.slow

BLANK = ",".join(["0.0000"] * 20)

# Notes of each question when it was asked, when its answer came, and the probabilities of both networks in it; and each
# change of those in the bars.
NOTES = """
window.notes = { asked: [], shown: [] };
const plain = window.fetch;
window.fetch = async (address, options) => {
  if (!String(address).endsWith("/engine/read")) return plain(address, options);
  const note = { at: performance.now() };
  notes.asked.push(note);
  const response = await plain(address, options);
  const { readings: [networks] } = await response.clone().json();
  note.read = ["convnet", "net"].flatMap((name) => networks[name].probabilities.map((one) => one.toFixed(4))).join();
  note.came = performance.now();
  return response;
};
document.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const bars = (name) => [...document.querySelectorAll(`[data-model=${name}] [data-digit]`)];
  const shown = ["convnet", "net"].flatMap(bars).map((bar) => bar.dataset.probability).join();
  if (shown !== notes.shown.at(-1)?.read) notes.shown.push({ at: performance.now(), read: shown });
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-probability"] }));
"""


def test_an_answer_to_an_older_drawing_never_replaces_one_to_a_newer_drawing(browser: Browser, address: str) -> None:
    with far(address, 0.08, jitter=0.15) as distant, opened(browser, distant, script=NOTES) as page:
        page.page.evaluate("notes.shown = []")
        page.draw([DIGITS[3][0], line((0.3, 0.1), (0.7, 0.1), count=20)])
        page.expect_answers_to_come()
        page.expect_all_answered()
        noted = page.page.evaluate("notes")
    came = [one["came"] for one in noted["asked"]]
    assert came != sorted(came)  # several were on their way, and overtook each other
    read = [one["read"] for one in noted["asked"]]
    newest = 0
    for one in noted["shown"]:
        if one["read"] == BLANK:  # too little ink to be asked about
            continue
        assert one["read"] in read[newest:]
        newest += read[newest:].index(one["read"])
    assert newest >= read.index(read[-1])


def test_a_busy_server_is_reported_and_gets_few_requests_until_it_is_not_busy(
    browser: Browser, busy_server: Server
) -> None:
    server = busy_server
    with opened(browser, server.address, locale="zh-CN") as page:
        notice = page.page.locator(".notice")
        server.process.send_signal(signal.SIGUSR1)
        page.draw(DIGITS[7])  # the first drawing is waited for
        expect(notice).to_contain_text("同时书写的人很多")
        expect(page.page.locator("[data-model=net] .remark")).to_have_text("等待回答")
        page.expect_state("blank")
        server.process.send_signal(signal.SIGUSR2)
        expect(notice).to_be_hidden(timeout=30_000)
        page.expect_answers(7)
        before = page.probabilities()
        server.process.send_signal(signal.SIGUSR1)
        page.press(line((0.2, 0.9), (0.3, 0.9)))
        expect(notice).to_contain_text("同时书写的人很多")
        page.expect_answers(7)
        assert page.probabilities() == before
        asked, begun = len(page.requests), time.monotonic()
        for number in range(20):
            page.page.mouse.move(*page.at((0.3 + number / 100, 0.9))[0])
            page.page.wait_for_timeout(100)
        assert 1 <= len(page.requests) - asked <= 4 * (time.monotonic() - begun)
        page.page.mouse.up()
        server.process.send_signal(signal.SIGUSR2)
        expect(notice).to_be_hidden(timeout=30_000)
