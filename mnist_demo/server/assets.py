"""The page and its files, built and compressed once, and kept in memory, each with an ETag.

Gradio itself does this for each request, in the thread that answers all requests, and keeps the open file and its
compressor (some megabytes) until the client has taken the last part.
"""

import asyncio
import hashlib
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders

from mnist_demo.server.allow_list import path_of
from mnist_demo.server.fair_queue import FairQueue
from mnist_demo.server.limits import App, Message, Receive, Send

FOLDERS, COMPRESSED = ("/assets/", "/static/", "/web/"), (".js", ".css", ".svg", ".json", ".html")
PAGES = ("/", "/config", "/gradio_api/info", "/gradio_api/mcp/schema", "/manifest.json", "/theme.css")
WHERE = ("host", "x-forwarded-host", "x-forwarded-proto")  # headers of the address that a page contains
ENCODINGS, NONE = ("br", "gzip"), "identity"  # the preferred one first
MAX_FILES_BYTES = 2**25  # of all files together; any others are read each time
MAX_PAGES = 32  # in memory, each of which contains the address that it was requested at
HASHED = "/assets/"  # the names of these files contain a hash of their content
FOREVER, REVALIDATE = "public, max-age=31536000, immutable", "no-cache"
CONDITIONS = (b"range", b"if-range", b"if-none-match", b"if-modified-since")  # headers that ask for less than all

Key = tuple[str, ...]


class Answer(NamedTuple):
    """A complete answer."""

    start: Message
    body: bytes

    async def send(self, send: Send, known: str = "") -> None:
        """Send the answer, or 304 if the client knows it by its ETag."""
        headers = MutableHeaders(raw=list(self.start["headers"]))
        if headers.get("etag", "none") in known:
            del headers["content-length"]
            await send({**self.start, "status": 304, "headers": headers.raw})
            return await send({"type": "http.response.body"})
        await send({**self.start, "headers": headers.raw})
        return await send({"type": "http.response.body", "body": self.body})


class Assets:
    """ASGI middleware that caches the answers of the compressing middleware inside it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.kept: dict[Key, Answer] = {}
        self.files_bytes = 0
        self.pages: FairQueue[Key] = FairQueue(MAX_PAGES, newest_first=True)
        self.lock = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        key = key_of(scope)
        if key is None:
            return await self.app(scope, receive, send)
        known = Headers(scope=scope).get("if-none-match", "")
        if key not in self.kept:
            async with self.lock:
                if key not in self.kept:
                    answer = await self.whole(scope, receive, key[1])
                    if answer.start["status"] != 200 or not self.has_room(key, answer):
                        return await answer.send(send, known)
                    self.kept[key] = answer
        return await self.kept[key].send(send, known)

    def has_room(self, key: Key, answer: Answer) -> bool:
        """Make room for an answer, if there is any."""
        if len(key) > 2:
            displaced = self.pages.put(key)
            self.kept.pop(displaced or (), None)
            return displaced != key
        self.files_bytes += len(answer.body)
        return self.files_bytes <= MAX_FILES_BYTES

    async def whole(self, scope: Message, receive: Receive, encoding: str) -> Answer:
        """Return the complete answer to a request."""
        started: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                body.extend(message.get("body", b""))

        headers = MutableHeaders(raw=[one for one in scope["headers"] if one[0] not in CONDITIONS])
        headers["accept-encoding"] = encoding
        await self.app({**scope, "method": "GET", "headers": headers.raw}, receive, collect)
        [start] = started
        headers = MutableHeaders(raw=start["headers"])
        headers["content-length"] = str(len(body))
        if start["status"] == 200:
            headers["etag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers["vary"] = "Accept-Encoding"
            headers["cache-control"] = FOREVER if path_of(scope).startswith(HASHED) else REVALIDATE
        return Answer(start, bytes(body))


def key_of(scope: Message) -> Key | None:
    """Return what an answer depends on: path, encoding and, of a page, address. None if the answer is not kept."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    path, headers = path_of(scope), Headers(scope=scope)
    page = path.rstrip("/") or "/"
    accepted = headers.get("accept-encoding", "") if page in PAGES or path.endswith(COMPRESSED) else ""
    encoding = next((encoding for encoding in ENCODINGS if encoding in accepted), NONE)
    if page in PAGES:
        return (page, encoding, scope["scheme"], *(headers.get(name, "") for name in WHERE))
    return (path, encoding) if path.startswith(FOLDERS) else None
