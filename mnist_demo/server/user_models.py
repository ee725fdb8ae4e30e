"""Networks that users have trained, kept in memory for a while, each available to clients that know its key.

Requests of a lens may name such a network in the field "yours", by its key. If it was dropped, the answer is {"gone":
true}.
"""

import contextlib
import functools
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response

from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.server.allow_list import path_of
from mnist_demo.server.fair_queue import client, greediest
from mnist_demo.server.limits import App, Message, Receive, Send

OWN = "yours"  # the name of a user's network, besides the names in MODELS
MEMORY_SHARE = 1 / 16  # of the memory of the machine or container: 128 ConvNets in 16 GiB
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2 and 1
USUAL_MEMORY_BYTES = 2**32  # if the system does not report its memory
MAX_NETWORKS = 500  # trained and untrained
IDLE = 3600.0  # seconds without use, after which a network is dropped
FOLDER = "/yours/"  # of the paths of weights files
SUFFIX = ".safetensors"


class GoneError(Exception):
    """The error raised for a key that is unknown, or whose network was dropped."""


def max_bytes() -> int:
    """Return how many bytes users' networks may take: MEMORY_SHARE of the memory that this process may use."""
    names = getattr(os, "sysconf_names", {})  # Windows has none
    known = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(names)
    bounds = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else USUAL_MEMORY_BYTES]
    for file in map(Path, CONTAINER_LIMITS):
        with contextlib.suppress(OSError, ValueError):  # there is no such file, or it holds no limit
            bounds.append(int(file.read_text(encoding="ascii")))
    return int(MEMORY_SHARE * min(bounds))


@functools.cache
def weights_bytes(model: str) -> int:
    """Return how many bytes the weights of that network take; `model` is a key of MODELS."""
    return sum(weights.nbytes for weights in MODELS[model]().state_dict().values())


@dataclass(eq=False)
class Own:
    """A user's network."""

    model: str  # a key of MODELS
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    classifier: Classifier | None = None  # its current state; None before its first step
    weights: bytes | None = None  # its weights file, once it is trained
    used: float = field(default_factory=time.monotonic)  # when it was last used
    owner: str = field(default_factory=client.get)

    @property
    def bytes(self) -> int:
        """The memory that it takes: its classifier and its weights file are about equally large."""
        return weights_bytes(self.model) * (bool(self.classifier) + bool(self.weights))


class UserModels:
    """The networks of all users, within `most` bytes; `trains` says if users may train."""

    def __init__(self, trains: bool, now: Callable[[], float] = time.monotonic, most: int | None = None) -> None:
        self.trains, self.now = trains, now
        self.most = max_bytes() if most is None else most
        self.networks: dict[str, Own] = {}
        self.lock = threading.Lock()

    def add(self, own: Own) -> None:
        """Keep a network."""
        with self.lock:
            self._drop_idle()
            own.used = self.now()
            self.networks[own.key] = own

    def of(self, key: object) -> Own | None:
        """Return the network with that key, or None if there is none or it was dropped."""
        with self.lock:
            self._drop_idle()
            own = self.networks.get(key) if isinstance(key, str) else None
            if own is not None:
                own.used = self.now()
        return own

    def classifier(self, key: object) -> Classifier | None:
        """Return the current classifier of that key, or None before its first step.

        Raises GoneError if the key is unknown, or its network was dropped.
        """
        own = self.of(key)
        if own is None:
            raise GoneError
        return own.classifier

    def forget(self, key: object) -> None:
        """Drop a network."""
        with self.lock:
            if isinstance(key, str):
                self.networks.pop(key, None)

    def _drop_idle(self) -> None:
        """Drop networks that have been idle too long. If there are too many, the client that has most loses some."""
        oldest = self.now() - IDLE
        self.networks = {key: own for key, own in self.networks.items() if own.used >= oldest}
        while len(self.networks) > MAX_NETWORKS:
            self._drop_one(lambda own: 1)
        while sum(own.bytes for own in self.networks.values()) > self.most:
            self._drop_one(lambda own: own.bytes)

    def _drop_one(self, size: Callable[[Own], int]) -> None:
        """Drop a network of the client that has most: the one that was idle longest."""
        shares: Counter[str] = Counter()
        for own in self.networks.values():
            shares[own.owner] += size(own)
        owner = greediest(shares)
        candidates = [own for own in self.networks.values() if own.owner == owner and size(own)]
        del self.networks[min(candidates, key=lambda own: own.used).key]


class WeightsFiles:
    """ASGI middleware that serves a user's weights file to clients that know its key."""

    def __init__(self, app: App, yours: UserModels) -> None:
        self.app, self.yours = app, yours

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not path_of(scope).startswith(FOLDER):
            return await self.app(scope, receive, send)
        own = self.yours.of(path_of(scope).removeprefix(FOLDER).removesuffix(SUFFIX))
        answer: Response = PlainTextResponse("this network was dropped, or is not trained yet", 404)
        if own is not None and own.weights is not None:
            name = quote(f"yours-{own.model}{SUFFIX}")
            headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
            answer = Response(own.weights, headers=headers, media_type="application/octet-stream")
        return await answer(scope, receive, send)
