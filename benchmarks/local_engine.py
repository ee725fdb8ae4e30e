"""Measure the page that needs no server, in real Chromium: `python -m benchmarks.local_engine`.

`mnist_demo.site` writes the page into a folder, and `python -m http.server` serves it. The networks run in a worker of
the page; a time includes the way to it and back. As that server does not compress, bytes are those of the requested
files after gzip -6.
"""

import argparse
import asyncio
import base64
import gzip
import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.live import OURS, during, open_page
from benchmarks.pages import ROOT, files_served, free_port, launched
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo import commandline, site
from mnist_demo.data.mnist import load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

GOLDEN = ROOT / "tests" / "web" / "drawings.jsonl.gz"
BATCH = 50  # digits in a question: the most is 64
LOADS = 20
NAMES = tuple(MODELS)
STROKE = {"width": 20, "erase": False, "points": [80, 60, 200, 60, 130, 230]}  # a seven
STORED = f"sessionStorage.setItem('mnist-demo.drawing', '{json.dumps([STROKE])}')"
NET_ANSWERS = "document.querySelector('[data-model=net] [data-answer]')?.dataset.answer === '7' && performance.now()"
ENGINE = """async (names) => {  // an engine with these networks, and test digits
  const web = new URL("web/", location);
  const { localEngine } = await import(new URL("engine/local.js", web));
  Object.assign(window, await import(new URL("images.js", web)));
  const { networks } = await (await fetch(new URL("settings.json", web))).json();
  const wanted = networks.filter(({ name }) => names.includes(name));
  window.local = localEngine(wanted.map(({ name, weights }) => ({ name, address: new URL(weights, web).href })));
  await local.prepare();
}"""
READ = """async (digits) => (await local.read(digits.map(bytes))).readings.map((one) =>
  Object.values(one).map(({ answer, probabilities }) => [answer ?? -1, ...probabilities]))"""
TIMES = """async (digits) => {  // ms of a reading, of all layers, and of the evidence, for each digit
  const times = { read: [], trace: [], why: [] };
  for (const digit of digits) {
    const start = performance.now();
    const { readings: [reading] } = await local.read([bytes(digit)]);
    times.read.push(performance.now() - start);
    const [network, { probabilities }] = Object.entries(reading)[0];
    const [answer, rival] = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    for (const [name, about] of [["trace", {}], ["why", { answer, rival }]]) {
      const start = performance.now();
      await local[name]({ network, digit, ...about });
      times[name].push(performance.now() - start);
    }
  }
  return times;
}"""
WARM_UP, TIMED = 20, 200  # digits

Digits = NDArray[np.uint8]  # (N, 784)
Figures = dict[str, Any]


def encoded(digits: Digits) -> list[str]:
    return [base64.b64encode(digit.tobytes()).decode() for digit in digits]


def golden_digits() -> Digits:
    """Return the digits of the golden drawings that have any ink."""
    lines = (json.loads(line)["digit"] for line in gzip.decompress(GOLDEN.read_bytes()).splitlines())
    return np.stack([np.frombuffer(base64.b64decode(digit), np.uint8) for digit in lines if digit])


def split(digits: Digits) -> Iterable[Digits]:
    return np.array_split(digits, -(-len(digits) // BATCH))


def by_pytorch(digits: Digits) -> NDArray[np.float64]:
    """Return (N, networks, 11): the answer, -1 if it is rejected, and the probabilities."""
    networks, read = [Classifier.load(name) for name in NAMES], []
    for part in split(digits):
        images = part.reshape(-1, 28, 28).astype(np.float32) / np.float32(255)
        for_each = [network.read_images(images) for network in networks]
        read += [
            [[-1 if one.answer is None else one.answer, *one.probabilities] for one in readings]
            for readings in zip(*for_each, strict=True)
        ]
    return np.array(read, float)


async def agreement(page: Page, digits: Digits) -> Figures:
    """Return by network how many answers are PyTorch's, and by how much a probability differs at most."""
    await page.evaluate(ENGINE, NAMES)
    here = np.concatenate([await page.evaluate(READ, encoded(part)) for part in split(digits)])
    wanted = by_pytorch(digits)
    same, apart = here[..., 0] == wanted[..., 0], np.abs(here - wanted)[..., 1:].max(axis=(0, 2))
    return {
        name: {"same": int(same[:, at].sum()), "of": len(digits), "apart": float(apart[at])}
        for at, name in enumerate(NAMES)
    }


async def times(page: Page, digits: Digits) -> Figures:
    """Return the ms of each question, for each network alone and for both."""
    taken: Figures = {}
    for names in (*((name,) for name in NAMES), NAMES):
        await page.evaluate(ENGINE, names)
        await page.evaluate(TIMES, encoded(digits[-WARM_UP:]))
        taken[" and ".join(names)] = await page.evaluate(TIMES, encoded(digits[:TIMED]))
    return taken


async def requested(browser: Browser, address: str, folder: Path) -> dict[str, int]:
    """Return the gzipped bytes of each file that a visit asks for, which ends in Report's digits and Inside's."""
    context = await browser.new_context(service_workers="block")  # it would ask for all files again, from the cache
    page = await context.new_page()
    files: dict[str, int] = {}

    def note(url: str) -> None:
        file = folder / (url.split("?")[0].removeprefix(address) or "index.html")
        files[str(file.relative_to(folder))] = len(gzip.compress(file.read_bytes(), 6))

    context.on("request", lambda request: note(request.url))
    await page.add_init_script(STORED)
    await page.goto(address)
    await page.wait_for_function(NET_ANSWERS)
    await page.locator("#gallery .tiles li").first.wait_for()
    await page.click("[data-lens=report][role=tab]")
    await page.click("[data-cell=net-9-4]")
    await page.locator("#report .tiles li").first.wait_for()
    await page.click("[data-lens=inside][role=tab]")
    await page.click("[data-network=net]")
    await page.locator("[data-neighbour]").first.wait_for()
    await context.close()
    return files


def transferred(files: dict[str, int]) -> list[str]:
    """Return the MB of Net's first answer, then also of ConvNet, of samples and the Report, of similar digits."""
    parts = ("", "convnet", "web/site/.*(bin|json)", "web/site/(nearest|training)")
    sizes = [0] * len(parts)
    for name, size in files.items():
        sizes[max(at for at, part in enumerate(parts) if re.search(part, name))] += size
    return [f"{size / 1e6:.2f}" for size in np.cumsum(sizes)]


async def first_answers(browser: Browser, address: str) -> list[float]:
    """Return the ms from navigation, with a cold cache, until Net has answered a stored stroke."""
    taken = []
    for _ in range(LOADS):
        page = await browser.new_page()
        await page.add_init_script(STORED)
        await page.goto(address)
        taken.append(float(await (await page.wait_for_function(NET_ANSWERS)).json_value()))
        await page.context.close()
    return taken


async def measure(folder: Path, count: int) -> Figures:
    """Return all results for the first `count` test digits, and the golden drawings."""
    digits, port = load_mnist("test").images.numpy().reshape(-1, 784)[:count], free_port()
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        with files_served(folder, port) as server:
            address = f"{server.address}/"
            figures: Figures = {"first answer": await first_answers(browser, address)}
            figures["files"] = await requested(browser, address, folder)
            visit = await open_page(browser, OURS, address)
            figures |= await during(visit)
            figures["times"] = await times(visit.page, digits)
            figures["test digits"] = await agreement(visit.page, digits)
            figures["golden drawings"] = await agreement(visit.page, golden_digits())
        await browser.close()
    return figures


def rows(figures: Figures) -> list[list[str]]:
    """Return the rows of the table: what, ConvNet, Net, both, target."""
    lines = []
    for digits in ("test digits", "golden drawings"):
        told = [figures[digits][name] for name in NAMES]
        same = [f"{one['same']:,} of {one['of']:,}" for one in told]
        lines.append([f"{digits}: the answer is PyTorch's", *same, "", "9,995 of 10,000"])
        apart = [f"{one['apart']:.5f}" for one in told]
        lines.append([f"{digits}: largest difference of a probability", *apart, "", "0.002"])
    taken, (first, *more) = figures["times"], transferred(figures["files"])
    one, other, both = ({name: middle(ms) for name, ms in taken[networks].items()} for networks in taken)
    return [
        *lines,
        ["a reading at four shifts, ms", one["read"], other["read"], both["read"], "5"],
        ["all layers, ms", one["trace"], other["trace"], "", "4"],
        ["evidence, ms", one["why"], other["why"], "", "150"],
        ["pointer event to changed bars, ms", "", "", middle(figures["delays"]), "16"],
        ["updates a second during a stroke", "", "", f"{np.median(figures['rates']):.0f}", "50"],
        ["from navigation to Net's answer, ms", "", middle(figures["first answer"]), "", "1,000"],
        ["MB that Net's first answer needs", "", first, "", "0.4"],
        ["the same, then with ConvNet", "", "", more[0], "2"],
        ["then with 1,000 samples and the digits of the Report", "", "", more[1], "3"],
        ["then with Net's most similar training digits", "", "", more[2], ""],
    ]


def middle(times: list[float]) -> str:
    """Return the median and the 95th percentile of those milliseconds."""
    return " / ".join(f"{time:.1f}" for time in np.percentile(times, [50, 95]))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_engine", description="The page without a server.")
    parser.add_argument(
        "--digits", type=int, default=10_000, metavar="N", help="test digits whose answers are compared"
    )
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    try:
        if not 1 <= options.digits <= 10_000:
            raise ValueError(f"--digits must be from 1 to 10000, not {options.digits}")
        with tempfile.TemporaryDirectory() as folder:
            site.main([f"{folder}/site"])
            figures = asyncio.run(measure(Path(folder) / "site", options.digits))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(machine(), end="\n\n")
    print(table(["what", "ConvNet", "Net", "both", "target"], rows(figures)))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    commandline.run(main)
