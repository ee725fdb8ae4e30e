"""The benchmarks' helpers: their drawings and counts, and one-line errors for what cannot be measured."""

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import distance, drawings, load, local_engine, pictures, strangers, teach
from benchmarks.crowd import Tally, growing, person
from benchmarks.made import CLEAN, MADE, NO_DIGIT, of_sample
from benchmarks.redrawn import REDRAWN
from benchmarks.unknown import SIGNS, UNKNOWN
from mnist_demo.data.mnist import Samples
from mnist_demo.data.synthetic import bend
from mnist_demo.data.templates import DIGITS, OTHERS
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import draw
from mnist_demo.model.classifier import Classifier

SEVEN = [[[0, 0], [60, 0], [20, 100]]]
ONE = [[[0, 0], [0, 100]]]


def test_each_way_of_redrawing_gives_crisp_ink_that_fits_the_canvas(test_digits: Samples) -> None:
    for redraw in REDRAWN.values():
        ink = redraw(test_digits.images[0, 0].numpy(), np.random.default_rng(0))
        assert ink.shape == (280, 280)
        assert set(np.unique(ink)) == {0, 255}
        assert to_mnist(ink) is not None


def test_non_digits_are_drawn_in_many_ways_that_no_training_uses() -> None:
    for kind in UNKNOWN:
        digits = drawings.invent(kind, 5).ours
        assert len(np.unique(digits, axis=0)) == len(digits)
    assert not {text for ways in SIGNS.values() for text in ways} & set(OTHERS)


def test_pictures_differ_from_digit_to_digit_and_non_digits_are_labelled_as_such(test_digits: Samples) -> None:
    for kind, maker in (CLEAN | MADE).items():
        if kind != "photo, 4,000 x 3,000":
            made = [maker(of_sample(image[0].numpy()), np.random.default_rng(0)) for image in test_digits.images[:2]]
            assert made[0].tobytes() != made[1].tobytes(), kind
    for kind in NO_DIGIT:
        files, labels = pictures.made(kind, 0, 2)
        assert labels.tolist() == [-1, -1]
        assert files[0] != files[1]


def test_simulated_users_draw_digits() -> None:
    classifier = Classifier.load("net")
    read = [classifier.read(draw(growing(digit)[-1])).answer == digit for digit in range(10)]
    assert sum(read) >= 9


class Visitor:
    """A user whose requests take so many seconds and get those statuses in turn."""

    def __init__(self, seconds: float, *statuses: int) -> None:
        self.seconds, self.statuses, self.asked = seconds, statuses, list[int]()

    async def ask(self, number: int) -> int:
        await asyncio.sleep(self.seconds)
        self.asked.append(number)
        status = self.statuses[len(self.asked) % len(self.statuses)]
        if status == 0:
            raise ConnectionResetError
        return status

    def leave(self) -> None:
        pass


def test_busy_and_broken_answers_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.crowd.PAUSE", (0.02, 0.02))
    visitor, tally, now = Visitor(0, 200, 503, 500, 0), Tally(), time.perf_counter()
    asyncio.run(person(visitor, now, now + 0.8, tally))
    answers = len(visitor.asked)
    assert (tally.in_time, tally.busy, tally.errors) == pytest.approx((answers / 4, answers / 4, answers / 2), abs=1)
    assert load.told(Tally([0.1] * 20, in_time=20), 2)["median"] == pytest.approx(100)


@pytest.mark.slow
def test_digits_of_strangers_are_counted_right_and_their_signs_rejected(tmp_path: Path, test_digits: Samples) -> None:
    images, labels = test_digits.images[:20, 0].numpy(), test_digits.labels[:20].numpy()
    small = [np.asarray(Image.fromarray(image).resize((16, 16))) / 127.5 - 1 for image in images]
    lines = [
        " ".join([f"{label}.0", *(f"{value:.3f}" for value in one.flat)])
        for label, one in zip(labels, small, strict=True)
    ]
    (tmp_path / "usps.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    np.savez(tmp_path / "ardis.npz", images=images, labels=labels)
    random = np.random.default_rng(1)
    signs = [("3", DIGITS[3][0])] * 5 + [(r"\times", "10,10 90,90 / 90,10 10,90")] * 5 + [("l", "50,0 50,100")]
    paths = [(name, [path.tolist() for path in bend(random, template)]) for name, template in signs]
    written = "\n".join(json.dumps({"symbol": name, "strokes": strokes}) for name, strokes in paths)
    (tmp_path / "signs.jsonl").write_text(written)
    files = [f"--{name.partition('.')[0]}={tmp_path / name}" for name in ("usps.gz", "ardis.npz", "signs.jsonl")]
    assert strangers.main(["net", *files, "--json", str(tmp_path / "figures.json")]) == 0
    found = json.loads((tmp_path / "figures.json").read_text())
    assert min(found[f"{name}: right"]["net best"] for name in ("USPS", "ARDIS", "formulas")) >= 95
    assert found[f"{strangers.SIGNS} without twins: rejected"]["net best"] == 100
    assert found[f"{strangers.SIGNS}: rejected"]["net best"] < 100  # the l is a 1 to any reader
    assert strangers.auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == 0.875


def test_a_writers_misread_digits_are_taught_and_the_rest_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    wrong = [(1, 1, SEVEN)] * 3 + [(1, 7, SEVEN), (1, 1, ONE), (2, 7, SEVEN), (2, 1, ONE)]  # 1 calls some sevens ones
    lines = [json.dumps({"label": label, "writer": writer, "strokes": strokes}) for writer, label, strokes in wrong]
    (tmp_path / "hands.jsonl").write_text("\n".join(lines))
    few = test_digits.images[:20, 0].numpy().astype(np.float32) / 255
    given = list[str]()

    def not_taught(model: str, lines: list[str]) -> tuple[Classifier, float]:
        given.extend(lines)
        return Classifier.load(model), 1.5

    monkeypatch.setattr(teach, "taught", not_taught)
    hands = teach.hands_in(tmp_path / "hands.jsonl")
    [lesson] = teach.lessons("net", hands, teach.Rest(few, test_digits.labels[:20].numpy(), few), 10)
    assert given == hands.lines[:2]
    assert (lesson["before"]["misread"], lesson["before"]["corrections misread"]) == (1, 2)
    assert lesson["before"] == lesson["after"]


@pytest.mark.parametrize(
    ("main", "arguments", "complaint"),
    [
        (drawings.main, ["net", "--digits", "0"], "--digits must be from 1 to 10000"),
        (pictures.main, ["--kinds", "moons"], "--kinds: none of"),
        (load.main, ["--people", "5000"], "error: --people"),
        (distance.main, ["--ms", "0", "451"], "--ms must be 0 to 450"),
        (local_engine.main, ["--digits", "0"], "--digits must be from 1 to 10000"),
        (strangers.main, ["net"], "name at least one of --usps, --ardis and --signs"),
        (strangers.main, ["net", "--usps", "broken"], "broken is not a gzipped text of USPS digits"),
        (strangers.main, ["net", "--ardis", "broken"], "broken is not an archive of ARDIS digits"),
        (strangers.main, ["net", "--signs", "broken"], 'broken, line 1: is not {"symbol": "3"'),
        (teach.main, ["--strokes", "broken"], "broken"),
    ],
)
def test_a_benchmark_that_cannot_run_ends_in_one_line(
    main: Callable[[Sequence[str]], int],
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken").write_text("{}")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
