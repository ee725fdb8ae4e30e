"""The files of `web/`, served to the browser."""

import json
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from mnist_demo.server.allow_list import asked
from mnist_demo.server.limits import App, Message, Receive, Send

WEB = Path(__file__).parent.parent / "web"
FOLDER = "/web"
SETTINGS = f"{FOLDER}/settings.json"


def text(name: str) -> str:
    """Return the content of a file below `web/`."""
    return (WEB / name).read_text(encoding="utf-8")


def modules() -> list[str]:
    """Return the paths of all modules of the page, which the browser loads at once."""
    return sorted(f"web/{path.relative_to(WEB).as_posix()}" for path in WEB.rglob("*.js"))


class WebFiles:
    """ASGI middleware that serves `web/`, and the page's settings as a file in it."""

    def __init__(self, app: App, settings: dict[str, Any]) -> None:
        self.app, self.files = app, StaticFiles(directory=WEB)
        self.settings = json.dumps(settings).encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = asked(scope) if scope["type"] == "http" else ""
        if not path.startswith(f"{FOLDER}/"):
            return await self.app(scope, receive, send)
        if path == SETTINGS:
            return await Response(self.settings, media_type="application/json")(scope, receive, send)
        return await self.files({**scope, "path": path.removeprefix(FOLDER), "root_path": ""}, receive, send)
