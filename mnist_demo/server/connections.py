"""Limits on connections: their number, how long one may keep the server waiting, and how much memory they may hold."""

import contextlib
import ctypes
import logging
import sys
from asyncio import TimerHandle
from collections import Counter
from collections.abc import Iterator
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from mnist_demo.server.fair_queue import greediest

MAX_REQUEST_SECONDS = 15.0  # for a request to arrive
MAX_ANSWER_SECONDS = 120.0  # for its client to take the answer
MIN_HANDLES = 64  # the server does not start if the process may have fewer open handles
RESERVED_HANDLES = 32  # not for connections: for files and for processes that train
MAX_CONNECTIONS = 4096
MAX_HELD_BYTES = 2**26  # of all incoming bodies and all unread answers together
UNREAD_BYTES = 2**17  # what an unread answer holds besides its buffer: the next part, a compressor
READ_BYTES = 2**14  # per read: every pending connection is read once before any can be dropped
TRIM_SECONDS = 0.25  # from the end of a connection until freed memory goes back to the operating system
M_ARENA_MAX = -8  # of <malloc.h>


class Held:
    """The bytes that all connections hold.

    Above MAX_HELD_BYTES, the slowest connection of the client that holds most is dropped.
    """

    def __init__(self) -> None:
        self.bytes: dict[Any, int] = {}  # by connection
        self.total = 0

    def set(self, connection: Any, size: int) -> None:
        """Set how many bytes a connection holds now."""
        self.total += size - self.bytes.pop(connection, 0)
        if size:
            self.bytes[connection] = size
        while self.total > MAX_HELD_BYTES:
            shares: Counter[str] = Counter()
            for one in filter(waits_for_client, self.bytes):
                shares[one.host] += self.bytes[one]
            waiting = [one for one in self.bytes if waits_for_client(one) and one.host == greediest(shares)]
            slowest = min(waiting, key=lambda one: one.since, default=connection)
            slowest.transport.abort()
            self.total -= self.bytes.pop(slowest, 0)


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection that ends if it brings no request in time, or sooner if others need its place or its memory."""

    room = MAX_CONNECTIONS  # connections
    held = Held()
    patience: Any = None  # the timer
    trimming: TimerHandle | None = None  # of all connections
    body_bytes = 0  # received since the last answer
    unread_bytes = 0  # of the current answer

    def connection_made(self, transport: Any) -> None:
        self.host, _ = transport.get_extra_info("peername")[:2]
        if len(self.connections) >= self.room:
            surplus = self.surplus()
            self.connections.discard(surplus)
            (surplus.transport if surplus else transport).abort()
        super().connection_made(transport)
        self.ws_protocol_class = None  # WebSocket is not used
        transport.max_size = READ_BYTES
        self.restart_timer()

    def surplus(self) -> Any:
        """Return the connection to drop to make room for this one, or None to refuse this one.

        Only addresses with the most connections lose one: the one idle longest, else the one busy longest. But if this
        address is one of them, only an idle one is dropped.
        """
        counts = Counter(one.host for one in [*self.connections, self])
        most = max(counts.values())
        candidates = [one for one in self.connections if counts[one.host] == most]
        busy = None if counts[self.host] == most else min(candidates, key=lambda one: one.since)
        return min(filter(is_idle, candidates), key=lambda one: one.since, default=busy)

    def restart_timer(self) -> None:
        """Give the client MAX_REQUEST_SECONDS for the next request."""
        self.since = self.loop.time()
        if self.patience is not None:
            self.patience.cancel()
        self.patience = self.loop.call_later(MAX_REQUEST_SECONDS, self.lose_patience)

    def lose_patience(self) -> None:
        """Drop a client that sent no request in time; wait longer for one that has yet to take its answer."""
        if is_idle(self) or self.loop.time() - self.since > MAX_ANSWER_SECONDS:
            self.transport.abort()
        else:
            self.patience = self.loop.call_later(MAX_ANSWER_SECONDS, self.lose_patience)

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
        self.restart_timer()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Drop the client and the work for it when the server ends."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.patience.cancel()
        self.hold(body=0, unread=0)
        super().connection_lost(exc)
        if BoundedProtocol.trimming is None:
            BoundedProtocol.trimming = self.loop.call_later(TRIM_SECONDS, trim)

    def hold(self, **sizes: int) -> None:
        """Set how many bytes of a body were received, or how many bytes of an answer are unread."""
        self.body_bytes = sizes.get("body", self.body_bytes)
        self.unread_bytes = sizes.get("unread", self.unread_bytes)
        self.held.set(self, self.body_bytes + self.unread_bytes)


def is_idle(connection: Any) -> bool:
    """Return if the server waits for the rest of a request, or for the next one."""
    cycle = connection.cycle
    return cycle is None or cycle.response_complete or cycle.more_body


def waits_for_client(connection: Any) -> bool:
    """Return if the server waits for a request, for the rest of one, or for the client to take an answer."""
    return is_idle(connection) or connection.flow.write_paused


def trim() -> None:
    """Return freed memory to the operating system: glibc keeps much of it otherwise."""
    BoundedProtocol.trimming = None
    allocator("malloc_trim", 0)


def allocator(function: str, *arguments: int) -> None:
    """Call that function of glibc's allocator, if this system has glibc."""
    if sys.platform == "linux" and (call := getattr(ctypes.CDLL(None), function, None)):
        call(*arguments)


@contextlib.contextmanager
def bounded_connections() -> Iterator[None]:
    """Limit the connections of each server started within this context to the handles that the process may open.

    Servers started later, such as those of other pages in a notebook, are not limited.
    """
    BoundedProtocol.room = room()
    allocator("mallopt", M_ARENA_MAX, 1)  # one arena for all threads: malloc_trim frees the others only in part
    before = HTTP_PROTOCOLS["auto"]
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"  # Gradio starts uvicorn with the default protocol
    logging.getLogger("uvicorn.error").addFilter(is_error)
    logging.getLogger("asyncio").addFilter(is_not_failed_accept)
    try:
        yield
    finally:
        HTTP_PROTOCOLS["auto"] = before


def is_error(record: logging.LogRecord) -> bool:
    """Return if a record of uvicorn is an error: its warnings are about invalid requests."""
    return record.levelno >= logging.ERROR


def is_not_failed_accept(record: logging.LogRecord) -> bool:
    """Return False for asyncio's errors about missing handles: it logs some 2,000 a second, and goes on by itself."""
    return "socket.accept()" not in record.getMessage()


def room() -> int:
    """Raise the process's limit on open handles as far as allowed. Return the number of connections within it.

    Raises OSError if the limit is too low.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    if soft < MIN_HANDLES:
        raise OSError(f"{soft} open files are too few: allow at least {MIN_HANDLES} (ulimit -n {MIN_HANDLES})")
    return min(MAX_CONNECTIONS, soft - RESERVED_HANDLES)
