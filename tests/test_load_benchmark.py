"""The simulated people: what they draw, and how what they get is counted."""

import asyncio
import io
import math
import time

import pytest
from PIL import Image

from benchmarks import distance, load
from benchmarks.crowd import RATE, STOCK_SIDE, UPDATES, Tally, crowd, growing, person, pictures
from mnist_demo.ink.strokes import draw
from mnist_demo.model.classifier import Classifier


def test_what_they_draw_grows_into_a_digit(classifier: Classifier) -> None:
    read = []
    for seed in range(10):
        stages = growing(seed)
        assert len(stages) == UPDATES
        sums = [int(draw(strokes).sum()) for strokes in stages]
        assert sums == sorted(sums)
        read.append(classifier.read(draw(stages[-1])).answer == seed)
    assert sum(read) >= 9


def test_for_the_stock_page_they_draw_pictures() -> None:
    files = pictures(5)
    assert len(files) == 5
    assert {Image.open(io.BytesIO(file)).size for file in files} == {(STOCK_SIDE, STOCK_SIDE)}


class Visitor:
    """Is answered after so many seconds, with those statuses in turn."""

    def __init__(self, seconds: float, *statuses: int) -> None:
        self.seconds, self.statuses, self.asked = seconds, statuses, []

    async def ask(self, number: int) -> int:
        await asyncio.sleep(self.seconds)
        self.asked.append(number)
        status = self.statuses[len(self.asked) % len(self.statuses)]
        if status == 0:
            raise ConnectionResetError
        return status

    def leave(self) -> None:
        pass


def test_a_person_asks_for_each_update_where_answers_come_at_once() -> None:
    visitor = Visitor(0, 200)
    tally = asyncio.run(crowd([visitor], 1))
    assert visitor.asked == list(range(RATE))
    assert tally.in_time == RATE


def test_a_person_skips_updates_where_answers_come_late() -> None:
    visitor, tally, now = Visitor(0.25, 200), Tally(), time.perf_counter()
    asyncio.run(person(visitor, now, now + 1, tally))
    assert visitor.asked[:3] == [0, 2, 5]
    assert all(0.24 < taken < 0.4 for taken in tally.times)
    assert tally.in_time <= 4


def test_a_person_whom_the_server_told_that_it_is_busy_asks_again_after_a_moment() -> None:
    visitor, tally, now = Visitor(0, 503), Tally(), time.perf_counter()
    asyncio.run(person(visitor, now, now + 1.5, tally))
    assert 2 <= len(visitor.asked) == tally.busy <= 5


def test_busy_and_broken_answers_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.crowd.PAUSE", (0.05, 0.05))
    tally = asyncio.run(crowd([Visitor(0, 200, 503, 500, 0)], 1.2))
    assert (tally.in_time, tally.busy, tally.errors) == pytest.approx((3, 3, 6), abs=1)


def test_figures_are_in_milliseconds_and_a_page_without_answers_has_none() -> None:
    assert load.told(Tally([0.1] * 20, in_time=20), 2)["median"] == pytest.approx(100)
    assert load.told(Tally([0.1] * 20, in_time=20), 2)["answers"] == 10
    assert load.told(Tally(), 2)["late"] == math.inf


@pytest.mark.parametrize("nonsense", [["--people", "0"], ["--people", "5000"], ["--seconds", "0"], ["--before", "/"]])
def test_a_measurement_that_cannot_be_is_refused_in_one_line(
    nonsense: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(nonsense) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_distance_that_cannot_be_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert distance.main(["--ms", "0", "451"]) == 2
    assert capsys.readouterr().err == "error: --ms must be 0 to 450\n"
