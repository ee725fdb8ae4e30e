"""The preview of a link to the page: its title, description and picture (Open Graph and Twitter tags)."""

import html
import re

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse

from mnist_demo.server.limits import App, Message, Receive, Send
from mnist_demo.server.web_files import WEB

PICTURE = "card.png"  # 1200 x 630 pixels, the size recommended for Open Graph
STOCK = re.compile(rb"""<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*""")


class Introduced:
    """ASGI middleware that replaces Gradio's preview tags with ours in the head of each HTML page."""

    def __init__(self, app: App, title: str, description: str) -> None:
        self.app, self.title, self.description = app, title, description

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        if scope["path"] == f"/{PICTURE}":
            return await FileResponse(WEB / PICTURE)(scope, receive, send)
        started: list[Message] = []  # the start of an HTML page, held back until its length is known
        body = bytearray()

        async def introduced(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                    started.append(message)
                    return
            elif started:
                body.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                message["body"] = self.introduce(bytes(body), str(Request(scope).base_url))
                MutableHeaders(raw=started[0]["headers"])["content-length"] = str(len(message["body"]))
                await send(started.pop())
            await send(message)

        return await self.app(scope, receive, introduced)

    def introduce(self, page: bytes, address: str) -> bytes:
        """Return the page, served at the URL `address`, with our preview tags in its head."""
        values = {"title": self.title, "description": self.description, "image": address.rstrip("/") + f"/{PICTURE}"}
        tags = [f'<meta property="og:{name}" content="{html.escape(value)}" />' for name, value in values.items()]
        tags += [f'<meta name="twitter:{name}" content="{html.escape(value)}" />' for name, value in values.items()]
        tags += [
            f'<meta name="description" content="{html.escape(self.description)}" />',
            '<meta property="og:type" content="website" />',
            '<meta name="twitter:card" content="summary_large_image" />',
        ]
        return STOCK.sub(b"", page).replace(b"</head>", "\n".join(tags).encode() + b"</head>", 1)
