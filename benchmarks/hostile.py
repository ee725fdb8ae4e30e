"""One hostile client beside twenty people: `python -m benchmarks.load --hostile`.

The attack runs in a process of its own, from one address of this machine; each person draws from another. Beside them
somebody uses the gallery, Inside, photos and the API, one after the other, and keeps a trained network.
"""

import asyncio
import base64
import io
import json
import math
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.crowd import BYTES, ENGINE, JSON, READ, Connection, OurVisitor, crowd, digit_of, growing
from benchmarks.pages import ROOT, Server
from mnist_demo.server.engine import MAX_DIGITS

PEOPLE = 20
ATTACKER, USER = "127.0.0.2", "127.0.0.3"
FIRST_PERSON = 10  # the last number of the address of the first one
LEAD = 1.0  # seconds that an attack has begun before anybody is measured
SOON = 2.0  # seconds in which each use should be answered
CALL = "/gradio_api/call/read_strokes"

SEVEN = digit_of(growing(7)[-1])
ABOUT = {"network": "net", "digit": base64.b64encode(SEVEN).decode()}
TRAINING = {"network": "net", "recipe": "fast", "values": {"epochs": 1, "batch_size": 2048}}
ZIGZAG = [[[x, (x % 2) * 280] for x in range(70)]]  # strokes of nearly as much line as is allowed

Figures = dict[str, Any]


async def asked(one: Connection, path: str, body: bytes | None = None, kind: str = JSON) -> tuple[int, bytes]:
    """Return the status and the content of an answer; status 0 if none comes."""
    try:
        return await one.send("GET" if body is None else "POST", path, body or b"", kind)
    except (OSError, EOFError, ValueError):
        return 0, b""


def encoded(**values: Any) -> bytes:
    return json.dumps(values).encode()


def picture(size: int) -> bytes:
    """Return a square picture of a thick cross, as a PNG."""
    paper = np.full((size, size), 255, np.uint8)
    paper[size // 3 : size // 2], paper[:, size // 3 : size // 2] = 0, 0
    paper[::7, ::5] = 100
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "PNG")
    return file.getvalue()


def photo(size: int) -> bytes:
    """Return the request for the ink of such a picture."""
    return encoded(picture=base64.b64encode(picture(size)).decode())


def upload() -> tuple[bytes, str]:
    """Return a tiny upload, and its content type."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    return head + picture(30) + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def repeat(path: str, body: bytes | None = None, kind: str = JSON) -> Callable[[Connection], Awaitable[Any]]:
    """Return an attack that sends one request after the other."""

    async def once(one: Connection) -> None:
        await asked(one, path, body, kind)

    return once


async def leave_photo(one: Connection) -> None:
    """Ask for the ink of a costly picture, and leave after a second."""
    try:
        await asyncio.wait_for(one.send("POST", f"{ENGINE}ink_of_photo", COSTLY), 1)
    except (OSError, EOFError, ValueError, TimeoutError):
        one.close()


async def begin_and_stop(one: Connection) -> None:
    """Begin a training and stop it."""
    status, content = await asked(one, f"{ENGINE}begin", json.dumps(TRAINING).encode())
    if status == 200:
        await asyncio.sleep(0.1)
        await asked(one, f"{ENGINE}stop", encoded(key=json.loads(content)["key"]))
    await asyncio.sleep(0.1)


async def strokes_of_api(one: Connection) -> None:
    """Call the API with the longest strokes, and fetch what comes of it."""
    status, content = await asked(one, CALL, encoded(data=[ZIGZAG]))
    if status == 200:
        await asked(one, f"{CALL}/{json.loads(content)['event_id']}")


COSTLY = photo(3900)
ATTACKS: Mapping[str, tuple[int, Callable[[Connection], Awaitable[Any]] | None]] = {  # connections, and what each does
    "none": (0, None),
    "the most digits": (64, repeat(READ, SEVEN * MAX_DIGITS, BYTES)),
    "the longest strokes, API": (64, strokes_of_api),
    "/config": (100, repeat("/config")),
    "the smallest drawings": (64, repeat(READ, SEVEN, BYTES)),
    "/": (100, repeat("/")),
    "why": (40, repeat(f"{ENGINE}why", encoded(**ABOUT, answer=7, rival=1))),
    "photos, left after 1 s": (32, leave_photo),
    "uploads": (2, repeat("/gradio_api/upload", *upload())),
    "trainings begun and stopped": (1, begin_and_stop),
}


async def attack(address: str, name: str) -> None:
    """Attack until ended."""
    count, once = ATTACKS[name]

    async def persist() -> None:
        one = Connection(address, ATTACKER)
        while once is not None:
            await once(one)

    await asyncio.gather(*(persist() for _ in range(count)))


@dataclass
class User:
    """A user of everything but the pad, and how long the slowest answers took."""

    address: str
    slowest: dict[str, float] = field(default_factory=dict)  # seconds, by use; infinite if it was refused
    refused: int = 0

    async def use(self, end: float) -> None:
        """Send all requests in turn until `end`."""
        one, (form, kind) = Connection(self.address, USER), upload()
        uses: dict[str, tuple[str, bytes, str]] = {
            "gallery": (f"{ENGINE}samples", encoded(digit=None, hard=False), JSON),
            "Inside": (f"{ENGINE}why", encoded(**ABOUT, answer=7, rival=1), JSON),
            "photo": (f"{ENGINE}ink_of_photo", photo(600), JSON),
            "upload": ("/gradio_api/upload", form, kind),
        }
        while time.perf_counter() < end:
            for name, question in uses.items():
                await self._time(name, asked(one, *question))
            await self._time("API", self._call(one))
            await asyncio.sleep(0.2)
        one.close()

    async def _call(self, one: Connection) -> tuple[int, bytes]:
        status, content = await asked(one, CALL, encoded(data=[[[[80, 60], [200, 60], [130, 230]]]]))
        if status != 200:
            return status, content
        status, content = await asked(one, f"{CALL}/{json.loads(content)['event_id']}")
        return (status, content) if b"event: complete" in content else (503, content)

    async def _time(self, name: str, answer: Awaitable[tuple[int, bytes]]) -> None:
        start = time.perf_counter()
        status, _ = await answer
        self.refused += status != 200
        self.slowest[name] = max(self.slowest.get(name, 0.0), time.perf_counter() - start)


async def train(address: str) -> str:
    """Train a network. Return its key."""
    one = Connection(address, USER)
    _, content = await asked(one, f"{ENGINE}begin", json.dumps(TRAINING).encode())
    key: str = json.loads(content)["key"]
    while (await state_of(one, key)) in ("waiting", "starting", "training"):
        await asyncio.sleep(0.2)
    one.close()
    return key


async def state_of(one: Connection, key: str) -> str:
    """Return the state of a training."""
    _, content = await asked(one, f"{ENGINE}follow", encoded(key=key))
    return str(json.loads(content)["state"])


@contextmanager
def attacked(address: str, name: str) -> Iterator[None]:
    """Run an attack in a process of its own."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.hostile", address, name], cwd=ROOT) as process:
        try:
            yield
        finally:
            process.kill()


async def suffered(page: str, server: Server, name: str, key: str, seconds: float) -> Figures:
    """Return what people and a user get during an attack."""
    with attacked(server.address, name):
        await asyncio.sleep(LEAD)
        visitors = [OurVisitor(server.address, n, f"127.0.0.{FIRST_PERSON + n}") for n in range(PEOPLE)]
        user = User(server.address)
        tally, _ = await asyncio.gather(crowd(visitors, seconds), user.use(time.perf_counter() + seconds))
    kept = await state_of(Connection(server.address, USER), key)
    late = 1000 * float(np.percentile(tally.times, 95)) if tally.times else math.inf
    figures = {"attack": name, "connections": ATTACKS[name][0], "page": page, "answers": tally.in_time / seconds}
    return figures | {
        "late": late, "busy": tally.busy + tally.errors, "slowest": user.slowest, "refused": user.refused,
        "kept": kept == "done",
    }  # fmt: skip


async def measure(servers: Mapping[str, Server], seconds: float, names: Sequence[str]) -> list[Figures]:
    """Return the figures of each attack on each page."""
    keys = {page: await train(server.address) for page, server in servers.items()}
    return [
        await suffered(page, server, name, keys[page], seconds) for name in names for page, server in servers.items()
    ]


HEADER = ["attack (connections)", "page", "answers/s", "95th, ms", "503", "slowest use, s", "refused", "network kept"]


def rows(figures: Sequence[Figures]) -> list[list[str]]:
    """Return the rows of the table."""
    return [
        [
            f"{one['attack']} ({one['connections']})", one["page"], f"{one['answers']:.0f}", f"{one['late']:.0f}",
            f"{one['busy']}", " ".join(f"{name} {seconds:.1f}" for name, seconds in one["slowest"].items()),
            f"{one['refused']}", "yes" if one["kept"] else "no",
        ]
        for one in figures
    ]  # fmt: skip


if __name__ == "__main__":
    asyncio.run(attack(*sys.argv[1:]))
