"""Limits on connections: how many, how long one may keep the server waiting, and how much memory they may hold.

Knows: uvicorn's protocols, the C library's allocator, and the operating system's limit on open handles. Does not know:
what is asked for.
"""

import contextlib
import ctypes
import logging
import sys
from asyncio import TimerHandle
from collections.abc import Iterator
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST_PATIENCE = 15.0  # seconds for a request to come in
LONGEST = 120.0  # seconds for its answer to be taken
MIN_HANDLES = 64  # that the process must be allowed to have open
HANDLES_SPARED = 32  # of those: for files and for processes that train
MOST = 4096  # connections
MAX_HELD_BYTES = 2**26  # of all bodies that are coming in and all answers that are not yet taken, together
UNREAD_BYTES = 2**17  # that an answer takes besides what waits to be sent: its next part, its compressor
READ_BYTES = 2**14  # at a time from a connection: all that have something are read before one can end
TRIM_SECONDS = 0.25  # from the end of a connection until freed memory goes back to the operating system
M_ARENA_MAX = -8  # of <malloc.h>


class Held:
    """Counts what all connections hold. Over MAX_HELD_BYTES, the client that keeps the server waiting longest goes."""

    def __init__(self) -> None:
        self.bytes: dict[Any, int] = {}  # by connection
        self.total = 0

    def set(self, connection: Any, size: int) -> None:
        """Note what a connection holds now, in bytes."""
        self.total += size - self.bytes.pop(connection, 0)
        if size:
            self.bytes[connection] = size
        while self.total > MAX_HELD_BYTES:
            slowest = min(filter(waits_for_client, self.bytes), key=lambda one: one.since, default=connection)
            slowest.transport.abort()
            self.total -= self.bytes.pop(slowest, 0)


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection, which ends if it brings no request in time, or sooner if others need its room or its memory."""

    room = MOST  # connections
    held = Held()
    patience: Any = None  # the timer
    trimming: TimerHandle | None = None  # of all connections
    body_bytes = unread_bytes = 0  # since the last answer; of this one

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= self.room:
            idle = min(filter(is_idle, self.connections), key=lambda one: one.since, default=None)
            self.connections.discard(idle)
            (idle.transport if idle else transport).abort()
        super().connection_made(transport)
        self.ws_protocol_class = None  # nothing here speaks WebSocket
        transport.max_size = READ_BYTES
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

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.hold(body=self.body_bytes + len(data))

    def pause_writing(self) -> None:
        super().pause_writing()
        self.hold(unread=UNREAD_BYTES + self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self.hold(unread=0)
        super().resume_writing()

    def on_response_complete(self) -> None:
        self.hold(body=0)
        self.wait_for_request()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Drop the client, and with it the work for it, when the server ends."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.patience.cancel()
        self.hold(body=0, unread=0)
        super().connection_lost(exc)
        if BoundedProtocol.trimming is None:
            BoundedProtocol.trimming = self.loop.call_later(TRIM_SECONDS, trim)

    def hold(self, **sizes: int) -> None:
        """Note that `body` bytes have come in, or that `unread` bytes wait to be taken."""
        self.body_bytes = sizes.get("body", self.body_bytes)
        self.unread_bytes = sizes.get("unread", self.unread_bytes)
        self.held.set(self, self.body_bytes + self.unread_bytes)


def is_idle(connection: Any) -> bool:
    """Whether the server waits for the rest of a request, or for the next."""
    cycle = connection.cycle
    return cycle is None or cycle.response_complete or cycle.more_body


def waits_for_client(connection: Any) -> bool:
    """Return whether the server waits for a request, for the rest of one, or for an answer to be taken."""
    return is_idle(connection) or connection.flow.write_paused


def trim() -> None:
    """Give freed memory back to the operating system, if the C library can: by itself it keeps much of it."""
    BoundedProtocol.trimming = None
    allocator("malloc_trim", 0)


def allocator(function: str, *arguments: int) -> None:
    """Call that function of glibc's allocator, if this is glibc."""
    if sys.platform == "linux" and (call := getattr(ctypes.CDLL(None), function, None)):
        call(*arguments)


@contextlib.contextmanager
def bounded_connections() -> Iterator[None]:
    """Bounds the connections of each server that is started meanwhile to what the process may have open.

    Servers that are started afterwards, such as those of a notebook's other pages, are as they were.
    """
    BoundedProtocol.room = room()
    allocator("mallopt", M_ARENA_MAX, 1)  # malloc_trim leaves the last free part of other threads' arenas
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
    """Raise the process's limit on open handles as far as allowed; return how many connections that leaves room for.

    Raises OSError if it leaves too few.
    """
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return MOST
    if soft < MIN_HANDLES:
        raise OSError(f"{soft} open files are too few: allow at least {MIN_HANDLES} (ulimit -n {MIN_HANDLES})")
    return min(MOST, soft - HANDLES_SPARED)
