"""Networks that visitors have trained: kept in memory, a few of them, for a while, each for who knows its key.

Knows: how many, how long, and how the weights file is had. Does not know: how they came to be, or who looks at them.

What a lens asks the server may bring "yours", a key; where that network was let go, the answer says {"gone": true}.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response

from mnist_demo.classifier import Classifier
from mnist_demo.page.bounds import App, Message, Receive, Send
from mnist_demo.page.doors import asked

OWN = "yours"  # what a visitor's network is called, beside the names of ours
MOST = 8  # networks: of the larger kind, with their files, 8 MB each
IDLE = 3600.0  # seconds since it was last asked, after which one is let go
FOLDER = "/yours/"  # of the paths by which weights files are had
SUFFIX = ".safetensors"


class GoneError(Exception):
    """There is no such network, or no longer."""


@dataclass(eq=False)
class Own:
    """A visitor's network."""

    model: str  # a key of MODELS
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    classifier: Classifier | None = None  # as it is now; None before its first step
    weights: bytes | None = None  # its file, once it is trained
    used: float = field(default_factory=time.monotonic)  # when it was last asked for


class Yours:
    """The networks of all visitors, where `trains` says that there may be some."""

    def __init__(self, trains: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.trains, self.now = trains, now
        self.networks: dict[str, Own] = {}
        self.lock = threading.Lock()

    def add(self, own: Own) -> None:
        """Keeps one more; who has been idle too long is let go, and, where they are too many, who was so longest."""
        with self.lock:
            self._let_go()
            while len(self.networks) >= MOST:
                del self.networks[min(self.networks.values(), key=lambda one: one.used).key]
            own.used = self.now()
            self.networks[own.key] = own

    def of(self, key: object) -> Own | None:
        """The network of that key; None where there is none, or no longer."""
        with self.lock:
            self._let_go()
            own = self.networks.get(key) if isinstance(key, str) else None
            if own is not None:
                own.used = self.now()
        return own

    def classifier(self, key: object) -> Classifier | None:
        """The network of that key as it is now; None before its first step. Raises GoneError where there is none."""
        own = self.of(key)
        if own is None:
            raise GoneError
        return own.classifier

    def forget(self, key: object) -> None:
        """Lets that one go."""
        with self.lock:
            if isinstance(key, str):
                self.networks.pop(key, None)

    def _let_go(self) -> None:
        oldest = self.now() - IDLE
        for own in [own for own in self.networks.values() if own.used < oldest]:
            del self.networks[own.key]


def key_of(wanted: Any) -> object:
    """The key that a request brings along; None where it brings none."""
    return wanted.get("yours") if isinstance(wanted, dict) else None


class WeightsFiles:
    """ASGI middleware that hands a visitor's weights file to who knows its key."""

    def __init__(self, app: App, yours: Yours) -> None:
        self.app, self.yours = app, yours

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not asked(scope).startswith(FOLDER):
            return await self.app(scope, receive, send)
        own = self.yours.of(asked(scope).removeprefix(FOLDER).removesuffix(SUFFIX))
        answer: Response = PlainTextResponse("this network was let go, or is not trained yet", 404)
        if own is not None and own.weights is not None:
            name = quote(f"yours-{own.model}{SUFFIX}")
            headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
            answer = Response(own.weights, headers=headers, media_type="application/octet-stream")
        return await answer(scope, receive, send)
