"""Measure what the server holds during mixed use: `python -m benchmarks.soak --minutes 30`.

Users draw, open and leave pages, look at the gallery and inside, start to train networks and leave, and send invalid
requests. Programs upload pictures and call endpoints, and may not fetch the outcomes. Memory, threads, open handles and
temporary files are counted throughout.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.crowd import BYTES, ENGINE, JSON, READ, Connection, OurVisitor, Tally, digit_of, growing, person
from benchmarks.load import memory
from benchmarks.pages import ROOT, Server, started
from benchmarks.report import json_file, machine, table, write_json

PEOPLE = 32  # users who draw at a time: half of what two cores can serve
STAY = 10.0  # seconds that a user draws
LESSON = 60.0  # seconds between the starts of two trainings, each abandoned at once
SETTLED = 0.2  # of the whole time, after which memory should not grow
LOOKS = 20  # number of samples of what the server holds
NONSENSE = (b"", b"{", b"[" * 10_000, b'{"digit": 1, "hard": 7}', b"x" * 300_000)
API = "/gradio_api"
SEVEN = digit_of(growing(7)[-1])
ASSETS = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/static/img/logo_nosize.svg", "/nowhere")


class Held(NamedTuple):
    """What the server holds at a time."""

    minute: float
    megabytes: float
    threads: int
    handles: int
    files: int  # in its temporary folder


def held(server: Server, folder: Path, start: float) -> Held:
    """Return what the server holds now; zeros if the system does not report it."""
    place = Path(f"/proc/{server.process.pid}")
    threads, handles = (len(list(place.glob(f"{kind}/*"))) for kind in ("task", "fd"))
    files = sum(path.is_file() for path in folder.rglob("*"))
    return Held((time.perf_counter() - start) / 60, memory(server.process.pid), threads, handles, files)


async def draw_again(address: str, seed: int, end: float, tally: Tally) -> None:
    """Let one user after the other draw for a while and leave."""
    while (now := time.perf_counter()) < end:
        await person(OurVisitor(address, seed), now, min(now + STAY, end), tally)
        seed += PEOPLE


async def look_around(address: str, end: float, tally: Tally) -> None:
    """Open pages, look at the gallery, send invalid requests, and disconnect in between."""
    chance = random.Random(0)
    while time.perf_counter() < end:
        connection = Connection(address)
        wanted = {"digit": chance.randrange(10), "hard": chance.random() < 0.5}
        about = {"network": chance.choice(("convnet", "net")), "digit": base64.b64encode(SEVEN).decode()}
        for path in ASSETS:
            await asked(connection, tally, "GET", path)
        for body in (*NONSENSE, json.dumps(wanted).encode()):
            await asked(connection, tally, "POST", f"{ENGINE}samples", body)
        await asked(connection, tally, "POST", f"{ENGINE}trace", json.dumps(about).encode())
        await asked(connection, tally, "POST", READ, bytes(chance.randrange(2000)), BYTES)
        broken = Connection(address)
        with contextlib.suppress(TimeoutError, OSError, EOFError):
            await asyncio.wait_for(broken.send("POST", READ, SEVEN, BYTES), 0.002)
        connection.close()
        await asyncio.sleep(0.2)


async def call_as_programs_do(address: str, end: float, tally: Tally) -> None:
    """Upload pictures and call endpoints, using only some uploads and fetching only some outcomes."""
    picture, strokes = (ROOT / "docs" / "seven.png").read_bytes(), [[[80, 60], [200, 60], [130, 230]]]
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + picture + b"\r\n--x--\r\n"
    tool = {"name": "read", "arguments": {"image": base64.b64encode(picture).decode()}}
    while time.perf_counter() < end:
        connection = Connection(address)
        for name, data in (("read_strokes", [strokes]), ("why", [strokes, None, "net"]), ("samples", [4])):
            begun = await asked(connection, tally, "POST", f"{API}/call/{name}", json.dumps({"data": data}).encode())
            if name != "why" and begun:
                await asked(connection, tally, "GET", f"{API}/call/{name}/{json.loads(begun).get('event_id')}")
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": tool}
        await asked(connection, tally, "POST", f"{API}/mcp/", json.dumps(message).encode())
        await asked(connection, tally, "POST", f"{API}/upload", form, "multipart/form-data; boundary=x")
        connection.close()
        await asyncio.sleep(1)


async def have_networks_trained(address: str, end: float, tally: Tally) -> None:
    """Start a training now and then, and leave the page."""
    wanted = json.dumps({"network": "net", "recipe": "fast", "values": {}}).encode()
    while time.perf_counter() < end:
        connection = Connection(address)
        await asked(connection, tally, "POST", f"{ENGINE}begin", wanted)
        connection.close()
        await asyncio.sleep(min(LESSON, max(0.0, end - time.perf_counter())))


async def asked(
    connection: Connection, tally: Tally, method: str, path: str, body: bytes = b"", kind: str = JSON
) -> bytes:
    """Return the body of a successful answer, else nothing. Counts an error if the server fails."""
    try:
        status, answer = await connection.send(method, path, body, kind)
        tally.errors += status >= 500 and status != 503
        return answer if status == 200 else b""
    except (OSError, EOFError, ValueError):
        connection.close()  # the server disconnects if a body is too long
        return b""


async def soak(server: Server, folder: Path, minutes: float) -> tuple[Tally, list[Held]]:
    """Return the users' answers over that many minutes, and what the server held meanwhile."""
    tally = Tally()
    start = time.perf_counter()
    end = start + 60 * minutes
    people = [asyncio.create_task(draw_again(server.address, seed, end, tally)) for seed in range(PEOPLE)]
    for others in (look_around, call_as_programs_do, have_networks_trained):
        people.append(asyncio.create_task(others(server.address, end, tally)))
    looks = []
    for number in range(1, LOOKS + 1):
        await asyncio.sleep(max(0.0, start + 60 * minutes * number / LOOKS - time.perf_counter()))
        looks.append(held(server, folder, start))
    await asyncio.gather(*people)
    return tally, looks


def summary(tally: Tally, looks: Sequence[Held]) -> str:
    """Return the result in one paragraph."""
    settled = looks[math.ceil(SETTLED * len(looks)) - 1]
    growth = 100 * (looks[-1].megabytes / settled.megabytes - 1)
    return (
        f"{tally.in_time} answers to drawings, {tally.busy} times busy, {tally.errors} errors. From minute "
        f"{settled.minute:.1f} to {looks[-1].minute:.1f}, memory grew by {growth:.1f} %."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 for invalid options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Mixed use, and what it leaves.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="duration (default: 1)")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    if not 0.1 <= options.minutes <= 24 * 60:
        print("error: --minutes must be 0.1 to 1440", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        environment = {"TMPDIR": name, "GRADIO_TEMP_DIR": f"{name}/gradio"}
        with started("app.py", environment=environment) as server:
            tally, looks = asyncio.run(soak(server, Path(name), options.minutes))
    print(machine(), end="\n\n")
    rows = [[f"{one.minute:.1f}", f"{one.megabytes:.0f}", *map(str, one[2:])] for one in looks]
    print(table(["minute", "MB", "threads", "handles", "temporary files"], rows), summary(tally, looks), sep="\n\n")
    write_json(options.json, [one._asdict() for one in looks])
    return 0


if __name__ == "__main__":
    sys.exit(main())
