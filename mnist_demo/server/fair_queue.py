"""Fair shares: queues in which clients take turns.

There are two rules. The client that has cost least is served next. If a queue is full, the client with the most items
in it loses one. They matter only if several clients compete: a client that is alone gets everything.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import HTTPException

from mnist_demo.server.limits import busy

MAX_KNOWN = 1000  # clients without items whose costs a queue remembers

client: ContextVar[str] = ContextVar("client", default="")  # the sender of the current request

Item = TypeVar("Item")
Result = TypeVar("Result")


def greediest(shares: Mapping[str, float], newcomer: str = "") -> str:
    """Return the client with the largest share; among equals the newcomer."""
    return max(shares, key=lambda one: (shares[one], one == newcomer))


class FairQueue(Generic[Item]):
    """The items of all clients, at most `room`.

    A client's oldest item is taken first. If a client must lose an item, it is the newest one. `newest_first` reverses
    both.
    """

    def __init__(self, room: int, newest_first: bool = False) -> None:
        self.room, self.newest_first = room, newest_first
        self.items: dict[str, deque[Item]] = {}  # by client, in the order of turns; none is empty
        self.costs: dict[str, float] = {}
        self.level = 0.0  # the cost of the client served last, before it was served; new clients start with it
        self.changed = threading.Condition()

    def __len__(self) -> int:
        return sum(map(len, self.items.values()))

    def put(self, item: Item) -> Item | None:
        """Add an item of the current client. Return the item that is displaced, if any; it may be this one."""
        who = client.get()
        with self.changed:
            if who not in self.items:
                self._join(who)
            self.items[who].append(item)
            self.changed.notify()
            if len(self) <= self.room:
                return None
            counts = {one: len(items) for one, items in self.items.items()}
            return self._pop(greediest(counts, who), not self.newest_first)

    def take(self, may: Callable[[str], bool] = lambda _: True) -> tuple[str, Item]:
        """Wait for an item of a client that may be served. Return the client whose turn it is, and the item."""
        with self.changed:
            self.changed.wait_for(lambda: any(map(may, self.items)))
            who = min(filter(may, self.items), key=self.costs.__getitem__)
            self.level = self.costs[who]
            self.items[who] = self.items.pop(who)  # to the end: among equal costs, others come first
            return who, self._pop(who, self.newest_first)

    def charge(self, who: str, cost: float) -> None:
        """Add to the cost of a client, unless the queue is empty: then there is nobody to be fair to."""
        with self.changed:
            if self.items:
                self.costs[who] = self.costs.get(who, self.level) + cost

    def remove(self, item: Item) -> None:
        """Remove an item, if it is there."""
        with self.changed:
            for who, items in self.items.items():
                if item in items:
                    items.remove(item)
                    self._tidy(who)
                    return

    def order(self, cost: float) -> list[Item]:
        """Return all items in the order in which they will be taken if each costs that much and none is added."""
        with self.changed:
            turns = [
                (self.costs[who] + cost * place, turn, item)
                for turn, (who, items) in enumerate(self.items.items())
                for place, item in enumerate(items)
            ]
        return [item for *_, item in sorted(turns, key=lambda one: one[:2])]

    def drop(self, is_unwanted: Callable[[Item], bool]) -> list[Item]:
        """Remove and return the items that nobody wants any more."""
        with self.changed:
            found = [item for items in self.items.values() for item in items if is_unwanted(item)]
            for item in found:
                self.remove(item)
        return found

    def _join(self, who: str) -> None:
        if len(self.costs) > MAX_KNOWN:
            self.costs = {one: cost for one, cost in self.costs.items() if one in self.items}
        self.items[who] = deque()
        self.costs[who] = max(self.level, self.costs.get(who, 0.0))

    def _pop(self, who: str, newest: bool) -> Item:
        item = self.items[who].pop() if newest else self.items[who].popleft()
        self._tidy(who)
        return item

    def _tidy(self, who: str) -> None:
        """Drop a client without items, and all costs if the queue is empty."""
        if not self.items[who]:
            del self.items[who]
        if not self.items:
            self.costs.clear()
            self.level = 0.0


@dataclass(eq=False)
class Call:
    """Work for a client, and the future for its result."""

    work: Callable[[], Any]
    context: Context = field(default_factory=copy_context)
    result: Future[Any] = field(default_factory=Future)


class FairPool:
    """Threads that work for clients in turn. Work costs seconds of `clock` (by default processor time).

    With `one_each`, at most one thread at a time works for a client.
    """

    def __init__(
        self, name: str, workers: int, room: int, clock: Callable[[], float] = time.thread_time, one_each: bool = False
    ) -> None:
        self.name, self.workers, self.clock, self.one_each = name, workers, clock, one_each
        self.queue: FairQueue[Call] = FairQueue(room)
        self.served: list[str] = []  # clients for which threads are working
        self.threads: list[threading.Thread] = []

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`. Raises HTTPException (503) if the queue is full.

        If the caller is cancelled, work that has not begun is dropped.
        """
        call = Call(work)
        if len(self.threads) < self.workers:
            self.threads.append(threading.Thread(target=self._serve, name=self.name, daemon=True))
            self.threads[-1].start()
        if displaced := self.queue.put(call):
            settle(displaced.result, busy())
        try:
            result: Result = await asyncio.wrap_future(call.result)
            return result
        finally:
            self.queue.remove(call)

    def _serve(self) -> None:
        while True:
            with self.queue.changed:
                who, call = self.queue.take(lambda one: not self.one_each or one not in self.served)
                self.served.append(who)
            begun = self.clock()
            if call.result.set_running_or_notify_cancel():
                try:
                    call.result.set_result(call.context.run(call.work))
                except Exception as error:
                    call.result.set_exception(error)
            with self.queue.changed:
                self.queue.charge(who, self.clock() - begun)
                self.served.remove(who)
                self.queue.changed.notify_all()


def settle(result: Future[Any], refusal: HTTPException) -> None:
    """Set the refusal as the result, unless the caller has gone."""
    if result.set_running_or_notify_cancel():
        result.set_exception(refusal)
