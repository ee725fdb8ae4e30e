"""A followed training: its progress, the files it leaves alone, and how it ends."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_demo.data.mnist import Samples, load_mnist, ten_of_each
from mnist_demo.model.recipes import RECIPES
from mnist_demo.model.weights import load_weights
from mnist_demo.train import main
from mnist_demo.training.progress import NOW, PROGRESS, WALL, Follower
from mnist_demo.training.trainer import Job, train

ROOT = Path(__file__).parent.parent


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Return a job of three epochs of Net on 2,500 real digits; its dropout uses the global random generator."""

    def first(split: str, root: Path | None = None) -> Samples:
        return Samples(*(part[: 3000 if split == "train" else 1000] for part in load_mnist(split, root)))  # type: ignore[arg-type]

    monkeypatch.setattr("mnist_demo.training.trainer.load_mnist", first)
    recipe = dataclasses.replace(RECIPES["net"]["fast"], epochs=3, batch_size=64, held_out=500, dropout=0.5)
    return Job("net", recipe, tmp_path / "a.safetensors", torch.device("cpu"))


def told(folder: Path) -> list[dict[str, Any]]:
    """Return the progress that a run has written so far."""
    return [json.loads(line) for line in (folder / PROGRESS).read_text(encoding="utf-8").splitlines()]


def of(kind: str, lines: list[dict[str, Any]]) -> list[Any]:
    return [line[kind] for line in lines if kind in line]


def test_a_followed_run_gives_the_same_weights_as_one_that_is_not_followed(job: Job, tmp_path: Path) -> None:
    def trained(watch: Follower | None) -> bytes:
        train(job, None, watch)
        return b"".join(one.numpy().tobytes() for one in load_weights(job.output)[0].state_dict().values())

    (tmp_path / "followed").mkdir()
    assert trained(Follower(tmp_path / "followed")) == trained(None)


def test_a_run_reports_its_steps_its_epochs_and_its_answers(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "followed"
    folder.mkdir()
    follower = Follower(folder)
    start = time.perf_counter()
    card = train(job, None, follower)
    took = time.perf_counter() - start
    follower.done()
    lines = told(folder)
    assert lines[0] == {"begun": {"steps": 120, "epochs": 3, "watched": "validation"}}
    steps, walls = of("step", lines), of("wall", lines)
    assert [step for step, *_ in steps] == sorted({step for step, *_ in steps})
    assert {epoch for _, epoch, _, _ in steps} == {1, 2, 3}
    assert steps[-1][0] == 120
    assert steps[0][2] > 2 > steps[-1][2]
    assert len(steps) > 20
    assert [step for step, _, _ in of("epoch", lines)] == [40, 80, 120]
    assert of("epoch", lines)[-1][1:] == [round(card.history[-1]["validation_loss"], 5), card.history[-1]["accuracy"]]
    assert 3 <= len(walls) <= 5 + took / WALL
    assert walls[0][0] == 0
    labels = load_mnist("test").labels
    right = [sum(map(int.__eq__, map(int, answers), labels[ten_of_each(labels)].tolist())) for _, answers in walls]
    assert right[0] < 40 < right[-1]


def test_the_current_network_is_always_a_whole_file(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "followed"
    folder.mkdir()
    train(job, None, Follower(folder))
    model, card = load_weights(folder / NOW)
    final = load_weights(job.output)[0]
    assert card.model == "net"
    assert card.test_accuracy > 0.4  # of a hundred digits
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), final.parameters(), strict=True))
    assert {path.name for path in folder.iterdir()} == {NOW, PROGRESS}


def test_the_hundred_digits_are_ten_of_each(test_digits: Samples) -> None:
    chosen = ten_of_each(test_digits.labels)
    assert test_digits.labels[chosen].tolist() == [digit for digit in range(10) for _ in range(10)]


def process(*arguments: str, at_ctrl_c: Any = signal.SIG_DFL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mnist_demo.train", *arguments]
    as_started = partial(signal.signal, signal.SIGINT, at_ctrl_c)
    return subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-3, stderr=-1, preexec_fn=as_started)


def until(wanted: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("at_ctrl_c", [signal.SIG_DFL, signal.SIG_IGN])  # as in a foreground, or in a background
def test_a_run_ends_with_its_standard_input_and_its_folder_with_it(tmp_path: Path, at_ctrl_c: signal.Handlers) -> None:
    folder = tmp_path / "followed"
    folder.mkdir()
    run = process("--ready", at_ctrl_c=at_ctrl_c)
    assert run.stdin is not None
    arguments = ["--model", "net", "--recipe", "fast", "--output", str(folder / "own"), "--follow", str(folder)]
    run.stdin.write(json.dumps(arguments).encode() + b"\n")
    run.stdin.flush()
    until(lambda: (folder / PROGRESS).exists() and len(of("step", told(folder))) > 2)
    run.stdin.close()
    assert run.wait(30) == 130
    assert not folder.exists()
    assert run.stderr is not None
    assert b"Traceback" not in run.stderr.read()
    run.stderr.close()


def test_a_ready_process_that_gets_no_arguments_trains_nothing() -> None:
    run = process("--ready")
    _, said = run.communicate(b"")
    assert run.returncode == 2
    assert said == b"error: --ready needs a line on standard input with a JSON list of arguments\n"


def test_a_folder_with_other_files_is_refused_for_following(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dear").write_text("something")
    output = str(tmp_path.parent / "a.safetensors")
    assert main(["--model", "net", "--output", output, "--follow", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: --follow {tmp_path} holds dear")
    assert main(["--model", "net", "--output", output, "--follow", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert (tmp_path / "dear").exists()
