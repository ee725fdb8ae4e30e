"""The browser's requests to the server: `POST /engine/NAME`, JSON in and out; `read` takes digits as bytes.

A pydantic model checks each request. A refusal is a code with values, {"code", "field", "limit"}, which the page
translates into its language.
"""

import asyncio
import base64
import binascii
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from mnist_demo.ink.preprocess import SIDE
from mnist_demo.server.allow_list import path_of
from mnist_demo.server.cancellation import MAX_AGE_SECONDS, while_connected
from mnist_demo.server.fair_queue import FairPool
from mnist_demo.server.limits import App, Message, Receive, Send, busy

FOLDER = "/engine/"
WORKERS = 2
MAX_WAITING = 32  # calls, except those with a queue of their own
DIGIT_BYTES = SIDE * SIDE
MAX_DIGITS = 64  # in a request to read

Images = NDArray[np.float32]  # (N, 28, 28) in [0, 1]


class RefusalError(Exception):
    """The error raised for a request that is refused."""

    def __init__(self, code: str, status: int = 422, **values: Any) -> None:
        super().__init__(code)
        self.status = status
        self.content = {"code": code, **values}


class Question(BaseModel):
    """The parameters of a request; this one has none."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


def digits_of(content: bytes) -> Images:
    """Return digits (N, 28, 28) in [0, 1] from N times 784 bytes. Raises ValueError if they are not whole digits."""
    if len(content) % DIGIT_BYTES:
        raise ValueError(f"a digit is {DIGIT_BYTES} bytes")
    return np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE).astype(np.float32) / np.float32(255)


def digit_of(text: str) -> Images:
    """Return the digit (28, 28) for its 784 bytes in base64. Raises a validation error if the text is anything else."""
    try:
        (digit,) = digits_of(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise PydanticCustomError("digit", "base64 of 784 bytes") from None
    return np.asarray(digit, np.float32)


Digit = Annotated[np.ndarray, BeforeValidator(digit_of)]


class Function(NamedTuple):
    """The handler of a request, and the model of its parameters."""

    question: type[Question]
    answer: Callable[[Any], Any] | Callable[[Any], Awaitable[Any]]


Functions = Mapping[str, Function]
Read = Callable[[Images, str | None], Awaitable[Any]]


class Engine:
    """ASGI middleware that answers the browser's requests. It keeps nothing between two of them."""

    def __init__(self, app: App, read: Read, functions: Functions) -> None:
        self.app, self.read, self.functions = app, read, functions
        self.pool = FairPool("engine", WORKERS, MAX_WAITING)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = path_of(scope) if scope["type"] == "http" and scope["method"] == "POST" else ""
        if not path.startswith(FOLDER):
            return await self.app(scope, receive, send)
        try:
            body = await body_of(receive)
            if body is None:
                return None
            async with asyncio.timeout(MAX_AGE_SECONDS):
                content = await while_connected(receive, self.answer(path.removeprefix(FOLDER), body, scope))
            answer: Response = JSONResponse(content)
        except RefusalError as refusal:
            answer = JSONResponse(refusal.content, refusal.status)
        except (HTTPException, TimeoutError) as error:
            refusal_of_busy = error if isinstance(error, HTTPException) else busy()
            answer = JSONResponse({"code": "busy"}, refusal_of_busy.status_code, refusal_of_busy.headers)
        return await answer(scope, receive, send)

    async def answer(self, name: str, body: bytes, scope: Message) -> Any:
        """Return the answer to a request.

        Raises RefusalError if it is refused, and HTTPException (503) if too many wait.
        """
        if name == "read":
            return await self.read(digits_to_read(body), own_key(scope))
        if name not in self.functions:
            raise RefusalError("unknown", 404)
        function = self.functions[name]
        question = checked(function.question, body)
        if inspect.iscoroutinefunction(function.answer):
            return await function.answer(question)
        return await self.pool.run(lambda: function.answer(question))


def digits_to_read(body: bytes) -> Images:
    """Return the digits in the body. Raises RefusalError if there are none, too many, or part of one."""
    try:
        images = digits_of(body)
    except ValueError:
        raise RefusalError("digit", field="digits", limit=DIGIT_BYTES) from None
    if not 1 <= len(images) <= MAX_DIGITS:
        raise RefusalError("count", field="digits", limit=MAX_DIGITS)
    return images


def own_key(scope: Message) -> str | None:
    """Return the key of the user's own network in the query string, if any."""
    keys = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("yours", [])
    return keys[0] if keys else None


def checked(model: type[Question], body: bytes) -> Question:
    """Return the request in the body. Raises RefusalError, with the first invalid field, if it is not valid."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        limit = next(iter(first.get("ctx", {}).values()), None)
        values: dict[str, Any] = {"limit": limit} if isinstance(limit, int | float | str) else {}
        raise RefusalError(first["type"], field=".".join(map(str, first["loc"])), **values) from None


async def body_of(receive: Receive) -> bytes | None:
    """Return the whole body of a request, or None if the client disconnected."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)
