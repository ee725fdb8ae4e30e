"""Drawings of many visitors, read together.

Knows: that a network answers sixteen drawings at once in a third of the time that it takes for one after the other,
and that a late answer to a drawing that has changed since is worth little. Does not know: who asks.

A drawing that brings "yours", a key, is read by that visitor's own network, too, together with those that bring the
same; no other waits for more than that.

One thread does all reading, for threads that read side by side fight for the processor. Whatever came while it read is
read next, the newest first; what has waited too long, or is too much, is refused.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_demo.classifier import Classifier
from mnist_demo.page.bounds import busy
from mnist_demo.page.readings import Readings, read_inks, said_of_inks
from mnist_demo.page.wire import ink_of
from mnist_demo.page.yours import OWN, GoneError, Yours, key_of

MOST_TOGETHER = 16  # drawings, read at once: more are no cheaper each
MOST_WAITING = 64  # drawings
MOST_PATIENCE = 0.5  # seconds that a drawing waits


class Waiting(NamedTuple):
    """A drawing from the wire that somebody wants read."""

    drawing: Any
    since: float  # seconds, of time.monotonic
    answer: Future[Readings]


class Reader:
    """Reads what the networks, and a visitor's own, make of drawings, for any number of visitors."""

    def __init__(self, classifiers: Mapping[str, Classifier], yours: Yours | None = None) -> None:
        self.classifiers, self.yours = classifiers, yours or Yours(trains=False)
        self.waiting: deque[Waiting] = deque()
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None

    async def read(self, drawing: Any) -> Readings:
        """What `read_ink` makes of that drawing from the wire.

        A probability may differ by one in its fourth decimal, for some processors add up otherwise for many drawings
        than for one. Raises HTTPException: 422 where it is none, 503 where there is too much to do.
        """
        return await asyncio.wrap_future(self._queue(drawing))

    def _queue(self, drawing: Any) -> Future[Readings]:
        answer: Future[Readings] = Future()
        with self.changed:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="reader", daemon=True)
                self.thread.start()
            self.waiting.append(Waiting(drawing, time.monotonic(), answer))
            refused = self.waiting.popleft() if len(self.waiting) > MOST_WAITING else None
            self.changed.notify()
        if refused:
            _settle(refused.answer, busy())
        return answer

    def _run(self) -> None:
        while True:
            together, refused = self._next()
            for one in refused:
                _settle(one.answer, busy())
            self._answer(together)

    def _next(self) -> tuple[list[Waiting], list[Waiting]]:
        """Waits for drawings. The newest of them, and those that have waited for too long."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting)
            together = [self.waiting.pop() for _ in range(min(MOST_TOGETHER, len(self.waiting)))]
            oldest = time.monotonic() - MOST_PATIENCE
            refused = []
            while self.waiting and self.waiting[0].since < oldest:
                refused.append(self.waiting.popleft())
        return together, refused

    def _answer(self, together: list[Waiting]) -> None:
        drawn: list[tuple[Waiting, NDArray[np.uint8]]] = []
        for one in together:
            if one.answer.cancelled():  # its client has gone
                continue
            try:
                drawn.append((one, ink_of(one.drawing)))
            except Exception as error:
                _settle(one.answer, error)
        try:
            readings: list[Any] = read_inks(self.classifiers, [ink for _, ink in drawn]) if drawn else []
            self._read_by_own(drawn, readings)
        except Exception as error:
            readings = [error] * len(drawn)
        for (one, _), reading in zip(drawn, readings, strict=True):
            _settle(one.answer, reading)

    def _read_by_own(self, drawn: list[tuple[Waiting, NDArray[np.uint8]]], readings: list[Readings]) -> None:
        """Adds to the readings of drawings that bring a key what that network says, or that it is gone."""
        by_key: dict[Any, list[int]] = {}
        for at, (one, _) in enumerate(drawn):
            if (key := key_of(one.drawing)) is not None:
                by_key.setdefault(key if isinstance(key, str) else "", []).append(at)
        for key, places in by_key.items():
            try:
                classifier = self.yours.classifier(key)
            except GoneError:
                for at in places:
                    readings[at]["gone"] = True
                continue
            if classifier is not None:
                for at, own in zip(places, said_of_inks(classifier, [drawn[at][1] for at in places]), strict=True):
                    readings[at]["networks"][OWN] = own


def _settle(answer: Future[Readings], outcome: Readings | Exception) -> None:
    """Gives the answer, unless nobody waits for it any more."""
    if not answer.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
