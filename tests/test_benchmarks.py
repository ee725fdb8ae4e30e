"""The benchmarks: their commands run, and end in one line if something cannot be measured."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import distance, drawings, load, local_engine, pictures, strangers, teach
from benchmarks.unknown import SIGNS
from mnist_demo.data.mnist import Samples
from mnist_demo.data.synthetic import bend
from mnist_demo.data.templates import DIGITS, OTHERS


def test_the_non_digits_are_others_than_training_draws() -> None:
    assert not {text for ways in SIGNS.values() for text in ways} & set(OTHERS)


@pytest.mark.slow
def test_a_benchmark_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawings.main(["net", "--digits", "2"]) == 0
    assert "refused: G" in capsys.readouterr().out


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
