"""Compare our page with Gradio's stock sketchpad in real Chromium, in one run: `python -m benchmarks.live`.

Both pages are served from the same machine, and the same pointer draws on them with 60 moves a second. The time from a
pointer event to the bars is measured within the page: from its arrival there to the first change of the bars that
includes it.
"""

import argparse
import asyncio
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, Response, async_playwright

from benchmarks.pages import Path2, Visit, launched, placed, served
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo import commandline
from mnist_demo.data.stroke_file import Handwritten, read_written
from mnist_demo.data.synthetic import bend, write
from mnist_demo.data.templates import DIGITS
from mnist_demo.ink.strokes import Stroke, draw, evenly
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

OURS = ("app.py",)
STOCK = ("-m", "benchmarks.stock")
OWN_PAD = "#sketchpad[data-ready] .tools, #sketchpad[data-blank] .tools"  # today; in older versions
READY = {OURS: OWN_PAD, STOCK: ".toolbar-wrap button:not([disabled])"}
CANVAS = {OURS: 280, STOCK: 800}  # pixels
EMPTY = "import torch, torchvision, gradio\nwith gradio.Blocks() as page: pass\npage.launch(quiet=True)"
UNCOUNTED = {"GRADIO_ANALYTICS_ENABLED": "False"}  # else the stock page would report itself
PATIENCE = 8000  # ms, the timeout of the stock page's answer
LOADS = 30
STARTS = 3
STROKES = 8
MOVES = 60  # per stroke: one second
ROUNDS = 3
POINTS = 7500  # of a very long stroke
ENDLESS = """async (count) => {  // ms between frames at the end of a stroke of so many points, 16 of them a frame
  const canvas = document.querySelector(".surface .ink");
  const { left, top, width } = canvas.getBoundingClientRect();
  const point = (kind, at) => canvas.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, pointerId: 9, isPrimary: true, buttons: Number(kind !== "pointerup"),
    clientX: left + width * (0.5 + 0.4 * Math.cos(at / 20) * Math.sin(at / 777)),
    clientY: top + width * (0.5 + 0.4 * Math.sin(at / 20)),
  }));
  point("pointerdown", 0);
  const times = [];
  for (let at = 1; at < count; at += 1) {
    point("pointermove", at);
    if (at % 16 === 0) times.push(await new Promise(requestAnimationFrame));
  }
  point("pointerup", count);
  return times.slice(-60).map((time, at, last) => time - last[at - 1]).slice(1);
}"""
HEIGHTS = (60 / 280, 0.92)  # of the drawings whose answers are compared, as shares of the pad

Figures = dict[str, Any]


def hands(seed: int, written: Sequence[Handwritten]) -> Callable[[int], list[Path2]]:
    """Return a function from a number to the paths of a digit: one of `written`, or, without any, of the templates."""
    random = np.random.default_rng(seed)
    if written:
        order = random.permutation(len(written))
        return lambda number: written[order[number % len(written)]].paths
    return lambda number: write(random, number % 10)


async def open_page(browser: Browser, command: tuple[str, ...], address: str) -> Visit:
    return await Visit.open(browser, address, READY[command], CANVAS[command])


async def during(visit: Visit) -> Figures:
    """Draw single strokes on our page; return how soon and how often the bars change, and the bytes sent.

    "moved" is how many pointer moves the page saw per second, "taken" how long answers took.
    """
    delays, rates, pointing, taken, finals, sizes, inked = [], [], [], [], [], [], []
    for number in range(STROKES):
        await visit.clear()
        await visit.probe()
        await visit.stroke(evenly(placed([one_line(number)], 0.6)[0], MOVES))
        await visit.page.wait_for_timeout(500)
        noted = await visit.probe()
        shown = news(noted)
        for moved in noted["moves"]:
            delays += [change - moved for asked, change in shown if asked >= moved][:1]
            inked += [painted - moved for painted in noted["inked"] if painted >= moved][:1]
        up = noted["ups"][-1]
        seconds = (up - noted["moves"][0]) / 1000
        rates.append(sum(change <= up for _, change in shown) / seconds)
        pointing.append(len(noted["moves"]) / seconds)
        taken += [came - asked for asked, came in noted["answers"]]
        finals.append(max(0.0, shown[-1][1] - up))
        sizes += [40 * statistics.mean(noted["sent"])] if noted["sent"] else []
    lasting = {"delays": delays, "finals": finals, "inked": inked, "taken": taken}  # ms
    return {"rates": rates, "moved": pointing, "bytes": sizes, **lasting}


async def during_inside(browser: Browser, address: str) -> Figures:
    """Draw single strokes with the lens Inside open; return the updates of all layers per second, and the largest in
    bytes.
    """
    visit = await open_page(browser, OURS, f"{address}#inside")
    sizes = [0]

    async def note(answer: Response) -> None:
        if answer.url.endswith("/engine/trace"):
            sizes.append(len(await answer.body()))

    visit.page.on("response", note)
    rates = []
    for number in range(STROKES):
        await visit.clear()
        await visit.probe()
        await visit.stroke(evenly(placed([one_line(number)], 0.6)[0], MOVES))
        await visit.page.wait_for_timeout(500)
        noted = await visit.probe()
        start, end = noted["moves"][0], noted["ups"][-1]
        rates.append(1000 * sum(start < at < end for at in noted["traced"]) / (end - start))
    await visit.page.context.close()
    return {"inside rates": rates, "inside bytes": max(sizes)}


def news(noted: Figures) -> list[tuple[float, float]]:
    """Return (asked, shown) in ms for each change of the bars; `asked` is the time of the newest request answered by
    then.
    """
    changes: list[tuple[float, float]] = []
    for shown in noted["shown"]:
        asked = max((asked for asked, came in noted["answers"] if came <= shown), default=-math.inf)
        if asked > (changes[-1][0] if changes else -math.inf):
            changes.append((asked, shown))
    return changes


async def finals(visit: Visit) -> list[float]:
    """Return the ms from the lifted pointer to the last change of the stock page's label; PATIENCE if there is none."""
    times = []
    for number in range(STROKES):
        await visit.clear()
        await visit.page.wait_for_timeout(2500)
        await visit.probe()
        await visit.stroke(evenly(placed([one_line(number)], 0.6)[0], MOVES))
        await visit.page.wait_for_timeout(PATIENCE)
        noted = await visit.probe()
        times.append(noted["texts"][-1] - noted["ups"][-1] if noted["texts"] else float(PATIENCE))
    return times


def one_line(number: int) -> Path2:
    """Return a digit of one stroke: 0, 3, 2, 6, 8, 9 in turn."""
    digit = (0, 3, 2, 6, 8, 9)[number % 6]
    return bend(np.random.default_rng(number), DIGITS[digit][0])[0]


async def agreement(visit: Visit, hand: Callable[[int], list[Path2]], count: int) -> list[bool]:
    """Return for each digit drawn if the page's last answers equal Python's for the same strokes."""
    classifiers = {name: Classifier.load(name) for name in MODELS}
    random, agreed = np.random.default_rng(0), []
    for number in range(count):
        await visit.clear()
        paths = placed(hand(number), random.uniform(*HEIGHTS))
        for path in paths:
            await visit.stroke(path)
        await visit.page.wait_for_timeout(300)
        ink = draw([Stroke(path * CANVAS[OURS]) for path in paths], CANVAS[OURS])
        wanted = {name: classifier.read(ink).answer for name, classifier in classifiers.items()}
        agreed.append(all([await visit.answer(name) == answer for name, answer in wanted.items()]))
    return agreed


async def ready_times(browser: Browser, pages: Sequence[tuple[tuple[str, ...], str]]) -> list[list[float]]:
    """Return each page's ms from navigation until one can draw, with a cold cache; the pages load in turn."""
    times: list[list[float]] = [[] for _ in pages]
    for _ in range(LOADS):
        for taken, (command, address) in zip(times, pages, strict=True):
            visit = await open_page(browser, command, address)
            taken.append(float((await visit.probe())["ready"]))
            await visit.page.context.close()
    return times


async def before_and_after(before: Path) -> list[Figures]:
    """Return the results of strokes on another checkout's page and on ours, in ROUNDS rounds of each, in turn."""
    figures: list[Figures] = [{}, {}]
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        with served(*OURS, environment=UNCOUNTED, folder=before) as old, served(*OURS, environment=UNCOUNTED) as new:
            for _ in range(ROUNDS):
                for address, taken in zip((old, new), figures, strict=True):
                    visit = await open_page(browser, OURS, address)
                    for name, values in (await during(visit)).items():
                        taken.setdefault(name, []).append(values)
                    taken.setdefault("endless", []).append(await visit.page.evaluate(ENDLESS, POINTS))
                    await visit.page.context.close()
        await browser.close()
    return figures


def compared(figures: Sequence[Figures]) -> Sequence[Sequence[str]]:
    """Return the rows of the table: the median of the rounds' medians, and the rounds' range."""

    def shown(name: str, figure: Callable[[list[float]], float] = statistics.median) -> list[str]:
        rounds = [[figure(values) for values in page[name]] for page in figures]
        return [f"{statistics.median(one):.0f} ({min(one):.0f} to {max(one):.0f})" for one in rounds]

    return [
        ["pointer event to changed bars, median, ms", *shown("delays")],
        ["the same, 95th percentile, ms", *shown("delays", lambda values: float(np.percentile(values, 95)))],
        ["pointer event to ink, median, ms", *shown("inked")],
        ["updates a second during a stroke", *shown("rates")],
        ["pointer-up to final answer, ms", *shown("finals")],
        ["bytes sent for 40 updates of a stroke", *shown("bytes", lambda sizes: max(sizes, default=0))],
        [f"a frame after {POINTS:,} points of one stroke, ms", *shown("endless")],
    ]


def start_ratio() -> float:
    """Return the ratio of the time until `python app.py` serves its first page to that of an empty page with the same
    imports.
    """
    times: dict[tuple[str, ...], list[float]] = {OURS: [], ("-c", EMPTY): []}
    for _ in range(STARTS):
        for command, taken in times.items():
            start = time.perf_counter()
            with served(*command, environment=UNCOUNTED):
                taken.append(time.perf_counter() - start)
    ratio: float = statistics.median(times[OURS]) / statistics.median(times["-c", EMPTY])
    return ratio


async def measure(count: int, written: Sequence[Handwritten]) -> Figures:
    """Return all results, both pages side by side; the answers to `count` digits, drawn from `written`, are checked."""
    figures: Figures = {}
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        with served(*OURS, environment=UNCOUNTED) as ours, served(*STOCK, environment=UNCOUNTED) as stock:
            pages = ((STOCK, stock), (OURS, ours))
            figures["ready"] = await ready_times(browser, pages)
            visits = [await open_page(browser, *page) for page in pages]
            figures |= await during(visits[1])
            figures |= await during_inside(browser, ours)
            figures["stock finals"] = await finals(visits[0])
            figures["agreed"] = await agreement(visits[1], hands(1, written), count)
        await browser.close()
    figures["start"] = start_ratio()
    return figures


def rows(figures: Figures) -> Sequence[Sequence[str]]:
    """Return the rows of the table: what, stock, ours, target."""
    median, late = np.percentile(figures["delays"], [50, 95])
    stock, ours = statistics.median(figures["stock finals"]), statistics.median(figures["finals"])
    stock_ready, ready = figures["ready"]
    agreed = figures["agreed"]
    return [
        ["pointer event to changed bars, median", "never", f"{median:.0f} ms", "25 ms"],
        ["the same, 95th percentile", "never", f"{late:.0f} ms", "120 ms"],
        ["pointer event to ink, median", "", f"{statistics.median(figures['inked']):.0f} ms", "16 ms"],
        ["updates a second during a stroke", "0", f"{statistics.median(figures['rates']):.0f}", "20"],
        ["the same of all layers, Inside open", "", f"{statistics.median(figures['inside rates']):.0f}", "15"],
        ["bytes of the largest of those updates", "", f"{figures['inside bytes']:,}", "24,000"],
        ["pointer-up to final answer", f"{stock:.0f} ms", f"{ours:.0f} ms", "a tenth of stock"],
        ["bytes sent for 40 updates of a stroke", "", f"{max(figures['bytes'], default=0):,.0f}", "31,360"],
        [
            "the page's answer is Python's to the same strokes",
            "",
            f"{100 * np.mean(agreed):.1f} % of {len(agreed)}",
            "99 %",
        ],
        ["ready to draw", middle(stock_ready), middle(ready), "2,500 ms, and stock"],
        ["start, over imports and an empty page", "", f"{figures['start']:.2f} times", "1.25 times"],
    ]


def middle(times: Sequence[float]) -> str:
    """Return the median of those milliseconds, with its standard error if they were normally distributed."""
    error = math.sqrt(math.pi / 2 / len(times)) * statistics.stdev(times)
    return f"{statistics.median(times):.0f} ± {error:.0f} ms"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description="Our page against the stock one.")
    parser.add_argument("--digits", type=int, default=300, metavar="N", help="digits whose live answers are checked")
    parser.add_argument("--strokes", type=Path, metavar="FILE", help="stroke file to draw them from")
    parser.add_argument(
        "--before", type=Path, metavar="FOLDER", help="only compare strokes with another checkout's page"
    )
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    try:
        if options.digits < 1:
            raise ValueError(f"--digits must be at least 1, not {options.digits}")
        if options.before and not (options.before / OURS[0]).is_file():
            raise ValueError(f"--before {options.before} is not a checkout of this project")
        written = read_written(options.strokes) if options.strokes else []
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.before:
        both = asyncio.run(before_and_after(options.before))
        print(machine(), end="\n\n")
        print(table(["what", "before", "after"], compared(both)))
        write_json(options.json, dict(zip(("before", "after"), both, strict=True)))
        return 0
    figures = asyncio.run(measure(options.digits, written))
    print(machine(), end="\n\n")
    print(table(["what", "stock", "ours", "target"], rows(figures)))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    commandline.run(main)
