"""How much a request may bring, and how much may be wanted at once.

Knows: bytes and numbers. Does not know: what they mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

MOST_BYTES = 262_144
TOO_MUCH = f"a request may bring at most {MOST_BYTES} bytes"
BUSY = "too many want an answer: ask again in a moment"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def busy() -> HTTPException:
    """What those are told for whom there is no time."""
    return HTTPException(503, BUSY, {"Retry-After": "1"})


class BoundedBody:
    """ASGI middleware that refuses a body over MOST_BYTES before anybody has parsed it."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return await PlainTextResponse(TOO_MUCH, 413)(scope, receive, send)
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BYTES:  # of a body that did not say how long it is
                raise HTTPException(413, TOO_MUCH)
            return message

        return await self.app(scope, bounded, send)
