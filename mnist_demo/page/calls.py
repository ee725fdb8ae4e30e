"""What the browser's half of the page may call on the server, answered without anything being kept.

Knows: how Gradio's page calls the server functions of its HTML components. Does not know: what they do.

Gradio's own answer to the same call keeps a session, and whatever the caller names it, for each caller.
"""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
from fastapi import HTTPException
from starlette.responses import JSONResponse, Response

from mnist_demo.page.bounds import App, Message, Receive, Send, busy
from mnist_demo.page.callers import MAX_AGE_SECONDS, while_connected
from mnist_demo.page.doors import asked

PATHS = ("/gradio_api/component_server/", "/gradio_api/component_server")
WORKERS = 2
MOST_AT_ONCE = 32  # calls, running and waiting, but for those that wait by themselves

Functions = dict[tuple[int, str], Callable[[Any], Any]]


def functions_of(blocks: Iterable[Any]) -> Functions:
    """The server functions of the HTML components among those, by component and name."""
    components = (block for block in blocks if isinstance(block, gr.HTML))
    return {(component._id, one.__name__): one for component in components for one in component.server_fns}


class Calls:
    """ASGI middleware that answers calls of those server functions, each of one argument, JSON in and out."""

    def __init__(self, app: App, functions: Functions) -> None:
        self.app = app
        self.functions = functions
        self.workers = ThreadPoolExecutor(WORKERS, "call")
        self.running = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or asked(scope) not in PATHS:
            return await self.app(scope, receive, send)
        try:
            body = await body_of(receive)
            answer: Response = Response(status_code=400)
            if body is not None:
                answer = JSONResponse(await while_connected(receive, self.call(body)))
        except HTTPException as refusal:
            answer = JSONResponse({"detail": refusal.detail}, refusal.status_code, refusal.headers)
        return await answer(scope, receive, send)

    async def call(self, body: bytes) -> Any:
        """Call the function that the body names with the body's data, and return its result.

        Raises HTTPException: 400 or 404 if there is no such function, 503 if too many calls wait, or this one did for
        more than MAX_AGE_SECONDS.
        """
        function, data = self.wanted(body)
        try:
            async with asyncio.timeout(MAX_AGE_SECONDS):
                if inspect.iscoroutinefunction(function):
                    return await function(data)
                return await self.in_turn(function, data)
        except TimeoutError:
            raise busy() from None

    async def in_turn(self, function: Callable[[Any], Any], data: Any) -> Any:
        """Call a function in one of the threads for that. Raises HTTPException (503) if too many calls wait."""
        if self.running >= MOST_AT_ONCE:
            raise busy()
        self.running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.workers, function, data)
        finally:
            self.running -= 1

    def wanted(self, body: bytes) -> tuple[Callable[[Any], Any], Any]:
        """Which function the body calls, and with what. Raises HTTPException."""
        try:
            call = json.loads(body)
            name, data = (call["component_id"], call["fn_name"]), call["data"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise HTTPException(400, "a call is JSON: component_id, fn_name, data") from None
        if type(name[0]) is not int or type(name[1]) is not str or name not in self.functions:
            raise HTTPException(404, "no such function")
        return self.functions[name], data


async def body_of(receive: Receive) -> bytes | None:
    """The whole body of a request, or None where it was broken off."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)
