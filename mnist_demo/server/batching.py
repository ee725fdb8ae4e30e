"""Digits of many clients, read together: one call of a network for sixteen takes a third of the time of sixteen calls.

One thread reads, since several would compete for the processor. Clients take turns, counted in digits. A client's
newest request is read first, since it wants no late answer to a drawing that has changed. A request is refused if it
waits too long or if the queue is full. If it has the key of a user's own network, that network reads its digits, too.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_demo.model.classifier import Classifier
from mnist_demo.server.fair_queue import FairQueue, settle
from mnist_demo.server.limits import busy
from mnist_demo.server.readings import Images, Readings, readings_of
from mnist_demo.server.user_models import OWN, GoneError, UserModels

MAX_BATCH = 16  # digits read at once: a larger batch takes as long per digit
MAX_WAITING = 64  # requests
MAX_WAIT_S = 0.5

Answer = dict[str, Any]  # {"readings": one for each digit, "gone": True if the user's network was dropped}


@dataclass(eq=False)
class Waiting:
    """Digits that a client wants read."""

    images: Images
    yours: str | None
    since: float = field(default_factory=time.monotonic)
    answer: Future[Answer] = field(default_factory=Future)


class Reader:
    """A reader of digits for any number of clients."""

    def __init__(self, classifiers: Mapping[str, Classifier], yours: UserModels | None = None) -> None:
        self.classifiers, self.yours = classifiers, yours or UserModels(trains=False)
        self.waiting: FairQueue[Waiting] = FairQueue(MAX_WAITING, newest_first=True)
        self.thread: threading.Thread | None = None

    async def read(self, images: Images, yours: str | None = None) -> Answer:
        """Return what every network says of digits (N, 28, 28) in [0, 1].

        A probability may differ by one in its fourth decimal from that of a digit read alone: some processors add in
        another order for a batch. Raises HTTPException (503) if the request is refused.
        """
        one = Waiting(images, yours)
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, name="reader", daemon=True)
            self.thread.start()
        if displaced := self.waiting.put(one):
            settle(displaced.answer, busy())
        try:
            return await asyncio.wrap_future(one.answer)
        finally:
            self.waiting.remove(one)

    def _run(self) -> None:
        while True:
            self._answer(self._next())

    def _next(self) -> list[Waiting]:
        """Wait for digits. Return the requests whose turn it is; refuse those that have waited too long."""
        batch: list[Waiting] = []
        with self.waiting.changed:
            while not batch or (len(self.waiting) and sum(len(one.images) for one in batch) < MAX_BATCH):
                who, one = self.waiting.take()
                self.waiting.charge(who, len(one.images))
                batch.append(one)
            oldest = time.monotonic() - MAX_WAIT_S
            refused = self.waiting.drop(lambda one: one.since < oldest)
        for one in refused:
            settle(one.answer, busy())
        return batch

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
        """Add the readings of users' own networks for their digits, or that the network is gone."""
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
