"""How many connections there may be, and how long one may keep the server waiting.

Knows: uvicorn's protocols, and the operating system's bound on open handles. Does not know: what is asked for.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST_PATIENCE = 15.0  # seconds for a request to come in
LONGEST = 120.0  # seconds for its answer to be taken
HANDLES_SPARED = 64  # of those that the process may have open: for files
MOST = 4096  # connections


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection, which ends where it brings no request in time, or sooner where others wait for room."""

    room = MOST  # connections
    patience: Any = None  # the timer

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= self.room:
            idle = min(filter(is_idle, self.connections), key=lambda one: one.since, default=None)
            self.connections.discard(idle)
            (idle.transport if idle else transport).abort()
        super().connection_made(transport)
        self.wait_for_request()

    def wait_for_request(self) -> None:
        self.since = self.loop.time()
        if self.patience is not None:
            self.patience.cancel()
        self.patience = self.loop.call_later(MOST_PATIENCE, self.lose_patience)

    def lose_patience(self) -> None:
        if is_idle(self) or self.loop.time() - self.since > LONGEST:
            self.transport.abort()
        else:
            self.patience = self.loop.call_later(LONGEST, self.lose_patience)

    def on_response_complete(self) -> None:
        self.wait_for_request()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Drop the client, and with it the work for it, when the server ends."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.patience.cancel()
        super().connection_lost(exc)


def is_idle(connection: Any) -> bool:
    """Whether the server waits for the rest of a request, or for the next."""
    cycle = connection.cycle
    return cycle is None or cycle.response_complete or cycle.more_body


@contextlib.contextmanager
def bounded_connections() -> Iterator[None]:
    """Bounds the connections of each server that is started meanwhile to what the process may have open.

    Servers that are started afterwards, such as those of a notebook's other pages, are as they were.
    """
    BoundedProtocol.room = room()
    before = HTTP_PROTOCOLS["auto"]
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"  # Gradio makes the server, and names no protocol
    logging.getLogger("uvicorn.error").addFilter(is_no_nonsense)
    logging.getLogger("asyncio").addFilter(is_no_lack_of_handles)
    try:
        yield
    finally:
        HTTP_PROTOCOLS["auto"] = before


def is_no_nonsense(record: logging.LogRecord) -> bool:
    """Uvicorn warns of each request that is none."""
    return record.levelno >= logging.ERROR


def is_no_lack_of_handles(record: logging.LogRecord) -> bool:
    """Asyncio tells of it some two thousand times a second, and waits by itself until there are some."""
    return "socket.accept()" not in record.getMessage()


def room() -> int:
    """How many connections the process may have open, once its bound on handles is as high as it may be set."""
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return MOST if soft == resource.RLIM_INFINITY else max(min(MOST, soft - HANDLES_SPARED), 1)
