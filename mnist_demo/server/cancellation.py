"""The end of work that nobody waits for: a request is too old, or its client has disconnected."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect

from mnist_demo.server.limits import Receive

MAX_AGE_SECONDS = 10.0  # of a request that is still answered, in any queue

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """Return the result of `work`, for a client whose request has been received in full.

    If the client disconnects first, `work` is cancelled and ClientDisconnect is raised.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        watch.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
