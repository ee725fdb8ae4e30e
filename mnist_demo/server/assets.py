"""Gradio's static files, read and compressed once, and kept in memory.

Gradio itself does this for each request, in the thread that answers all requests, and keeps the open file and its
compressor (some megabytes) until the client has taken the last part.
"""

import asyncio
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders

from mnist_demo.server.allow_list import asked
from mnist_demo.server.limits import App, Message, Receive, Send

FOLDERS, COMPRESSED = ("/assets/", "/static/"), (".js", ".css", ".svg", ".json")
ENCODINGS, NONE = ("br", "gzip"), "identity"  # the preferred one first
MAX_KEPT_BYTES = 2**25  # of all files together; any others are read each time


class Answer(NamedTuple):
    """A complete answer."""

    start: Message
    body: bytes

    async def send(self, send: Send) -> None:
        await send({**self.start, "headers": list(self.start["headers"])})
        await send({"type": "http.response.body", "body": self.body})


class Assets:
    """ASGI middleware that caches the answers of the compressing middleware inside it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.kept: dict[tuple[str, str], Answer] = {}  # by path and encoding
        self.kept_bytes = 0
        self.lock = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not asked(scope).startswith(FOLDERS):
            return await self.app(scope, receive, send)
        key = (asked(scope), encoding_of(scope))
        if key not in self.kept:
            async with self.lock:
                if key not in self.kept:
                    answer = await self.whole(scope, receive, key[1])
                    if answer.start["status"] != 200 or self.kept_bytes + len(answer.body) > MAX_KEPT_BYTES:
                        return await answer.send(send)
                    self.kept[key] = answer
                    self.kept_bytes += len(answer.body)
        return await self.kept[key].send(send)

    async def whole(self, scope: Message, receive: Receive, encoding: str) -> Answer:
        """Return the complete answer to a request for a file."""
        started: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                body.extend(message.get("body", b""))

        headers = MutableHeaders(raw=[one for one in scope["headers"] if one[0] != b"range"])
        headers["accept-encoding"] = encoding
        await self.app({**scope, "method": "GET", "headers": headers.raw}, receive, collect)
        [start] = started
        MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
        return Answer(start, bytes(body))


def encoding_of(scope: Message) -> str:
    """Return the encoding in which the client gets the requested file."""
    accepted = Headers(scope=scope).get("accept-encoding", "") if asked(scope).endswith(COMPRESSED) else ""
    return next((encoding for encoding in ENCODINGS if encoding in accepted), NONE)
