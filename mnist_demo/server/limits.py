"""How much a request may bring, and how much may be wanted at once.

Knows: bytes and numbers. Does not know: what they mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

MAX_BODY_BYTES = 262_144
UPLOAD = "/gradio_api/upload"  # where more may come
MAX_PICTURE_BYTES = 10_485_760  # bytes of a file that is uploaded: a phone's photo has 2 to 8 million
BUSY = "too many want an answer: ask again in a moment"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def busy() -> HTTPException:
    """Return the error 503, for requests that the server has no time for."""
    return HTTPException(503, BUSY, {"Retry-After": "1"})


def too_much(most: int) -> str:
    """Return the error message for a request with more than `most` bytes."""
    return f"a request may bring at most {most} bytes"


def is_upload(scope: Message) -> bool:
    """Whether that is a request to UPLOAD, below whatever prefix."""
    return str(scope.get("path")).rstrip("/").endswith(UPLOAD)


class BoundedBody:
    """ASGI middleware that refuses a body over MAX_BODY_BYTES before anybody has parsed it.

    At the path UPLOAD a body may bring a picture, and as much around it.
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
            if received > most:  # of a body that did not say how long it is
                raise HTTPException(413, too_much(most))
            return message

        return await self.app(scope, bounded, send)
