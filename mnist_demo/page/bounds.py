"""How much a request may bring.

Knows: bytes. Does not know: what they mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException

MOST_BYTES = 262_144  # of a request that is no upload; uploads are bounded by Gradio's `max_file_size`

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BoundedBody:
    """ASGI middleware that answers 413 to a body over MOST_BYTES, before anybody has parsed it."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BYTES:
                raise HTTPException(413, f"a request may bring at most {MOST_BYTES} bytes")
            return message

        is_free = scope["type"] != "http" or scope["path"].rstrip("/").endswith("/upload")
        await self.app(scope, receive if is_free else bounded, send)
