"""How much a request may bring.

Knows: bytes. Does not know: what they mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

MOST_BYTES = 262_144
TOO_MUCH = f"a request may bring at most {MOST_BYTES} bytes"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BoundedBody:
    """ASGI middleware that refuses a body over MOST_BYTES before anybody has parsed it."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if int(Headers(scope=scope).get("content-length", 0)) > MOST_BYTES:
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
