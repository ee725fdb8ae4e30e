"""Clients take turns, and the one that has most loses some: the queue itself, and each place that uses it."""

import asyncio
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.pages import Server, started
from mnist_demo.server.clients import Clients, name_of
from mnist_demo.server.connections import BoundedProtocol
from mnist_demo.server.fair_queue import FairPool, FairQueue, client
from mnist_demo.server.gradio_protocol import MAX_JOBS, MAX_KEPT_OUTCOMES, Jobs
from mnist_demo.server.training_jobs import MAX_WAITING, TrainingJobs
from mnist_demo.server.uploads import MAX_HELD_FILES
from mnist_demo.server.user_models import MAX_NETWORKS, Own, UserModels


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    """Forget who the client was."""
    token = client.set("")
    yield
    client.reset(token)


def put(queue: FairQueue[Any], who: str, *items: Any) -> list[Any]:
    """Put items of a client. Return those displaced."""
    client.set(who)
    return [displaced for item in items if (displaced := queue.put(item)) is not None]


def taken(queue: FairQueue[Any], cost: float = 1) -> list[Any]:
    """Take everything, each item at that cost."""
    items = []
    while len(queue):
        who, item = queue.take()
        queue.charge(who, cost)
        items.append(item)
    return items


def test_clients_take_turns() -> None:
    queue: FairQueue[str] = FairQueue(100)
    put(queue, "a", "a1", "a2", "a3", "a4")
    put(queue, "b", "b1", "b2")
    put(queue, "c", "c1")
    assert queue.order(1) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert taken(queue) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_turns_are_counted_in_what_they_cost() -> None:
    queue: FairQueue[str] = FairQueue(100)
    put(queue, "dear", *["dear"] * 4)
    put(queue, "cheap", *["cheap"] * 10)
    order = []
    while len(queue):
        who, _ = queue.take()
        queue.charge(who, 5 if who == "dear" else 1)
        order.append(who)
    assert order == ["dear", *["cheap"] * 5, "dear", *["cheap"] * 5, "dear", "dear"]


def test_a_newcomer_is_neither_served_before_all_others_nor_after_what_they_were_served_before() -> None:
    queue: FairQueue[str] = FairQueue(100)
    put(queue, "a", *"aaaaaaaa")
    for _ in range(5):
        queue.charge(*(queue.take()[0], 1))
    put(queue, "b", *"bbb")
    assert "".join(taken(queue)) == "bababa"


def test_only_the_client_that_has_most_loses_some() -> None:
    queue: FairQueue[str] = FairQueue(5)
    assert put(queue, "a", "a1", "a2", "a3", "a4", "a5") == []
    assert put(queue, "a", "a6") == ["a6"]
    assert put(queue, "b", "b1", "b2") == ["a5", "a4"]
    assert put(queue, "c", "c1") == ["a3"]
    assert sorted(taken(queue)) == ["a1", "a2", "b1", "b2", "c1"]


def test_newest_first_loses_the_oldest() -> None:
    queue: FairQueue[str] = FairQueue(3, newest_first=True)
    put(queue, "a", "a1", "a2", "a3")
    assert put(queue, "b", "b1") == ["a1"]
    assert taken(queue) == ["a3", "b1", "a2"]


def test_one_client_alone_has_all_the_room_and_what_it_was_served_is_not_remembered() -> None:
    queue: FairQueue[str] = FairQueue(40)
    assert put(queue, "class", *(str(pupil) for pupil in range(40))) == []
    assert taken(queue, cost=1000) == [str(pupil) for pupil in range(40)]
    put(queue, "class", "again")
    put(queue, "other", "other")
    assert taken(queue) == ["again", "other"]


def test_a_pool_works_for_clients_in_turn_and_drops_the_work_of_those_who_went() -> None:
    done: list[str] = []
    free = threading.Event()
    pool = FairPool("test", 1, 5)

    async def work(who: str, what: str) -> None:
        client.set(who)
        await pool.run(lambda: done.append(what))

    async def visit() -> list[Any]:
        blocking = asyncio.ensure_future(pool.run(lambda: free.wait(20)))
        while not pool.served:
            await asyncio.sleep(0.001)
        calls = [asyncio.ensure_future(work("a", f"a{number}")) for number in range(6)]
        calls += [asyncio.ensure_future(work("b", f"b{number}")) for number in range(2)]
        await asyncio.sleep(0.01)
        calls[0].cancel()
        await asyncio.sleep(0.01)
        free.set()
        return await asyncio.gather(blocking, *calls, return_exceptions=True)

    answers = asyncio.run(visit())
    assert done[:2] == ["a1", "b0"]
    assert sorted(done) == ["a1", "a2", "b0", "b1"]
    assert [getattr(answer, "status_code", None) for answer in answers[4:7]] == [503, 503, 503]


def test_a_pool_may_work_once_at_a_time_for_the_same_client() -> None:
    pool, free = FairPool("test", 2, 8, one_each=True), threading.Event()

    async def work(who: str, what: Any) -> Any:
        client.set(who)
        return await pool.run(what)

    async def visit() -> None:
        costly = [asyncio.ensure_future(work("a", lambda: free.wait(20))) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(work("b", lambda: "b"), 10) == "b"
        assert pool.served.count("a") == 1
        free.set()
        await asyncio.gather(*costly)

    asyncio.run(visit())


def test_calls_of_one_client_do_not_keep_another_from_the_api() -> None:
    async def never() -> None:
        await asyncio.sleep(60)

    async def visit() -> None:
        jobs = Jobs()
        client.set("a")
        names = [jobs.keep(jobs.start(never)) for _ in range(MAX_JOBS)]
        client.set("b")
        other = jobs.start(never)
        await asyncio.sleep(0)
        assert not other.done()
        assert [jobs.events[name].outcome.cancelled() for name in names].count(True) == 1

    asyncio.run(visit())


def test_outcomes_that_one_client_leaves_do_not_drop_those_of_another() -> None:
    async def visit() -> None:
        async def at_once() -> str:
            return "done"

        jobs = Jobs()
        client.set("b")
        name = jobs.keep(jobs.start(at_once))
        client.set("a")
        for _ in range(3 * MAX_KEPT_OUTCOMES):
            outcome = jobs.start(at_once)
            jobs.keep(outcome)
            await outcome
        assert jobs.events[name].outcome.result() == {"data": ["done"]}
        assert len(jobs.events) == MAX_KEPT_OUTCOMES

    asyncio.run(visit())


def test_a_client_with_many_networks_loses_its_own_first() -> None:
    yours = UserModels(trains=True)
    client.set("b")
    other = Own("net")
    yours.add(other)
    client.set("a")
    for _ in range(MAX_NETWORKS + 50):
        yours.add(Own("net"))
    assert yours.of(other.key) is other
    assert len(yours.networks) == MAX_NETWORKS


def test_a_client_with_many_trainings_waits_for_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = TrainingJobs(UserModels(trains=True))
    monkeypatch.setattr(jobs, "_advance", lambda: None)
    client.set("a")
    many = [jobs.begin("net", "fast", [], {}) for _ in range(MAX_WAITING + 1)]
    assert many[-1] is None
    client.set("b")
    one = jobs.begin("net", "fast", [], {})
    assert one is not None
    assert jobs.place(one) == 2
    dropped = many[MAX_WAITING - 1]
    assert dropped is not None
    assert (dropped.state, dropped.error) == ("stopped", {"code": "queue_full", "limit": MAX_WAITING})


def connection(host: str, since: float, is_idle: bool = True) -> Any:
    """Return a connection, as far as it matters for who must go."""
    return SimpleNamespace(
        host=host, since=since, cycle=None if is_idle else SimpleNamespace(response_complete=False, more_body=False)
    )


def test_a_connection_more_costs_the_address_that_has_most_one() -> None:
    idle, late = connection("b", 1), connection("b", 2)
    busy = [connection("a", since, is_idle=False) for since in range(5, 9)]

    def surplus(host: str, *others: Any) -> Any:
        return BoundedProtocol.surplus(SimpleNamespace(host=host, connections=others))  # type: ignore[arg-type]

    assert surplus("c", idle, late, *busy) is busy[0]
    assert surplus("a", idle, late, *busy) is None
    assert surplus("a", *busy, connection("a", 9), last := connection("a", 8.5)) is last
    assert surplus("c", late, idle) is idle
    assert surplus("b", late, idle) is idle


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_and_of_ipv6_a_subscriber(host: str, name: str) -> None:
    assert name_of(host) == name


def test_a_request_begins_before_those_that_another_client_sent_at_once() -> None:
    begun: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        begun.append(scope["client"][0])

    async def visit() -> None:
        clients = Clients(app)
        many = [clients({"type": "http", "client": ("a", 1)}, None, None) for _ in range(100)]  # type: ignore[arg-type]
        one = clients({"type": "http", "client": ("b", 1)}, None, None)  # type: ignore[arg-type]
        await asyncio.gather(*many, one)

    asyncio.run(visit())
    assert len(begun) == 101
    assert begun.index("b") < 12


def upload(server: Server, forwarded: str, source: str = "127.0.0.1") -> int:
    """Upload a file through a stand-in for a proxy, or from elsewhere. Return the status."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=30, source_address=(source, 0))
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nabc\r\n--x--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x", "x-forwarded-for": forwarded}
    connection.request("POST", "/gradio_api/upload", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.slow
def test_behind_the_proxy_of_a_space_each_visitor_is_a_client_and_nobody_can_pose_as_others() -> None:
    with started("app.py", environment={"SPACE_HOST": "user-digits.hf.space"}) as server:
        greedy, other = "203.0.113.1", "203.0.113.2"
        assert [upload(server, greedy) for _ in range(MAX_HELD_FILES + 1)] == [200] * MAX_HELD_FILES + [503]
        assert upload(server, f"198.51.100.9, {greedy}, 10.1.2.3") == 503  # as the Space's own proxies add to it
        assert upload(server, other) == 200
        assert upload(server, greedy) == 503
        for number in range(MAX_HELD_FILES // 2 - 1):
            assert upload(server, f"198.51.100.{number}", source="127.0.0.2") == 200
        assert upload(server, "198.51.100.99", source="127.0.0.2") == 503
