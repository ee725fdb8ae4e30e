"""Digits of many clients, read together; calls, and their failures."""

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

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server import batching as reading
from mnist_demo.server import engine, limits
from mnist_demo.server.allow_list import ALLOWED, AllowList, path_of
from mnist_demo.server.batching import Reader
from mnist_demo.server.engine import Engine, Function, Question
from mnist_demo.server.readings import readings_of


def digits(test_digits: Samples, count: int) -> list[Any]:
    """Return requests of one to three digits each."""
    images = test_digits.images[:, 0].numpy() / np.float32(255)
    return [images[at : at + 1 + at % 3] for at in range(count)]


def read_at_once(reader: Reader, wanted: list[Any]) -> list[Any]:
    """Return the answer to each of those requests, or its refusal, all sent at once."""

    async def ask() -> list[Any]:
        return await asyncio.gather(*map(reader.read, wanted), return_exceptions=True)

    return asyncio.run(ask())


def test_digits_read_together_are_read_as_each_would_be_alone(
    classifiers: dict[str, Classifier], test_digits: Samples
) -> None:
    wanted = digits(test_digits, 30)
    for images, together in zip(wanted, read_at_once(Reader(classifiers), wanted), strict=True):
        assert len(together["readings"]) == len(images)
        for reading_together, alone in zip(together["readings"], readings_of(classifiers, images), strict=True):
            for name, network in alone.items():
                assert reading_together[name]["answer"] == network["answer"]
                apart = np.subtract(reading_together[name]["probabilities"], network["probabilities"])
                assert np.abs(apart).max() < 1.5e-4


class Slow:
    """A stand-in for `readings_of` that waits for permission and records its calls."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, _: Any, images: Any) -> list[Any]:
        self.batches.append(images.tolist())
        self.go_on.wait(10)
        return [{"read": number} for number in images.tolist()]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Replace the networks by a slow reader of numbers."""
    one = Slow()
    monkeypatch.setattr(reading, "readings_of", one)
    yield one
    one.go_on.set()


def overloaded(slow: Slow, count: int, patience: float = 0.0) -> list[Any]:
    """Return the answers to `count` numbers; the first is being read while the others arrive."""

    async def ask() -> list[Any]:
        reader = Reader({})
        first = asyncio.ensure_future(reader.read(np.array([0])))
        while not slow.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(reader.read(np.array([number]))) for number in range(1, count)]
        await asyncio.sleep(patience)
        slow.go_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(ask())


def test_the_newest_digits_are_read_first_in_batches_of_limited_size(slow: Slow) -> None:
    overloaded(slow, 40)
    assert slow.batches[0] == [0]
    assert slow.batches[1] == list(range(39, 39 - reading.MAX_BATCH, -1))
    assert sum(map(len, slow.batches)) == 40


def test_excess_requests_are_refused_at_once_the_oldest_first(slow: Slow) -> None:
    answers = overloaded(slow, reading.MAX_WAITING + 11)
    refused = [number for number, answer in enumerate(answers) if isinstance(answer, HTTPException)]
    assert refused == list(range(1, 11))
    assert {answers[number].status_code for number in refused} == {503}


def test_a_request_that_waited_too_long_is_refused(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_WAIT_S", 0.05)
    answers = overloaded(slow, 40, patience=0.1)
    statuses = [getattr(answer, "status_code", 200) for answer in answers]
    assert statuses == [200] + [503] * (39 - reading.MAX_BATCH) + [200] * reading.MAX_BATCH


def test_a_failed_reading_fails_only_for_its_own_clients(
    classifiers: dict[str, Classifier], test_digits: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(classifiers)
    with monkeypatch.context() as broken:
        broken.setattr(reading, "readings_of", lambda *_: 1 / 0)
        assert [type(answer) for answer in read_at_once(reader, digits(test_digits, 3))] == [ZeroDivisionError] * 3
    answers = read_at_once(reader, digits(test_digits, 3))
    assert answers[0]["readings"][0]["net"]["answer"] == test_digits.labels[0]


def failing(_: Any) -> None:
    raise RuntimeError(f"no such file: {__file__}")


def waiting(_: Any) -> str:
    time.sleep(0.2)
    return "done"


async def never_read(*_: Any) -> None:
    pytest.fail("nothing is to be read")


@pytest.fixture
def client() -> TestClient:
    """Return the allow-list and the engine with nothing behind them."""
    functions = {one.__name__: Function(Question, one) for one in (failing, waiting)}
    app = Starlette(
        middleware=[Middleware(AllowList), Middleware(limits.BoundedBody), Middleware(Engine, never_read, functions)]
    )
    return TestClient(app)


def call(client: TestClient, name: str) -> Any:
    return client.post(f"/engine/{name}", json={})


def test_a_failure_is_reported_without_details_or_folders(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = call(client, "failing")
    assert answer.status_code == 500
    assert __file__ not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "Traceback" not in caplog.text


def test_excess_calls_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_WAITING", 1)
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
    assert path_of({"path": path, "root_path": root}) == below


def test_the_allow_list_can_be_extended() -> None:
    allowed = {**ALLOWED, "/gradio_api/call/[a-z]{1,20}": ("POST",)}
    client = TestClient(Starlette(middleware=[Middleware(AllowList, allowed)]))
    behind = client.get("/config").text
    assert client.post("/gradio_api/call/read").text == behind
    assert client.post("/gradio_api/call/read/x").text != behind
