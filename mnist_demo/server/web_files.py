"""The files of `web/` and the networks' weights, served to the browser."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from mnist_demo.model.classifier import Classifier
from mnist_demo.model.packed import packed
from mnist_demo.server.allow_list import path_of
from mnist_demo.server.limits import App, Message, Receive, Send

WEB = Path(__file__).parent.parent / "web"
FOLDER = "/web"
SETTINGS = f"{FOLDER}/settings.json"
BYTES = "application/octet-stream"
LATER = {"worker", "site"}  # folders of modules that the page does not load at first
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


def text(name: str) -> str:
    """Return the content of a file below `web/`."""
    return (WEB / name).read_text(encoding="utf-8")


def modules() -> list[str]:
    """Return the paths of all modules of the page, which the browser loads at once."""
    paths = (path.relative_to(WEB) for path in WEB.rglob("*.js"))
    return sorted(f"web/{path.as_posix()}" for path in paths if not LATER & set(path.parts))


class WeightsFile(NamedTuple):
    """A network for browsers."""

    name: str  # below `web/`; it changes with the weights
    content: bytes


def weights_files(classifiers: Mapping[str, Classifier]) -> dict[str, WeightsFile]:
    """Return the file of each network."""
    contents = {name: packed(classifier) for name, classifier in classifiers.items()}
    digests = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in contents.items()}
    return {name: WeightsFile(f"networks/{name}-{digests[name]}.safetensors", contents[name]) for name in contents}


class WebFiles:
    """ASGI middleware that serves `web/`, and in it the page's settings and the networks' weights."""

    def __init__(self, app: App, settings: dict[str, Any], weights: Mapping[str, WeightsFile]) -> None:
        self.app, self.files = app, StaticFiles(directory=WEB)
        self.settings = json.dumps(settings).encode()
        self.weights = {f"{FOLDER}/{file.name}": file.content for file in weights.values()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = path_of(scope) if scope["type"] == "http" else ""
        if not path.startswith(f"{FOLDER}/"):
            return await self.app(scope, receive, send)
        if path == SETTINGS:
            return await Response(self.settings, media_type="application/json")(scope, receive, send)
        if path in self.weights:
            return await Response(self.weights[path], headers=FOREVER, media_type=BYTES)(scope, receive, send)
        return await self.files({**scope, "path": path.removeprefix(FOLDER), "root_path": ""}, receive, send)
