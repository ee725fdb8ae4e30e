"""Measure how live our page is at a distance from its server: `python -m benchmarks.distance`.

The server is on the same machine, behind a relay that delays all data by half a round trip each way. Chromium is real,
and its pointer moves 60 times a second.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from playwright.async_api import async_playwright

from benchmarks.far import far
from benchmarks.live import OURS, UNCOUNTED, during, open_page
from benchmarks.pages import launched, served
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo import commandline

ROUND_TRIPS = (0, 50, 150, 300)  # ms
MAX_WAIT_MS = 450  # ms: the strokes do not wait longer


async def measure(round_trips: Sequence[int]) -> list[dict[str, Any]]:
    """Return what `benchmarks.live` measures during strokes, at each of those round trips, in ms."""
    figures = []
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        with served(*OURS, environment=UNCOUNTED) as ours:
            for round_trip in round_trips:
                with far(ours, round_trip / 1000) as address:
                    visit = await open_page(browser, OURS, address)
                    figures.append({"round trip": round_trip} | await during(visit))
                    await visit.page.context.close()
        await browser.close()
    return figures


def rows(figures: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the table."""
    return [
        [
            f"{one['round trip']}",
            f"{statistics.median(one['rates']):.0f} ({min(one['rates']):.0f} to {max(one['rates']):.0f})",
            " / ".join(f"{taken:.0f}" for taken in np.percentile(one["taken"], [50, 95])),
            " / ".join(f"{delay:.0f}" for delay in np.percentile(one["delays"], [50, 95])),
            f"{statistics.median(one['finals']):.0f}",
        ]
        for one in figures
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distance", description="The page, far from its server.")
    parser.add_argument("--ms", type=int, nargs="+", default=ROUND_TRIPS, metavar="MS", help="round trips")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    if not 0 <= min(options.ms) <= max(options.ms) <= MAX_WAIT_MS:
        print(f"error: --ms must be 0 to {MAX_WAIT_MS}", file=sys.stderr)
        return 2
    try:
        figures = asyncio.run(measure(options.ms))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(machine(), end="\n\n")
    header = ["round trip, ms", "updates a second", "to an answer, ms", "pointer to bars, ms", "pointer-up to last, ms"]
    print(table(header, rows(figures)))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    commandline.run(main)
