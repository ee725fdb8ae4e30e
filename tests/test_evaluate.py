"""The command line that measures a network's accuracy."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mnist_demo import evaluate
from mnist_demo.data.mnist import Samples
from mnist_demo.model.networks import MODELS
from mnist_demo.model.weights import Card, load_named, load_weights, path_at_hand, save_weights


def judge(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return the command's JSON output."""
    assert evaluate.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one-line error of the command."""
    assert evaluate.main(list(arguments)) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def some_card(name: str, **values: Any) -> Card:
    return dataclasses.replace(load_named(name)[1], evaluation=None, **values)


def test_the_shipped_weights_have_the_accuracy_on_their_card(capsys: pytest.CaptureFixture[str]) -> None:
    found, card = judge(capsys, "--model", "net"), load_named("net")[1]
    assert card.evaluation is not None
    for way in ("once", "shifts"):
        said = card.evaluation[way]
        assert found[way]["confusion"] == said["confusion"]
        assert found[way]["refused"] == pytest.approx(said["refused"], abs=2e-4)
        for name in ("loss", "accuracy", "interval", "calibration_error"):
            assert found[way][name] == pytest.approx(said[name], abs=1e-5)
    assert found["shifts"]["loss"] == pytest.approx(card.test_loss, abs=1e-6)
    assert found["shifts"]["accuracy"] == card.test_accuracy


@pytest.mark.parametrize("name", MODELS)
def test_a_plain_state_dict_is_evaluated_like_the_weights_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    few = Samples(test_digits.images[:500], test_digits.labels[:500])
    monkeypatch.setattr(evaluate, "load_mnist", lambda split: few)
    torch.save(load_named(name)[0].state_dict(), tmp_path / "plain.pt")
    found, known = judge(capsys, "--weights", str(tmp_path / "plain.pt")), judge(capsys, "--model", name)
    assert found["model"] == name
    assert found["once"]["count"] == 500
    assert found["once"]["loss"] == known["once"]["loss"]
    assert found["once"]["refused"] == 0.0


def test_files_of_torch_before_1_6_are_read_too(tmp_path: Path) -> None:
    torch.save(load_named("net")[0].state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    options = evaluate.parser().parse_args(["--weights", str(tmp_path / "old.pt")])
    assert evaluate.load(options).name == "net"


class Harm:
    """A pickle that would harm whoever loads it."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (nn.Linear(2, 2).state_dict(), "not the state dict of a"),
        ({"conv1.weight": 7}, "not a state dict"),
        ([1, 2], "not a state dict"),
        (Harm(), "more than weights"),
        ({name: value * math.nan for name, value in MODELS["net"]().state_dict().items()}, "not finite numbers"),
    ],
)
def test_an_unknown_network_is_refused_in_one_line(
    content: Any, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "some.pt")
    assert reason in refusal(capsys, "--weights", str(tmp_path / "some.pt"))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"PK\3\4 and no zip", b"no weights file of any kind", None])
def test_an_invalid_weights_file_is_refused_in_one_line(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "some.safetensors"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refusal(capsys, "--weights", str(path))


def test_validation_digits_are_those_that_training_held_out(tmp_path: Path, training_digits: Samples) -> None:
    judged = evaluate.load(evaluate.parser().parse_args(["--model", "net"]))
    assert torch.equal(evaluate.samples_of("validation", judged).images, training_digits.images[-5000:])
    assert len(evaluate.samples_of("train", judged).labels) == 60_000


def test_without_held_out_digits_there_is_no_validation_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(load_named("net")[0].state_dict(), tmp_path / "plain.pt")
    assert "no validation split" in refusal(capsys, "--weights", str(tmp_path / "plain.pt"), "--split", "validation")


def test_metrics_are_saved_in_the_card_and_the_weights_stay_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    few = Samples(test_digits.images[:500], test_digits.labels[:500])
    monkeypatch.setattr(evaluate, "load_mnist", lambda split: few)
    path, card = tmp_path / "some.safetensors", some_card("net")
    save_weights(path, load_named("net")[0], card)
    assert load_weights(path)[1].evaluation is None
    found = judge(capsys, "--weights", str(path), "--write")
    after = load_weights(path)[1]
    assert after.evaluation == {way: found[way] for way in ("once", "shifts")}
    assert dataclasses.replace(after, evaluation=None) == card
    before = load_file(path_at_hand("net"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in load_file(path).items())


def test_metrics_on_other_digits_are_not_saved(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(evaluate, "evaluate", lambda judged, samples: pytest.fail("judged first"))
    assert "test set" in refusal(capsys, "--write", "--split", "train")


def test_the_text_output_has_all_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    few = Samples(test_digits.images[:700], test_digits.labels[:700])
    monkeypatch.setattr(evaluate, "load_mnist", lambda split: few)
    assert evaluate.main(["--model", "net"]) == 0
    said = capsys.readouterr().out
    for words in ("700 digits", "single pass", "four shifts", "Wilson", "precision", "as 9", "calibration error"):
        assert words in said
    assert "digit 659" in said  # labelled 2, read as 7
