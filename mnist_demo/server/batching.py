"""Digits of many clients, read together: one call of a network for sixteen takes a third of the time of sixteen calls.

One thread reads, for threads side by side compete for the processor. It takes what came while it read, newest first: a
late answer to a drawing that has changed since is worth little. What waits too long, or is too much, is refused.
Digits that bring the key of a visitor's own network are read by that, too.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
from fastapi import HTTPException

from mnist_demo.model.classifier import Classifier
from mnist_demo.server.limits import busy
from mnist_demo.server.readings import Images, Readings, readings_of
from mnist_demo.server.user_models import OWN, GoneError, UserModels

MAX_BATCH = 16  # digits read at once: more are no cheaper each
MAX_WAITING = 64  # requests
MAX_WAIT_S = 0.5

Answer = dict[str, Any]  # {"readings": one for each digit, "gone": True if the visitor's network is no longer kept}


class Waiting(NamedTuple):
    """Digits that a client wants read."""

    images: Images
    yours: str | None
    since: float  # seconds, of time.monotonic
    answer: Future[Answer]


class Reader:
    """Reads digits for any number of clients."""

    def __init__(self, classifiers: Mapping[str, Classifier], yours: UserModels | None = None) -> None:
        self.classifiers, self.yours = classifiers, yours or UserModels(trains=False)
        self.waiting: deque[Waiting] = deque()
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None

    async def read(self, images: Images, yours: str | None = None) -> Answer:
        """Return what every network says of digits (N, 28, 28) in [0, 1].

        A probability may differ by one in its fourth decimal, since some processors add up otherwise for many digits
        than for one. Raises HTTPException (503) if there is too much to do.
        """
        return await asyncio.wrap_future(self._queue(images, yours))

    def _queue(self, images: Images, yours: str | None) -> Future[Answer]:
        answer: Future[Answer] = Future()
        with self.changed:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="reader", daemon=True)
                self.thread.start()
            self.waiting.append(Waiting(images, yours, time.monotonic(), answer))
            refused = self.waiting.popleft() if len(self.waiting) > MAX_WAITING else None
            self.changed.notify()
        if refused:
            _settle(refused.answer, busy())
        return answer

    def _run(self) -> None:
        while True:
            batch, refused = self._next()
            for one in refused:
                _settle(one.answer, busy())
            self._answer(batch)

    def _next(self) -> tuple[list[Waiting], list[Waiting]]:
        """Wait for digits. Return the newest requests, and those that have waited too long."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting)
            batch = [self.waiting.pop()]
            while self.waiting and sum(len(one.images) for one in batch) < MAX_BATCH:
                batch.append(self.waiting.pop())
            oldest = time.monotonic() - MAX_WAIT_S
            refused = []
            while self.waiting and self.waiting[0].since < oldest:
                refused.append(self.waiting.popleft())
        return batch, refused

    def _answer(self, batch: list[Waiting]) -> None:
        batch = [one for one in batch if one.answer.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            readings = iter(readings_of(self.classifiers, np.concatenate([one.images for one in batch])))
            answers: list[Answer] = [{"readings": [next(readings) for _ in one.images]} for one in batch]
            self._read_by_own(batch, answers)
        except Exception as error:
            for one in batch:
                one.answer.set_exception(error)
            return
        for one, answer in zip(batch, answers, strict=True):
            one.answer.set_result(answer)

    def _read_by_own(self, batch: list[Waiting], answers: list[Answer]) -> None:
        """Add what visitors' own networks say of their digits, or that the network is gone."""
        for key in {one.yours for one in batch if one.yours is not None}:
            places = [at for at, one in enumerate(batch) if one.yours == key]
            try:
                classifier = self.yours.classifier(key)
            except GoneError:
                for at in places:
                    answers[at]["gone"] = True
                continue
            if classifier is not None:
                images = np.concatenate([batch[at].images for at in places])
                rows = [row for at in places for row in answers[at]["readings"]]
                own: list[Readings] = readings_of({OWN: classifier}, images)
                for row, said in zip(rows, own, strict=True):
                    row |= said


def _settle(answer: Future[Answer], refusal: HTTPException) -> None:
    """Refuse, unless nobody waits any more."""
    if answer.set_running_or_notify_cancel():
        answer.set_exception(refusal)
