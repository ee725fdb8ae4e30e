import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import teach
from benchmarks.teach import Rest, corrections, hands_in, lessons, main, report
from mnist_demo.data.mnist import load_mnist
from mnist_demo.model.classifier import Classifier

SEVEN = [[[0, 0], [60, 0], [20, 100]]]
ONE = [[[0, 0], [0, 100]]]


def file_of(tmp_path: Path, *digits: tuple[int, int, object]) -> Path:
    file = tmp_path / "hands.jsonl"
    lines = [{"label": label, "writer": writer, "strokes": strokes} for writer, label, strokes in digits]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def test_the_first_two_misread_of_each_kind_are_corrected_and_ten_at_most() -> None:
    labels = np.array([4, 4, 4, 7, 7, 4, 0, 0, 1, 1, 2, 2, 3, 3])
    assert corrections(np.array([0, 2, 3, 5]), labels) == [0, 2, 3]
    assert corrections(np.arange(14), labels) == [0, 1, 3, 4, 6, 7, 8, 9, 10, 11]


def test_a_writer_is_taught_what_was_misread_and_scored_on_what_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [(1, 1, SEVEN)] * 3 + [(1, 7, SEVEN), (1, 1, ONE)]  # who calls some sevens ones
    hands = hands_in(file_of(tmp_path, *wrong, (2, 7, SEVEN), (2, 1, ONE)))
    digits = load_mnist("test")
    few = digits.images[:20, 0].numpy().astype(np.float32) / 255
    given: list[str] = []

    def not_taught(model: str, lines: list[str]) -> tuple[Classifier, float]:
        given.extend(lines)
        return Classifier.load(model), 1.5

    monkeypatch.setattr(teach, "taught", not_taught)
    [lesson] = lessons("convnet", hands, Rest(few, digits.labels[:20].numpy(), few), 10)
    assert given == hands.lines[:2]
    assert (lesson["writer"], lesson["corrections"]) == (1, 2)
    assert lesson["before"] == lesson["after"]
    assert (lesson["before"]["misread"], lesson["before"]["corrections misread"]) == (1, 2)
    assert lesson["before"]["others"] == 100
    said = report("convnet", [lesson])
    assert said.startswith("convnet: 0 per cent of the rest's errors gone\n")
    assert "| all " in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--strokes", "nowhere.jsonl"], "No such file"),
        (["--strokes", "mine.jsonl"], 'mine.jsonl: each line must say who wrote it: "writer": 3'),
        (["--strokes", "mine.jsonl", "--writers", "0"], "--writers must be at least 1, not 0"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    flags: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text(json.dumps({"label": 1, "strokes": ONE}))
    assert main(flags) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
