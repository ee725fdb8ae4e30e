"""Decides which web sites may use the page: checks Host, Origin, Sec-Fetch-Site and Content-Type of each request.

A browser sends a request wherever any web page tells it to, also to this machine. Programs that are no browser send no
Origin and may do what the page does. The rules are those of Go's `net/http.CrossOriginProtection`; the check of Host
stops DNS rebinding, where another site's own name leads to this machine.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response

from mnist_demo.server.address import is_loopback
from mnist_demo.server.allow_list import HEADERS
from mnist_demo.server.limits import App, Message, Receive, Send, is_upload

READS = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
KINDS = ("application/json", "application/octet-stream")  # which no site can send to another without asking first
MAX_SHOWN_CHARACTERS = 100  # of a header in an error


class Origins:
    """ASGI middleware that refuses what other sites make a browser send: 403, or 421 for a foreign Host.

    `origins` ("https://example.com") may use the page from their own pages, and get CORS headers; no others do.
    `hosts` returns the names that the server goes by besides those of this machine, or None if any will do.
    `behind_tls`: accept every Host in a request that a browser sent over HTTPS, which DNS rebinding cannot use since
    this server has no certificate for that name.
    """

    def __init__(
        self,
        app: App,
        origins: Collection[str] = (),
        hosts: Callable[[], Collection[str] | None] = lambda: None,
        behind_tls: bool = False,
    ) -> None:
        self.app, self.origins, self.hosts, self.behind_tls = app, origins, hosts, behind_tls
        self.cors = CORSMiddleware(
            self.pass_on, origins, allow_methods=(*READS, "POST"), allow_headers=["*"], allow_credentials=True
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if (refusal := self.refusal(scope, headers)) is not None:
            return await refusal(scope, receive, send)
        app = self.cors if headers.get("origin") in self.origins else self.pass_on
        return await app(scope, receive, send)

    async def pass_on(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hide Origin from Gradio, which would allow any site to read the answer."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await self.app({**scope, "headers": headers}, receive, send)

    def refusal(self, scope: Message, headers: Headers) -> Response | None:
        """Return the error response, or None if the request is fine."""
        if not self.is_ours(headers):
            host = headers["host"][:MAX_SHOWN_CHARACTERS]
            return refused(421, f"this server is not known as {host!r}: --allow-origin names its public address")
        if scope["method"] in READS:
            return None
        if headers.get("origin") not in self.origins and not is_same_origin(headers):
            origin = headers.get("origin", "another site")[:MAX_SHOWN_CHARACTERS]
            return refused(403, f"{origin} may not use this server: --allow-origin names the sites that may")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind not in KINDS and not is_upload(scope):  # `uploads` takes forms alone
            return refused(415, f"the content type must be {' or '.join(KINDS)}")
        return None

    def is_ours(self, headers: Headers) -> bool:
        """Return whether Host is a name of this server."""
        hosts = self.hosts()
        if hosts is None or "host" not in headers or (self.behind_tls and "sec-fetch-site" in headers):
            return True
        name = hostname(f"//{headers['host']}")
        return name != "" and (is_loopback(name) or name in hosts)


def is_same_origin(headers: Headers) -> bool:
    """Return whether the page itself, or a program that is no browser, sent the request."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] in ("same-origin", "none")
    if "origin" not in headers:
        return True
    forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()  # another site cannot set it unasked
    origin = headers["origin"].partition("://")[2].lower()
    return origin in (headers.get("host", "").lower(), forwarded.lower()) and origin != ""


def hostname(url: str) -> str:
    """Return the host's name in a URL, in lower case; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def refused(status: int, why: str) -> Response:
    return JSONResponse({"detail": why}, status, HEADERS)


def outermost(wrap: Callable[[App], App]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that wraps a whole application before its first request.

    Gradio puts its own CORS middleware around whatever middleware an application names.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert app.middleware_stack is not None
        app.middleware_stack = wrap(app.middleware_stack)
        yield

    return lifespan
