"""What may be asked for, and nothing else: the paths that the page needs, out of all that Gradio answers.

Knows: paths, methods, and the headers that every answer carries. Does not know: what is behind them.

Gradio itself also keeps what is uploaded, fetches addresses that it is told, streams, and resizes pictures to any size.
The page uses none of that; what its programs call, `gradio_protocol` and `mcp` answer in Gradio's place.
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
ALLOWED: Mapping[str, tuple[str, ...]] = {  # a path, as a regular expression, and how it may be asked for
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
POLICY = (  # of content: Gradio's scripts are inline and make functions of text; a Space's head comes from its host
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


def asked(scope: Message) -> str:
    """The path that is asked for, below the root path, whether the proxy in front took that off or not."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


class AllowList:
    """ASGI middleware that answers 404 to what is not allowed, and 500, in a word, where an answer fails.

    `frames` are the sources, as a content security policy has them, that may show the page in a frame; None is any.
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
            method = "GET" if scope["method"] == "HEAD" else scope["method"]  # uvicorn then leaves the body out
            try:
                return await self.app({**scope, "method": method}, receive, guarded)
            except ClientDisconnect:
                refusal = Response(status_code=400)
            except HTTPException as error:
                refusal = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            except Exception as error:
                logger.error("%s in answer to %s", type(error).__name__, asked(scope), exc_info=is_debugging())
                refusal = JSONResponse({"detail": "something went wrong here"}, 500)
        return None if started else await refusal(scope, receive, guarded)

    def refusal(self, scope: Message) -> Response | None:
        """What is answered where there is no such door, or it is not for that method."""
        methods = next((methods for path, methods in self.allowed if path.fullmatch(asked(scope))), ())
        if scope["method"] in methods:
            return None
        return JSONResponse({"detail": "Not Found"}, 404) if not methods else Response(status_code=405)


def is_debugging() -> bool:
    """Whether whoever runs it wants to see where in the code an answer failed, which names the machine's folders."""
    return logger.isEnabledFor(logging.DEBUG)
