"""Checks of Host, Origin, Sec-Fetch-Site and Content-Type, which decide which web sites may use the page.

Any web page can make a browser send requests, even to this machine. Programs other than browsers send no Origin and may
do what the page does. The rules are those of Go's `net/http.CrossOriginProtection`. The check of Host stops DNS
rebinding, in which another site's name resolves to this machine.
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
KINDS = ("application/json", "application/octet-stream")  # a site can send these to another only after a preflight
MAX_SHOWN_CHARACTERS = 100  # of a header in an error


class Origins:
    """ASGI middleware that refuses requests made by other sites: 403, or 421 for a foreign Host.

    Pages of `origins` ("https://example.com") may use the server, and get CORS headers; no others do. `hosts` returns
    the server's names besides those of this machine, or None if any name will do. `behind_tls` accepts any Host in a
    request that a browser sent over HTTPS: DNS rebinding cannot use it, since this server has no certificate for that
    name.
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
        if scope["method"] == "POST" and kind not in KINDS and not is_upload(scope):  # `uploads` takes forms
            return refused(415, f"the content type must be {' or '.join(KINDS)}")
        return None

    def is_ours(self, headers: Headers) -> bool:
        """Return if Host is a name of this server."""
        hosts = self.hosts()
        if hosts is None or "host" not in headers or (self.behind_tls and "sec-fetch-site" in headers):
            return True
        name = hostname(f"//{headers['host']}")
        return name != "" and (is_loopback(name) or name in hosts)


def is_same_origin(headers: Headers) -> bool:
    """Return if the request comes from the page itself or from a program other than a browser."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] in ("same-origin", "none")
    if "origin" not in headers:
        return True
    forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()  # other sites cannot set it unasked
    origin = headers["origin"].partition("://")[2].lower()
    return origin in (headers.get("host", "").lower(), forwarded.lower()) and origin != ""


def hostname(url: str) -> str:
    """Return the host name in a URL, in lower case; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def refused(status: int, why: str) -> Response:
    return JSONResponse({"detail": why}, status, HEADERS)


def outermost(wrap: Callable[[App], App]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that wraps a whole application before its first request.

    Gradio puts its own CORS middleware around all middleware that an application names.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert app.middleware_stack is not None
        app.middleware_stack = wrap(app.middleware_stack)
        yield

    return lifespan
