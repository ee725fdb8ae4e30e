"""How many connections there may be, and how long one may keep the server waiting.

Knows: uvicorn's protocols, and the operating system's bound on open handles. Does not know: what is asked for.
"""

import contextlib
import logging
from typing import Any

import uvicorn

MOST_PATIENCE = 15.0  # seconds for a request to come in
LONGEST = 120.0  # seconds for its answer to be taken
HANDLES_SPARED = 64  # of those that the process may have open: for files
MOST = 4096  # connections


class Bounded:
    """Of one of uvicorn's protocols: a connection that brings nothing in time ends, or sooner where others wait."""

    room = MOST

    def connection_made(self: Any, transport: Any) -> None:
        if len(self.connections) >= self.room:
            idle = min(filter(is_idle, self.connections), key=lambda one: one.since, default=None)
            (idle.transport if idle else transport).abort()
        super().connection_made(transport)  # type: ignore[misc]
        self.patience = None
        self.wait_for_request()

    def wait_for_request(self: Any) -> None:
        self.since = self.loop.time()
        if self.patience is not None:
            self.patience.cancel()
        self.patience = self.loop.call_later(MOST_PATIENCE, self.lose_patience)

    def lose_patience(self: Any) -> None:
        if is_idle(self) or self.loop.time() - self.since > LONGEST:
            self.transport.abort()
        else:
            self.patience = self.loop.call_later(LONGEST, self.lose_patience)

    def on_response_complete(self: Any) -> None:
        self.wait_for_request()
        super().on_response_complete()  # type: ignore[misc]

    def connection_lost(self: Any, error: Exception | None) -> None:
        self.patience.cancel()
        super().connection_lost(error)  # type: ignore[misc]


def is_idle(connection: Any) -> bool:
    """Whether the server waits for the rest of a request, or for the next."""
    cycle = connection.cycle
    return cycle is None or cycle.response_complete or cycle.more_body


def bound_connections(server: uvicorn.Server) -> None:
    """Bounds the connections of a server that runs already to what the process may have open."""
    protocol = server.config.http_protocol_class
    server.config.http_protocol_class = type("Protocol", (Bounded, protocol), {"room": room()})
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # or each request that is none would be told of
    logging.getLogger("asyncio").addFilter(is_no_lack_of_handles)


def is_no_lack_of_handles(record: logging.LogRecord) -> bool:
    """Asyncio tells of it some two thousand times a second, and waits by itself until there are some."""
    return "socket.accept()" not in record.getMessage()


def room() -> int:
    """How many connections the process may have open, once its bound on handles is as high as it may be set."""
    try:
        import resource
    except ImportError:  # of no use on Windows
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return MOST if soft == resource.RLIM_INFINITY else max(min(MOST, soft - HANDLES_SPARED), 1)
