"""A relay that makes a server seem far away."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random
from urllib.parse import urlsplit

IN_TURN = 1e-6  # seconds between two deliveries on a connection, which stay in order


@contextmanager
def far(address: str, round_trip: float, jitter: float = 0.0) -> Iterator[str]:
    """Yield the address, on loopback, of a relay to that server that takes half of `round_trip` seconds each way.

    Data sent together stays together. With `jitter`, in seconds, each part takes up to so much longer at random, so
    that connections overtake each other.
    """
    server, random = urlsplit(address), Random(0)
    listening = Future[tuple[int, Callable[[], object]]]()  # the port, and how to end it

    def delay() -> float:
        return round_trip / 2 + random.uniform(0, jitter)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            with suppress(asyncio.CancelledError):  # asyncio would report it as an error
                beyond, back = await asyncio.open_connection(server.hostname, server.port)
                ends.append(back)
                await asyncio.gather(passed_on(reader, back, delay), passed_on(beyond, writer, delay))
        finally:
            for end in ends:
                end.transport.abort()

    async def listen() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with await asyncio.start_server(relay, "127.0.0.1", 0) as listener:
            port: int = listener.sockets[0].getsockname()[1]
            listening.set_result((port, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, listen())
        port, end = listening.result(10)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            end()
            running.result(10)


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: Callable[[], float]) -> None:
    """Pass on all data in order, each part delayed by `delay()` seconds."""
    loop, due = asyncio.get_running_loop(), 0.0
    with suppress(OSError):
        while part := await reader.read(65_536):
            due = max(loop.time() + delay(), due + IN_TURN)
            loop.call_at(due, writer.write, part)
    await asyncio.sleep(max(delay(), due - loop.time()))
    writer.close()
