"""Simulated users who draw: the requests their browsers send, and the answers they get.

There are clients for our page and for Gradio's stock sketchpad.
"""

import asyncio
import contextlib
import io
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from mnist_demo.data.synthetic import write
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import Stroke, draw

RATE = 10  # updates per second and user
UPDATES = 20  # while a digit is drawn, from its first points to its last
HAND = 60  # points per second, of a pen
SIDE, STOCK_SIDE = 280, 800  # of the canvas, pixels
PAUSE = (0.3, 1.0)  # seconds until a client that got 503 tries again, as the page does
PATIENCE = 30.0  # seconds, the timeout of a request
JSON = "application/json"
BOUNDARY = "drawing"


@dataclass
class Tally:
    """The answers to the drawings of all users."""

    times: list[float] = field(default_factory=list)  # seconds to each answer
    in_time: int = 0  # answers that came while users still drew
    busy: int = 0  # answers of 503
    errors: int = 0


class Visitor(Protocol):
    """A user whose browser has one connection to the server."""

    async def ask(self, number: int) -> int:
        """Let the server read the drawing of that number; return the HTTP status. Raises OSError or EOFError without an
        answer.
        """
        ...

    def leave(self) -> None:
        """Close the connection."""
        ...


class Connection:
    """One connection to a server, opened when it is needed, and again after the server closed it."""

    def __init__(self, address: str, source: str | None = None) -> None:
        """Connect to a server's address, from that address of this machine."""
        url = urlsplit(address)
        self.host, self.port = url.hostname or "", url.port or 80
        self.source = (source, 0) if source else None
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: bytes = b"", kind: str = JSON) -> tuple[int, bytes]:
        """Return the status and the body of the answer. Raises OSError or EOFError if there is none."""
        try:
            return await asyncio.wait_for(self._exchange(method, path, body, kind), PATIENCE)
        except BaseException:
            self.close()
            raise

    async def _exchange(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        if self.streams is None or self.streams[0].at_eof():
            self.close()
            self.streams = await asyncio.open_connection(self.host, self.port, local_addr=self.source)
        reader, writer = self.streams
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: {kind}\r\n"
        writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return await received(reader)

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None


async def received(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, lowered = int(head.split(b" ", 2)[1]), head.lower()
    if b"content-length: " in lowered:
        length = int(lowered.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        return status, await reader.readexactly(length)
    parts = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return status, parts


ENGINE = "/engine/"
READ = f"{ENGINE}read"
BYTES = "application/octet-stream"


class OurVisitor:
    """A user of our page, which sends a digit of 784 bytes and gets readings."""

    def __init__(self, address: str, seed: int, source: str | None = None) -> None:
        self.connection = Connection(address, source)
        self.bodies = [digit_of(strokes) for strokes in growing(seed)]

    async def ask(self, number: int) -> int:
        status, _ = await self.connection.send("POST", READ, self.bodies[number % len(self.bodies)], BYTES)
        return status

    def leave(self) -> None:
        self.connection.close()


async def editor_of(address: str) -> int:
    """Return the number of the image editor on Gradio's stock page."""
    connection = Connection(address)
    _, body = await connection.send("GET", "/config")
    connection.close()
    return next(int(one["id"]) for one in json.loads(body)["components"] if one["type"] == "imageeditor")


CALL = "/gradio_api/component_server/"


class StockVisitor:
    """A user of Gradio's stock page, which uploads three pictures, queues an event, and waits for its end.

    A real browser makes three to six more uploads, which the answer does not wait for; they are left out.
    """

    def __init__(self, address: str, editor: int, seed: int, pictures: Sequence[bytes]) -> None:
        self.connection = Connection(address)
        self.editor = editor
        self.session = f"visitor{seed}"
        self.pictures = pictures

    async def ask(self, number: int) -> int:
        picture, name = self.pictures[number % len(self.pictures)], f"{self.session}-{number}"
        for kind, index in (("background", "null"), ("layer", "0"), ("composite", "null")):
            fields = {"type": kind, "index": index, "id": name, "component_id": self.editor, "fn_name": "accept_blobs"}
            body = form(fields | {"session_hash": self.session}, picture)
            status, _ = await self.connection.send("POST", CALL, body, f"multipart/form-data; boundary={BOUNDARY}")
            if status != 200:
                return status
        event = {"data": [{"id": name}], "fn_index": 0, "trigger_id": 1, "session_hash": self.session}
        status, _ = await self.connection.send("POST", "/gradio_api/queue/join?", json.dumps(event).encode())
        if status != 200:
            return status
        status, told = await self.connection.send("GET", f"/gradio_api/queue/data?session_hash={self.session}")
        return status if b'"success":true' in told else 500

    def leave(self) -> None:
        self.connection.close()


def form(fields: dict[str, object], picture: bytes) -> bytes:
    """Return a multipart form of those fields and one picture."""
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    text = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    file = f'{part}"file"; filename="blob"\r\nContent-Type: image/png\r\n\r\n'
    return (text + file).encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def growing(seed: int) -> list[list[Stroke]]:
    """Return a handwritten digit after each of its UPDATES updates."""
    random = np.random.default_rng(seed)
    paths = [40 + np.asarray(path) * (SIDE - 80) for path in write(random, seed % 10)]
    points = [(number, point) for number, path in enumerate(paths) for point in dense(path)]
    return [strokes_of(points[: max(2, len(points) * update // UPDATES)]) for update in range(1, UPDATES + 1)]


def dense(path: np.ndarray) -> np.ndarray:
    """Return points (N, 2) along the path, in whole pixels about 5 apart, as a pen leaves them."""
    lengths = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate([[0.0], lengths.cumsum()])
    stops = np.arange(0, along[-1] + 5, 5).clip(max=along[-1])
    return np.stack([np.interp(stops, along, path[:, axis]) for axis in (0, 1)], axis=1).round()


def strokes_of(points: Sequence[tuple[int, np.ndarray]]) -> list[Stroke]:
    """Return the strokes of points, each with the number of its stroke."""
    numbers = sorted({number for number, _ in points})
    return [Stroke(np.array([point for its, point in points if its == number])) for number in numbers]


def digit_of(strokes: Sequence[Stroke]) -> bytes:
    """Return the digit that the page sends for the strokes: 784 bytes, all 0 if there is too little ink."""
    digit = to_mnist(draw(strokes, SIDE))
    return bytes(784) if digit is None else np.rint(255 * digit).astype(np.uint8).tobytes()


def pictures(count: int) -> list[bytes]:
    """Return `count` stages of a digit as the stock sketchpad sends them: PNG, black ink on white paper."""
    files = []
    for strokes in growing(3)[:: max(1, UPDATES // count)]:
        scale = STOCK_SIDE / SIDE
        paper = 255 - draw([Stroke(one.points * scale, one.width * scale) for one in strokes], STOCK_SIDE)
        file = io.BytesIO()
        Image.fromarray(paper).convert("RGBA").save(file, "PNG")
        files.append(file.getvalue())
    return files


async def person(visitor: Visitor, start: float, end: float, tally: Tally) -> None:
    """Draw from `start` to `end`, seconds of time.perf_counter, with one request in flight, then the newest drawing."""
    sent = -1
    while (now := time.perf_counter()) < end:
        newest = int((now - start) * RATE)
        if newest <= sent:
            await asyncio.sleep(max(0.0, start + (sent + 1) / RATE - now))
            continue
        sent = newest
        try:
            status = await visitor.ask(newest)
        except (OSError, EOFError, ValueError):
            tally.errors += 1
            await asyncio.sleep(1 / RATE)
            continue
        if status == 200:
            tally.times.append(time.perf_counter() - now)
            tally.in_time += time.perf_counter() < end
        elif status == 503:
            tally.busy += 1
            await asyncio.sleep(random.uniform(*PAUSE))
        else:
            tally.errors += 1
    visitor.leave()


async def crowd(visitors: Sequence[Visitor], seconds: float) -> Tally:
    """Let those users draw for `seconds`, starting one after the other within an update; return their answers."""
    tally, now = Tally(), time.perf_counter()
    starts = now + np.arange(len(visitors)) / len(visitors) / RATE
    people = [
        asyncio.create_task(person(visitor, start, start + seconds, tally))
        for visitor, start in zip(visitors, starts.tolist(), strict=True)
    ]
    await asyncio.wait(people)
    for one in people:
        with contextlib.suppress(asyncio.CancelledError):
            one.result()
    return tally
