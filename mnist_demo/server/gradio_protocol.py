"""Gradio's protocol for other programs, such as Gradio's clients and curl: `/call/NAME`, `/queue/...`, `/upload`.

Gradio's own code for these paths keeps sessions, events and files as long as callers like, and fetches any URL that a
caller names. This module limits the waiting calls and their time, and soon drops a result that nobody fetches.
"""

import asyncio
import inspect
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from mnist_demo.server.allow_list import is_debugging, path_of
from mnist_demo.server.api import Endpoint
from mnist_demo.server.cancellation import MAX_AGE_SECONDS
from mnist_demo.server.fair_queue import FairQueue
from mnist_demo.server.limits import BUSY, UPLOAD, App, Message, Receive, Send, busy
from mnist_demo.server.uploads import Uploads

MAX_JOBS = 16  # calls, running ones included
MAX_KEPT_OUTCOMES = 64  # unfetched outcomes
KEPT = 60.0  # seconds that an outcome is kept
MAX_STREAM_SECONDS = 30.0
MAX_SESSION_CHARACTERS = 100  # of the name of a client's session

Json = dict[str, Any]
Outcome = asyncio.Future[Json]  # {"data": [...]} or {"error": "..."}

logger = logging.getLogger(__name__)


class Event(NamedTuple):
    """A call whose outcome its client will fetch."""

    session: str
    outcome: Outcome


class Jobs:
    """The running calls of endpoints, and the outcomes to be fetched."""

    def __init__(self) -> None:
        self.unfinished: FairQueue[Outcome] = FairQueue(MAX_JOBS)
        self.names: FairQueue[str] = FairQueue(MAX_KEPT_OUTCOMES, newest_first=True)  # of the events
        self.events: dict[str, Event] = {}

    def start(self, work: Callable[[], Awaitable[Any]]) -> Outcome:
        """Start `work`; return the future for its outcome. Raises HTTPException (503) if too many calls are running."""
        outcome = asyncio.ensure_future(_outcome(work))
        displaced = self.unfinished.put(outcome)
        outcome.add_done_callback(self.unfinished.remove)
        if displaced:
            displaced.cancel()
        if displaced is outcome:
            raise busy()
        return outcome

    def keep(self, outcome: Outcome, session: str = "") -> str:
        """Keep the outcome for a while; return the name to fetch it by."""
        name, loop = secrets.token_hex(16), asyncio.get_running_loop()
        self.events[name] = Event(session, outcome)
        outcome.add_done_callback(lambda _: loop.call_later(KEPT, self.drop, name))
        if displaced := self.names.put(name):
            self.drop(displaced)
        return name

    def drop(self, name: str) -> None:
        """Drop an outcome, and cancel its work if that is not done."""
        self.names.remove(name)
        event = self.events.pop(name, None)
        if event is not None:
            event.outcome.cancel()


def ended(outcome: Outcome) -> Json:
    """Return the outcome of a call that has ended. A cancelled one was displaced: the server is busy."""
    return {"error": BUSY} if outcome.cancelled() else outcome.result()


async def result_of(outcome: Outcome) -> Json:
    """Wait for a call to end, and return its outcome. If the waiting is cancelled, cancel the call."""
    try:
        await asyncio.wait([outcome])
    finally:
        outcome.cancel()
    return ended(outcome)


async def _outcome(work: Callable[[], Awaitable[Any]]) -> Json:
    """Run `work`, for at most MAX_AGE_SECONDS, and return its outcome."""
    try:
        async with asyncio.timeout(MAX_AGE_SECONDS):
            return {"data": [await work()]}
    except TimeoutError:
        return {"error": BUSY}
    except HTTPException as refusal:
        return {"error": refusal.detail}
    except Exception as error:
        logger.error("%s in an endpoint", type(error).__name__, exc_info=is_debugging())
        return {"error": "something went wrong here"}


class Events:
    """ASGI middleware that answers calls of endpoints. Gradio's clients send an endpoint's number, others its name."""

    def __init__(self, app: App, endpoints: Mapping[int, Endpoint], uploads: Uploads, jobs: Jobs) -> None:
        self.app, self.uploads, self.jobs = app, uploads, jobs
        self.endpoints: dict[Any, Endpoint] = {one.__name__: one for one in endpoints.values()} | dict(endpoints)
        self.paths: list[tuple[re.Pattern[str], Callable[..., Awaitable[Response]]]] = [
            (re.compile(f"POST {UPLOAD}/?"), self.upload),
            (re.compile(r"POST /gradio_api/call/(?:v2/)?(?P<name>\w+)/?"), self.call),
            (re.compile(r"GET /gradio_api/call/(?:v2/)?\w+/(?P<event>\w+)"), self.follow),
            (re.compile(r"POST /gradio_api/queue/join/?"), self.join),
            (re.compile(r"GET /gradio_api/queue/data/?"), self.data),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if path_of(scope).startswith("/gradio_api/info"):
                scope["app"].api_info = None  # it holds the address that the first client used: make it anew
            wanted = f"{scope['method']} {path_of(scope)}"
            for path, answer in self.paths:
                if found := path.fullmatch(wanted):
                    response = await answer(Request(scope, receive), **found.groupdict())
                    return await response(scope, receive, send)
        return await self.app(scope, receive, send)

    async def upload(self, request: Request) -> Response:
        """Accept a file; return its name, in a list."""
        return JSONResponse([await self.uploads.take_in(request)])

    async def call(self, request: Request, name: str) -> Response:
        """Start a call. The body is {"data": [values in order]}, or {name: value, ...} if the path has "v2"."""
        body = await json_of(request)
        is_named = "/call/v2/" in path_of(request.scope)
        work = self.work(name, [], body) if is_named else self.work(name, body.get("data"), {})
        outcome = self.jobs.start(work)
        return JSONResponse({"event_id": self.jobs.keep(outcome)})

    async def follow(self, _: Request, event: str) -> Response:
        """Return the stream with the outcome of a call."""
        found = self.jobs.events.get(event)
        if found is None:
            raise HTTPException(404, "no such event: it was fetched already, or has expired")

        async def events() -> AsyncIterator[str]:
            try:
                await asyncio.wait([found.outcome], timeout=MAX_STREAM_SECONDS)
            finally:
                self.jobs.drop(event)  # it was fetched, or the client disconnected
            outcome = ended(found.outcome) if found.outcome.done() else {"error": "the call takes too long"}
            kind, data = ("complete", outcome["data"]) if "data" in outcome else ("error", outcome)
            yield f"event: {kind}\ndata: {json.dumps(data)}\n\n"

        return stream(events())

    async def join(self, request: Request) -> Response:
        """Start a call in the form of Gradio's clients: {"fn_index", "data", "session_hash"}."""
        body = await json_of(request)
        number, session = body.get("fn_index"), session_of(body.get("session_hash"))
        outcome = self.jobs.start(self.work(number if type(number) is int else None, body.get("data"), {}))
        return JSONResponse({"event_id": self.jobs.keep(outcome, session)})

    async def data(self, request: Request) -> Response:
        """Return the stream with the outcomes of all calls of a session."""
        return stream(self.messages(session_of(request.query_params.get("session_hash"))))

    async def messages(self, session: str) -> AsyncIterator[str]:
        """Yield Gradio's messages about the calls of a session, until all are done or the time is up."""
        latest = time.monotonic() + MAX_STREAM_SECONDS
        while time.monotonic() < latest:
            events = {event.outcome: name for name, event in self.jobs.events.items() if event.session == session}
            if not events:
                break
            try:
                done, _ = await asyncio.wait(events, timeout=MAX_STREAM_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:  # the client disconnected
                for name in events.values():
                    self.jobs.drop(name)
                raise
            for outcome in done:
                self.jobs.drop(events[outcome])
                output = ended(outcome)
                yield message("process_completed", events[outcome], output=output, success="data" in output)
        yield message("close_stream", None)

    def work(self, name: str | int | None, values: Any, named: Json) -> Callable[[], Awaitable[Any]]:
        """Return a function that calls the endpoint.

        Raises HTTPException: 404 for an unknown endpoint, 422 for values that do not fit its parameters.
        """
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            raise HTTPException(404, "no such endpoint")
        return bound(endpoint, values, named)


def stream(messages: AsyncIterator[str]) -> Response:
    """Return a streaming response."""
    return StreamingResponse(messages, media_type="text/event-stream", headers={"cache-control": "no-store"})


def bound(endpoint: Endpoint, values: Any, named: Json) -> Callable[[], Awaitable[Any]]:
    """Return a function that calls the endpoint with values in order and by name.

    Raises HTTPException (422) if they do not fit its parameters.
    """
    signature = inspect.signature(endpoint)
    try:
        if not isinstance(values, list):
            raise TypeError
        arguments = signature.bind(*values, **named)
    except TypeError:
        raise HTTPException(422, f"expected parameters: {', '.join(signature.parameters)}") from None
    return lambda: endpoint(*arguments.args, **arguments.kwargs)


def message(kind: str, event: str | None, **more: Any) -> str:
    """Return a message of Gradio's protocol, as an event of a stream."""
    return f"data: {json.dumps({'msg': kind, 'event_id': event} | more)}\n\n"


async def json_of(request: Request) -> Json:
    """Return the JSON object in a request. Raises HTTPException (400) if it is anything else."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "a call must be a JSON object")
    return body


def session_of(name: Any) -> str:
    """Return the name of a session. Raises HTTPException (422) if it is invalid."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_SESSION_CHARACTERS:
        raise HTTPException(422, f"session_hash must be a text of 1 to {MAX_SESSION_CHARACTERS} characters")
    return name
