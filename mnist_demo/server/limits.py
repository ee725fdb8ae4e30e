"""Limits on the bodies of requests, and the 503 response."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

MAX_BODY_BYTES = 262_144
UPLOAD = "/gradio_api/upload"  # the path where bodies may be larger
MAX_PICTURE_BYTES = 10_485_760  # of an uploaded file: a phone's photo has 2 to 8 million bytes
BUSY = "the server is busy: try again in a moment"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def busy() -> HTTPException:
    """Return the error 503, for requests that the server has no time for."""
    return HTTPException(503, BUSY, {"Retry-After": "1"})


def too_much(most: int) -> str:
    """Return the error message for a request with more than `most` bytes."""
    return f"a request may have at most {most} bytes"


def is_upload(scope: Message) -> bool:
    """Return if a request is for UPLOAD, which may stand below any prefix."""
    return str(scope.get("path")).rstrip("/").endswith(UPLOAD)


class BoundedBody:
    """ASGI middleware that refuses a body over MAX_BODY_BYTES before it is parsed.

    At the path UPLOAD, a body may have MAX_PICTURE_BYTES more.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        most = MAX_BODY_BYTES + MAX_PICTURE_BYTES * is_upload(scope)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            return await PlainTextResponse(too_much(most), 413)(scope, receive, send)
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:  # if the request did not declare its length
                raise HTTPException(413, too_much(most))
            return message

        return await self.app(scope, bounded, send)
