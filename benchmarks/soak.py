"""Mixed use for as long as one likes, and what the server holds meanwhile: `python -m benchmarks.soak --minutes 30`.

People draw, open and leave pages, look at the gallery and inside, have networks trained and leave them, and send
nonsense; programs upload pictures and call, and fetch what comes of it, or not. Memory, threads, open handles and
temporary files are counted all along.
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

PEOPLE = 32  # who draw at a time: on two cores, half of what can be served
STAY = 10.0  # seconds that one draws
LESSON = 60.0  # seconds from one training to the next, which is left alone after its begin
SETTLED = 0.2  # of the whole time, after which what is held should grow no more
LOOKS = 20  # at what the server holds
NONSENSE = (b"", b"{", b"[" * 10_000, b'{"digit": 1, "hard": 7}', b"x" * 300_000)
API = "/gradio_api"
SEVEN = digit_of(growing(7)[-1])
ASSETS = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/static/img/logo_nosize.svg", "/nowhere")


class Held(NamedTuple):
    """What the server holds."""

    minute: float
    megabytes: float
    threads: int
    handles: int
    files: int  # in its temporary folder


def held(server: Server, folder: Path, start: float) -> Held:
    """What it holds now; zeros where the system does not tell."""
    place = Path(f"/proc/{server.process.pid}")
    threads, handles = (len(list(place.glob(f"{kind}/*"))) for kind in ("task", "fd"))
    files = sum(path.is_file() for path in folder.rglob("*"))
    return Held((time.perf_counter() - start) / 60, memory(server.process.pid), threads, handles, files)


async def draw_again(address: str, seed: int, end: float, tally: Tally) -> None:
    """One person after the other draws for a while, and leaves."""
    while (now := time.perf_counter()) < end:
        await person(OurVisitor(address, seed), now, min(now + STAY, end), tally)
        seed += PEOPLE


async def look_around(address: str, end: float, tally: Tally) -> None:
    """Opens pages, looks at the gallery, sends nonsense, and breaks off in between."""
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
    """Uploads a picture, which is used or not, and calls the API, whose outcome is fetched or not."""
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
    """Begins a training now and then, and leaves the page."""
    wanted = json.dumps({"network": "net", "recipe": "fast", "values": {}}).encode()
    while time.perf_counter() < end:
        connection = Connection(address)
        await asked(connection, tally, "POST", f"{ENGINE}begin", wanted)
        connection.close()
        await asyncio.sleep(min(LESSON, max(0.0, end - time.perf_counter())))


async def asked(
    connection: Connection, tally: Tally, method: str, path: str, body: bytes = b"", kind: str = JSON
) -> bytes:
    """What the server answers where it does as asked. Counts an error where it fails."""
    try:
        status, answer = await connection.send(method, path, body, kind)
        tally.errors += status >= 500 and status != 503
        return answer if status == 200 else b""
    except (OSError, EOFError, ValueError):
        connection.close()  # the server hangs up on a body that is too long
        return b""


async def soak(server: Server, folder: Path, minutes: float) -> tuple[Tally, list[Held]]:
    """What people got in so many minutes, and what the server held meanwhile."""
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
    """What became of it all."""
    settled = looks[math.ceil(SETTLED * len(looks)) - 1]
    growth = 100 * (looks[-1].megabytes / settled.megabytes - 1)
    return (
        f"{tally.in_time} answers to drawings, {tally.busy} times busy, {tally.errors} errors. From minute "
        f"{settled.minute:.1f} to {looks[-1].minute:.1f}, memory grew by {growth:.1f} %."
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 2 where it asks for what cannot be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Mixed use, and what it leaves.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="how long (1)")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="write what was held there too")
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
