"""The allow-list: of all paths that Gradio answers, only those that the page needs.

Gradio itself also keeps uploads, fetches addresses that it is given, streams, and resizes pictures to any size. The
page uses none of that. For calls of other programs, `gradio_protocol` and `mcp` replace Gradio.
"""

import logging
import re
from collections.abc import Mapping

from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from mnist_demo.server.limits import App, Message, Receive, Send

READ, CALL = ("GET", "HEAD"), ("POST",)
FILE, NAME = r"(?!\.)[\w.@~+-]{1,80}", r"\w{1,40}"
ALLOWED: Mapping[str, tuple[str, ...]] = {  # paths, as regular expressions, and their methods
    "/": READ,
    "/card.png": READ,
    "/favicon.ico": READ,
    "/robots.txt": READ,
    "/manifest.json": READ,
    r"/pwa_icon/(192|512)": READ,  # the two that the manifest names
    "(/gradio_api)?/theme.css": READ,
    rf"/(assets|static)(/{FILE}){{1,5}}": READ,
    "/config/?": READ,
    "/gradio_api/startup-events": READ,
    "/gradio_api/info/?": READ,
    rf"/web(/{FILE}){{1,4}}": READ,
    r"/engine/\w{1,40}": CALL,
    r"/yours/[\w-]{32}\.safetensors": READ,
    "/gradio_api/upload/?": CALL,
    rf"/gradio_api/call/(v2/)?{NAME}/?": CALL,
    rf"/gradio_api/call/(v2/)?{NAME}/{NAME}": ("GET",),
    "/gradio_api/queue/join/?": CALL,
    "/gradio_api/queue/data/?": ("GET",),
    "/gradio_api/mcp/?": CALL,
    "/gradio_api/mcp/schema": READ,
}
FRAMES = "'self' https://huggingface.co https://*.hf.space http://localhost:* http://127.0.0.1:*"
POLICY = (  # content security: Gradio has inline scripts that use eval; a Space's header comes from its host
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline' https://fonts.googleapis.com; font-src 'self' data: https://fonts.gstatic.com; "
    "img-src 'self' data: blob: https:; connect-src 'self' https://huggingface.co https://*.hf.space; "
    "object-src 'none'; base-uri 'self'; form-action 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}

logger = logging.getLogger(__name__)


def path_of(scope: Message) -> str:
    """Return the path of a request below the root path, even if the proxy in front has removed that already."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


class AllowList:
    """ASGI middleware that answers 404 to other paths, and 500, in a few words, if an answer fails.

    `frames` lists the sources that may show the page in a frame, as in a content security policy; None allows any.
    """

    def __init__(self, app: App, allowed: Mapping[str, tuple[str, ...]] = ALLOWED, frames: str | None = FRAMES) -> None:
        self.app = app
        policy = POLICY if frames is None else f"{POLICY}; frame-ancestors {frames}"
        self.headers = {**HEADERS, "content-security-policy": policy}
        self.allowed = [(re.compile(path, re.ASCII), methods) for path, methods in allowed.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(raw=message["headers"]).update(self.headers)
            await send(message)

        refusal = self.refusal(scope)
        if refusal is None:
            method = "GET" if scope["method"] == "HEAD" else scope["method"]  # uvicorn drops the body of HEAD
            try:
                return await self.app({**scope, "method": method}, receive, guarded)
            except ClientDisconnect:
                refusal = Response(status_code=400)
            except HTTPException as error:
                refusal = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            except Exception as error:
                logger.error("%s in answer to %s", type(error).__name__, path_of(scope), exc_info=is_debugging())
                refusal = JSONResponse({"detail": "something went wrong here"}, 500)
        return None if started else await refusal(scope, receive, guarded)

    def refusal(self, scope: Message) -> Response | None:
        """Return the response to a path or method that is not allowed, or None if it is."""
        methods = next((methods for path, methods in self.allowed if path.fullmatch(path_of(scope))), ())
        if scope["method"] in methods:
            return None
        return JSONResponse({"detail": "Not Found"}, 404) if not methods else Response(status_code=405)


def is_debugging() -> bool:
    """Return if the log should show where in the code an answer failed, which reveals the machine's folders."""
    return logger.isEnabledFor(logging.DEBUG)
