"""Compare our page with Gradio's stock one under many users, over HTTP: `python -m benchmarks.load`.

Each user draws at ten updates a second, has one request in flight, and sends the newest drawing next, as the page does.
This machine serves both pages and simulates the users.
"""

import argparse
import asyncio
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import hostile
from benchmarks.crowd import RATE, OurVisitor, StockVisitor, Tally, Visitor, crowd, editor_of, pictures
from benchmarks.pages import ROOT, Server, started
from benchmarks.report import json_file, machine, table, write_json

PEOPLE = (1, 5, 10, 20, 40, 80)
HEADER = ["people", "page", "answers a second", "ms, 50th / 95th / 99th", "busy", "errors", "MB before / after"]
SECONDS = 4.0  # of drawing, per measurement
WARM = 1.0  # seconds of drawing before the measurement
ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False"}

Figures = dict[str, Any]
Join = Callable[[int], Visitor]  # returns a user of a page, by number


class Stall:
    """A served page and its simulated users."""

    def __init__(self, name: str, server: Server, join: Join) -> None:
        self.name, self.server, self.join = name, server, join

    async def visited(self, people: int, seconds: float) -> Figures:
        """Return the results of that many users. Raises OSError if the server ends meanwhile."""
        process = self.server.process
        before = memory(process.pid)
        tally = await crowd([self.join(number) for number in range(people)], seconds)
        if process.poll() is not None:
            raise OSError(f"the {self.name} server ended with code {process.returncode}: {self.server.printed()}")
        return {
            "page": self.name,
            "people": people,
            "asked": people * RATE,
            **told(tally, seconds),
            "memory": [before, memory(process.pid)],
        }


def told(tally: Tally, seconds: float) -> Figures:
    """Return a tally as results: answers per second, their milliseconds, and failures."""
    times = 1000 * np.percentile(tally.times, [50, 95, 99]) if tally.times else np.full(3, math.inf)
    median, late, latest = times.tolist()
    return {
        "answers": tally.in_time / seconds,
        "median": median,
        "late": late,
        "latest": latest,
        "busy": tally.busy,
        "errors": tally.errors,
    }


def memory(process_id: int) -> float:
    """Return the megabytes that the process holds; NaN if the system does not report them."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:", 1)[1].split(None, 1)[0]) / 1024
    except (OSError, IndexError):
        return math.nan


async def measure(stalls: Sequence[Stall], people: Sequence[int], seconds: float) -> list[Figures]:
    """Return all results: each number of users on every page in turn, then twice as many as ours can serve."""
    for stall in stalls:
        await stall.visited(1, WARM)
    figures = [await stall.visited(number, seconds) for number in people for stall in stalls]
    ours = stalls[-1]
    twice = math.ceil(2 * ceiling(figures, ours.name) / RATE)
    return [*figures, await ours.visited(twice, seconds)]


def ceiling(figures: Sequence[Figures], name: str) -> float:
    """Return the most answers per second of the page of that name."""
    return max(float(one["answers"]) for one in figures if one["page"] == name)


def rows(figures: Sequence[Figures]) -> list[list[str]]:
    """Return the rows of the table."""
    return [
        [
            f"{one['people']}",
            str(one["page"]),
            f"{one['answers']:.0f} of {one['asked']}",
            f"{one['median']:.0f} / {one['late']:.0f} / {one['latest']:.0f}",
            f"{one['busy']}",
            f"{one['errors']}",
            " / ".join(f"{held:.0f}" for held in one["memory"]),
        ]
        for one in figures
    ]


def summary(figures: Sequence[Figures]) -> str:
    """Return the ceilings, and the share of ours that is left at twice its ceiling."""
    *steady, over = figures
    ours, stock = ceiling(steady, "ours"), ceiling(steady, "stock")
    return (
        f"At the ceiling, answers a second: ours {ours:.0f}, stock {stock:.1f}, ratio {ours / stock:.1f}. "
        f"At twice ours ({over['people']} people): {over['answers']:.0f}, {over['answers'] / ours:.2f} of it."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Many users at once.")
    parser.add_argument("--people", type=int, nargs="+", default=PEOPLE, metavar="N", help="numbers of users at once")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="drawing time per measurement")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="also measure another checkout's page")
    parser.add_argument("--hostile", action="store_true", help=f"measure attacks on {hostile.PEOPLE} users instead")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    if min(options.people) < 1 or max(options.people) > 1000 or not 0.5 <= options.seconds <= 600:
        print("error: --people must be 1 to 1000, --seconds 0.5 to 600", file=sys.stderr)
        return 2
    if options.before and not (options.before / "app.py").is_file():
        print(f"error: --before {options.before} is not a checkout of this project", file=sys.stderr)
        return 2
    try:
        if options.hostile:
            figures = attacked_and_measured(options.seconds, options.before)
        else:
            figures = served_and_measured(options.people, options.seconds, options.before)
    except (OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(machine(), end="\n\n")
    if options.hostile:
        print(table(hostile.HEADER, hostile.rows(figures)))
    else:
        print(table(HEADER, rows(figures)), summary(figures), sep="\n\n")
    write_json(options.json, figures)
    return 0


def served_and_measured(people: Sequence[int], seconds: float, before: Path | None) -> list[Figures]:
    """Serve the pages side by side, and measure them."""
    drawn = pictures(5)

    async def measured(servers: Mapping[str, Server]) -> list[Figures]:
        editor = await editor_of(servers["stock"].address)

        def join_of(name: str, address: str) -> Join:
            if name == "stock":
                return lambda seed: StockVisitor(address, editor, seed, drawn)
            return lambda seed: OurVisitor(address, seed)

        stalls = [Stall(name, server, join_of(name, server.address)) for name, server in servers.items()]
        return await measure(stalls, people, seconds)

    with started("-m", "benchmarks.stock", environment=ENVIRONMENT) as stock, ours(before) as servers:
        return asyncio.run(measured({"stock": stock, **servers}))


def attacked_and_measured(seconds: float, before: Path | None) -> list[Figures]:
    """Serve our page, attack it, and measure what is left for others."""
    with ours(before) as servers:
        return asyncio.run(hostile.measure(servers, seconds, list(hostile.ATTACKS)))


@contextmanager
def ours(before: Path | None) -> Iterator[dict[str, Server]]:
    """Serve our page and, if given, that of another checkout. Yield the servers by name, ours last."""
    with ExitStack() as stack:
        folders = {"before": before.resolve()} if before else {}
        yield {
            name: stack.enter_context(started("app.py", environment=ENVIRONMENT, folder=folder))
            for name, folder in {**folders, "ours": ROOT}.items()
        }


if __name__ == "__main__":
    sys.exit(main())
