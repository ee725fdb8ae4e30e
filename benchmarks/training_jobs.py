"""Measure what a training costs other users, and how soon it is seen: `python -m benchmarks.training_jobs`.

Users draw, as in `benchmarks.load`, before and while another user trains a network. That user's page follows it with
six requests a second, and reads the drawing again each time. This machine serves the page, trains, and simulates the
users.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.crowd import BYTES, ENGINE, READ, Connection, OurVisitor, crowd, digit_of, growing
from benchmarks.load import Figures, told
from benchmarks.pages import started
from benchmarks.report import json_file, machine, table, write_json
from mnist_demo.model.networks import MODELS

PEOPLE = 4
SECONDS = 6.0  # of drawing, per measurement
WARM = 1.0  # seconds of drawing before the measurement
READY = 10.0  # seconds that the lens was open before Start is pressed
EVERY = 0.15  # seconds between two requests for a training's progress
MAX_FIRST_STEP_SECONDS = 120.0  # seconds, the timeout of the first step
FOUR = digit_of(growing(4)[-1])


class Pupil:
    """The user who trains a network."""

    def __init__(self, address: str) -> None:
        self.connection = Connection(address)
        self.key = ""

    async def call(self, function: str, data: object) -> Any:
        """Return the answer of the server's function. Raises OSError if there is none."""
        status, body = await self.connection.send("POST", f"{ENGINE}{function}", json.dumps(data).encode())
        if status != 200:
            raise OSError(f"{function} is answered by {status}: {body.decode(errors='replace')}")
        return json.loads(body)

    async def begin(self, model: str, recipe: str) -> float:
        """Press Start; return the seconds until the first step is seen. Raises OSError if there is none."""
        start = time.perf_counter()
        begun = await self.call("begin", {"network": model, "recipe": recipe})
        if "key" not in begun:
            raise OSError(f"no training started: {begun}")
        self.key = begun["key"]
        while not (run := await self.call("follow", {"key": self.key}))["steps"]:
            if (
                run["state"] not in ("waiting", "starting", "training")
                or time.perf_counter() - start > MAX_FIRST_STEP_SECONDS
            ):
                raise OSError(f"no first step: {run}")
            await asyncio.sleep(EVERY)
        return time.perf_counter() - start

    async def follow(self) -> None:
        """Follow the training as the page does, forever."""
        since = looks = 0
        while True:
            run = await self.call("follow", {"key": self.key, "since": since})
            since += len(run["steps"])
            if run["looks"] > looks:
                looks = run["looks"]
                await self.connection.send("POST", f"{READ}?yours={self.key}", FOUR, BYTES)
            await asyncio.sleep(EVERY)

    async def leave(self) -> None:
        """Drop the network."""
        await self.call("forget", {"key": self.key})


async def measured(address: str, people: int, seconds: float) -> list[Figures]:
    """Return for each network the users' waiting times before and during a training, and the time to its first step."""
    await crowd([OurVisitor(address, 0)], WARM)
    figures = []
    for model in MODELS:
        pupil = Pupil(address)
        before = told(await crowd([OurVisitor(address, seed) for seed in range(people)], seconds), seconds)
        cold = await pupil.begin(model, "fast")
        await pupil.leave()
        await pupil.call("prepare", {})
        await asyncio.sleep(READY)
        warm = await pupil.begin(model, "tutorial")
        following = asyncio.create_task(pupil.follow())
        during = told(await crowd([OurVisitor(address, seed) for seed in range(people)], seconds), seconds)
        following.cancel()
        await asyncio.wait([following])
        await pupil.leave()
        figures.append({"model": model, "before": before, "during": during, "cold": cold, "warm": warm})
    return figures


def rows(figures: list[Figures]) -> list[list[str]]:
    """Return the rows of the table."""

    def times(one: Figures) -> str:
        return f"{one['median']:.0f} / {one['late']:.0f} / {one['latest']:.0f}"

    return [
        [
            one["model"],
            times(one["before"]),
            times(one["during"]),
            f"{np.divide(one['during']['late'], one['before']['late']):.1f}",
            f"{one['before']['busy'] + one['during']['busy']} / {one['before']['errors'] + one['during']['errors']}",
            f"{one['warm']:.1f} / {one['cold']:.1f}",
        ]
        for one in figures
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training_jobs", description="What a training costs other users."
    )
    parser.add_argument("--people", type=int, default=PEOPLE, metavar="N", help="number of users who draw meanwhile")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="drawing time per measurement")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    if not 1 <= options.people <= 100 or not 0.5 <= options.seconds <= 60:
        print("error: --people must be 1 to 100, --seconds 0.5 to 60", file=sys.stderr)
        return 2
    try:
        with started("app.py", environment={"MNIST_DEMO_TRAIN": "1"}) as server:
            figures = asyncio.run(measured(server.address, options.people, options.seconds))
    except (OSError, EOFError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(machine(), end="\n\n")
    header = [
        "trained",
        "before, ms, 50th / 95th / 99th",
        "during",
        "95th, ratio",
        "busy / errors",
        "first step, s, ready / not",
    ]
    print(table(header, rows(figures)))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
