"""A followed training: its progress, the files it leaves alone, and how it ends."""

import dataclasses
import io
import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from waiting import wait_until

from mnist_demo.data.mnist import Samples, load_mnist, ten_of_each
from mnist_demo.model.recipes import RECIPES
from mnist_demo.model.weights import Card, load_weights
from mnist_demo.train import main
from mnist_demo.training.progress import NOW, PROGRESS, WALL, Follower
from mnist_demo.training.trainer import Job, train

ROOT = Path(__file__).parent.parent


class Runs(NamedTuple):
    """A run that was followed, and one that was not."""

    folder: Path
    followed: Job
    card: Card
    seconds: float
    alone: Job


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Train Net twice, for three epochs on 1,500 real digits; its dropout uses the global random generator."""

    def first(split: str, root: Path | None = None) -> Samples:
        return Samples(*(part[: 2000 if split == "train" else 1000] for part in load_mnist(split, root)))  # type: ignore[arg-type]

    recipe = dataclasses.replace(RECIPES["net"]["fast"], epochs=3, batch_size=64, held_out=500, dropout=0.5)
    root, folder = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("followed")
    followed, alone = (Job("net", recipe, root / f"{name}.safetensors", torch.device("cpu")) for name in "ab")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_demo.training.trainer.load_mnist", first)
        follower, start = Follower(folder), time.perf_counter()
        card = train(followed, None, follower)
        took = time.perf_counter() - start
        follower.done()
        train(alone, None, None)
    return Runs(folder, followed, card, took, alone)


def told(folder: Path) -> list[dict[str, Any]]:
    """Return the progress that a run has written so far."""
    return [json.loads(line) for line in (folder / PROGRESS).read_text(encoding="utf-8").splitlines()]


def of(kind: str, lines: list[dict[str, Any]]) -> list[Any]:
    return [line[kind] for line in lines if kind in line]


def test_a_followed_run_gives_the_same_weights_as_one_that_is_not_followed(runs: Runs) -> None:
    followed, alone = (load_weights(job.output)[0].parameters() for job in (runs.followed, runs.alone))
    assert all(torch.equal(one, other) for one, other in zip(followed, alone, strict=True))


def test_a_run_reports_its_steps_its_epochs_and_its_answers(runs: Runs) -> None:
    lines = told(runs.folder)
    assert lines[0] == {"begun": {"steps": 72, "epochs": 3, "watched": "validation"}}
    steps, walls = of("step", lines), of("wall", lines)
    assert [step for step, *_ in steps] == sorted({step for step, *_ in steps})
    assert {epoch for _, epoch, _, _ in steps} == {1, 2, 3}
    assert steps[-1][0] == 72
    assert steps[0][2] > 2 > steps[-1][2]
    assert len(steps) > 20
    assert [step for step, _, _ in of("epoch", lines)] == [24, 48, 72]
    newest = runs.card.history[-1]
    assert of("epoch", lines)[-1][1:] == [round(newest["validation_loss"], 5), newest["accuracy"]]
    assert 3 <= len(walls) <= 5 + runs.seconds / WALL
    assert walls[0][0] == 0
    labels = load_mnist("test").labels
    right = [sum(map(int.__eq__, map(int, answers), labels[ten_of_each(labels)].tolist())) for _, answers in walls]
    assert right[0] < 40 < right[-1]


def test_the_current_network_is_always_a_whole_file(runs: Runs) -> None:
    model, card = load_weights(runs.folder / NOW)
    final = load_weights(runs.followed.output)[0]
    assert card.model == "net"
    assert card.test_accuracy > 0.4  # of a hundred digits
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), final.parameters(), strict=True))
    assert {path.name for path in runs.folder.iterdir()} == {NOW, PROGRESS}


def test_the_hundred_digits_are_ten_of_each(test_digits: Samples) -> None:
    chosen = ten_of_each(test_digits.labels)
    assert test_digits.labels[chosen].tolist() == [digit for digit in range(10) for _ in range(10)]


@pytest.mark.slow
def test_a_run_ends_with_its_standard_input_and_its_folder_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "followed"
    folder.mkdir()
    command = [sys.executable, "-m", "mnist_demo.train", "--ready"]
    as_started = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
    run = subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-3, stderr=-1, preexec_fn=as_started)
    assert run.stdin is not None
    arguments = ["--model", "net", "--recipe", "fast", "--output", str(folder / "own"), "--follow", str(folder)]
    run.stdin.write(json.dumps(arguments).encode() + b"\n")
    run.stdin.flush()
    wait_until(lambda: (folder / PROGRESS).exists() and len(of("step", told(folder))) >= 3)
    run.stdin.close()
    assert run.wait(30) == 130
    assert not folder.exists()
    assert run.stderr is not None
    assert b"Traceback" not in run.stderr.read()
    run.stderr.close()


def test_a_ready_process_that_gets_no_arguments_trains_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["--ready"]) == 2
    assert capsys.readouterr().err == "error: --ready needs a line on standard input with a JSON list of arguments\n"


def test_a_folder_with_other_files_is_refused_for_following(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dear").write_text("something")
    output = str(tmp_path.parent / "a.safetensors")
    assert main(["--model", "net", "--output", output, "--follow", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: --follow {tmp_path} holds dear")
    assert main(["--model", "net", "--output", output, "--follow", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert (tmp_path / "dear").exists()
