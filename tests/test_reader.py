"""Drawings of many visitors, read together; calls, and what fails in them."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import HTTPException
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from mnist_demo.classifier import Classifier
from mnist_demo.models import MODELS
from mnist_demo.page import bounds, calls, wire
from mnist_demo.page.doors import DOORS, Doors, asked
from mnist_demo.page.read import reader as reading
from mnist_demo.page.read.reader import Reader
from mnist_demo.page.readings import read_ink

SEVEN = [20, 0, 80, 60, 120, 0, -70, 170]


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: Classifier.load(name) for name in MODELS}


def drawings(count: int) -> list[dict[str, Any]]:
    """Sevens, each somewhat different; the first is blank, and the second a speck."""
    sevens = [[[20, 0, 60 + at, 60, 120 - 2 * at, at, -50, 150]] for at in range(count - 2)]
    return [{"base": "", "strokes": strokes} for strokes in [[], [[6, 0, 9, 9]], *sevens]]


def read_at_once(reader: Reader, wanted: list[Any]) -> list[Any]:
    """What each of those drawings is read as, or why not, all asked for together."""

    async def ask() -> list[Any]:
        return await asyncio.gather(*map(reader.read, wanted), return_exceptions=True)

    return asyncio.run(ask())


def test_drawings_read_together_are_read_as_each_would_be_alone(classifiers: dict[str, Classifier]) -> None:
    wanted = drawings(30)
    for one, together in zip(wanted, read_at_once(Reader(classifiers), wanted), strict=True):
        alone = read_ink(classifiers, wire.ink_of(one))
        assert together["image"] == alone["image"]
        assert together["ink"] == alone["ink"]
        for name, network in alone["networks"].items():
            assert together["networks"][name]["answer"] == network["answer"]
            apart = np.subtract(together["networks"][name]["probabilities"], network["probabilities"])
            assert np.abs(apart).max() < 1.5e-4


def test_a_drawing_that_is_none_spoils_no_other(classifiers: dict[str, Classifier]) -> None:
    answers = read_at_once(Reader(classifiers), [*drawings(4), {"strokes": "many"}, None])
    assert [getattr(answer, "status_code", 200) for answer in answers] == [200] * 4 + [422] * 2


class Slow:
    """In the place of `read_inks`: waits to be let go on, and notes what it was asked."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, _: Any, inks: list[Any]) -> list[Any]:
        self.batches.append([int(ink) for ink in inks])
        self.go_on.wait(10)
        return [{"read": int(ink)} for ink in inks]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Reads numbers instead of drawings."""
    one = Slow()
    monkeypatch.setattr(reading, "read_inks", one)
    monkeypatch.setattr(reading, "ink_of", np.int64)
    yield one
    one.go_on.set()


def overloaded(slow: Slow, count: int, patience: float = 0.0) -> list[Any]:
    """The answers to so many numbers, of which the first is being read while the others come."""

    async def ask() -> list[Any]:
        reader = Reader({})
        first = asyncio.ensure_future(reader.read(0))
        while not slow.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(reader.read(number)) for number in range(1, count)]
        await asyncio.sleep(patience)
        slow.go_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(ask())


def test_the_newest_drawings_are_read_first_and_so_many_at_once(slow: Slow) -> None:
    overloaded(slow, 40)
    assert slow.batches[0] == [0]
    assert slow.batches[1] == list(range(39, 39 - reading.MOST_TOGETHER, -1))
    assert sum(map(len, slow.batches)) == 40


def test_what_is_too_much_is_refused_at_once_the_oldest_first(slow: Slow) -> None:
    answers = overloaded(slow, reading.MOST_WAITING + 11)
    refused = [number for number, answer in enumerate(answers) if isinstance(answer, HTTPException)]
    assert refused == list(range(1, 11))
    assert {answers[number].status_code for number in refused} == {503}


def test_what_has_waited_too_long_is_refused(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PATIENCE", 0.05)
    answers = overloaded(slow, 40, patience=0.1)
    statuses = [getattr(answer, "status_code", 200) for answer in answers]
    assert statuses == [200] + [503] * (39 - reading.MOST_TOGETHER) + [200] * reading.MOST_TOGETHER


def test_a_reading_that_fails_fails_for_those_only_who_wanted_it(
    classifiers: dict[str, Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(classifiers)
    with monkeypatch.context() as broken:
        broken.setattr(reading, "read_inks", lambda *_: 1 / 0)
        assert [type(answer) for answer in read_at_once(reader, drawings(3))] == [ZeroDivisionError] * 3
    assert read_at_once(reader, drawings(3))[2]["networks"]["net"]["answer"] == 7


def test_the_dearest_drawings_cost_moments() -> None:
    pens = [(width, erase) for width in range(wire.NARROWEST, wire.WIDEST + 1) for erase in (0, 1)]
    dots = [[*pens[at % len(pens)], 140 + at % 7, 140] for at in range(wire.MOST_STROKES)]
    step = wire.MOST_LENGTH // wire.MOST_STROKES
    lines = [[wire.NARROWEST, at % 2, at % 50, at % 250, step, 0] for at in range(wire.MOST_STROKES)]
    zigzag = [[wire.NARROWEST, 0, 0, 140, *[270, 0, -270, 0] * (wire.MOST_LENGTH // 540)]]
    for strokes in (dots, lines, zigzag):
        costs = []
        for _ in range(4):
            start = time.thread_time()
            wire.ink_of({"base": "", "strokes": strokes})
            costs.append(time.thread_time() - start)
        assert min(costs) < 0.1  # seconds; 0.05 on a processor that is not shared


def failing(_: Any) -> None:
    raise RuntimeError(f"no such file: {__file__}")


def waiting(_: Any) -> str:
    time.sleep(0.2)
    return "done"


@pytest.fixture
def client() -> TestClient:
    """The doors and the calls, and nothing behind them."""
    functions = {(1, one.__name__): one for one in (failing, waiting)}
    app = Starlette(middleware=[Middleware(Doors), Middleware(bounds.BoundedBody), Middleware(calls.Calls, functions)])
    return TestClient(app)


def call(client: TestClient, name: str) -> Any:
    return client.post(calls.PATHS[0], json={"component_id": 1, "fn_name": name, "data": None})


def test_a_failure_of_ours_is_told_in_a_word_and_names_no_folder(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = call(client, "failing")
    assert answer.status_code == 500
    assert __file__ not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "Traceback" not in caplog.text


def test_more_calls_than_can_be_served_soon_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_AT_ONCE", 3)
    answers: list[int] = []
    with client:
        crowd = [threading.Thread(target=lambda: answers.append(call(client, "waiting").status_code)) for _ in range(9)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
    assert sorted(answers) == [200] * 3 + [503] * 6


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/config", "/config"),
        ("/demo", "/demo/config", "/config"),
        ("/demo", "/config", "/config"),
        ("/demo/", "/demo/", "/"),
        ("/demo", "/demonstration", "/demonstration"),
        ("https://a.example/demo", "/config", "/config"),
    ],
)
def test_a_path_is_looked_at_below_the_root_path(root: str, path: str, below: str) -> None:
    assert asked({"path": path, "root_path": root}) == below


def test_a_door_more_can_be_opened() -> None:
    doors = {**DOORS, "/gradio_api/call/[a-z]{1,20}": ("POST",)}
    client = TestClient(Starlette(middleware=[Middleware(Doors, doors)]))
    behind = client.get("/config").text
    assert client.post("/gradio_api/call/read").text == behind
    assert client.post("/gradio_api/call/read/x").text != behind
