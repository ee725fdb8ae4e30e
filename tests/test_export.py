"""An exported network answers as the original does; the command line writes it."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from exported import exported
from numpy.typing import NDArray
from thorough import THOROUGH, times

from benchmarks.export import Images, compared, digits, drawings, run, session
from mnist_demo import export
from mnist_demo.files import PART
from mnist_demo.ink import preprocess
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

MANUAL = (Path(__file__).parent.parent / "docs" / "export.md").read_text(encoding="utf-8")
MAX_DIFFERENCE = 1e-5  # difference of a pixel or a probability
FILES = (
    [(name, takes) for name in MODELS for takes in export.INPUTS]
    if THOROUGH
    else [("net", "canvas"), ("convnet", "digits")]
)


def inputs(takes: str) -> Images:
    return drawings(times(44, 1000)) if takes == "canvas" else digits(times(100, 10_000))


def odd_inks() -> NDArray[np.uint8]:
    """Return blots of all heights, widths and strengths, some at the canvas's edge, some with a fainter one beside
    them.
    """
    random, inks = np.random.default_rng(1), np.zeros((200, 280, 280), np.uint8)
    for ink in inks:
        for strength in random.choice([255, 200, 40, 5, 1], random.integers(1, 4)):
            top, left = random.integers(-40, 280, 2).clip(0)
            height, width = random.integers(1, 280, 2)
            ink[top : top + height, left : left + width] = strength
    return inks


def test_the_exported_digit_equals_numpys_for_the_same_ink() -> None:
    inks = np.concatenate([drawings(44), odd_inks()])
    made, is_drawn = export.to_mnist(torch.from_numpy(inks).float())
    expected = [preprocess.to_mnist(ink) for ink in inks]
    assert is_drawn.tolist() == [digit is not None for digit in expected]
    assert 5 < (~is_drawn).sum() < 100
    nothing = np.zeros((28, 28), np.float32)
    assert np.abs(made.numpy() - [nothing if digit is None else digit for digit in expected]).max() < MAX_DIFFERENCE


def test_the_canvas_has_the_pages_size() -> None:
    from mnist_demo.server import pen_strokes

    assert pen_strokes.SIDE == export.CANVAS


@pytest.mark.parametrize(("name", "takes"), FILES)
def test_an_exported_network_answers_as_the_original_does(name: str, takes: str) -> None:
    pytest.importorskip("onnxruntime")
    found = compared(session(exported(name, takes)), Classifier.load(name), takes, inputs(takes))
    assert found.digit < MAX_DIFFERENCE
    assert found.probability < MAX_DIFFERENCE
    assert found.answers == 0


@pytest.mark.parametrize(("name", "takes"), FILES)
def test_batches_of_any_size_are_read(name: str, takes: str) -> None:
    pytest.importorskip("onnxruntime")
    given = inputs(takes)[:7]
    together = run(session(exported(name, takes)), given)
    alone = run(session(exported(name, takes)), given[-1:])
    for output, values in together.items():
        assert values.shape[0] == 7
        assert np.abs(values[-1] - alone[output][0]).max() < MAX_DIFFERENCE


def test_without_ink_everything_but_the_answer_is_zero() -> None:
    pytest.importorskip("onnxruntime")
    found = run(session(exported("net", "canvas")), np.zeros((1, 280, 280), np.uint8))
    assert found.pop("answer").tolist() == [-1]
    assert set(found) == {"probabilities", "certainty", "digit"}
    assert not any(values.any() for values in found.values())


def test_a_non_digit_is_rejected_but_has_probabilities() -> None:
    pytest.importorskip("onnxruntime")
    scribble = np.where(np.add(*np.indices((1, 280, 280))[1:]) // 20 % 2, 255, 0).astype(np.uint8)
    found = run(session(exported("net", "canvas")), scribble)
    assert found["answer"].tolist() == [-1]
    assert found["probabilities"].sum() == pytest.approx(1, abs=1e-5)


def test_the_file_describes_itself_and_nothing_of_the_machine() -> None:
    content = exported("net", "canvas")
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    card = Classifier.load("net").card
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["model"] == "net"
    assert float(said["temperature"]) == card.temperature
    assert float(said["threshold"]) == card.threshold
    assert float(said["test_accuracy"]) == card.test_accuracy
    assert '"name": "best"' in said["recipe"]
    assert "mnist_demo.export" in said["produced_by"]
    assert "280" in model.doc_string
    assert b".py" not in content
    assert str(Path.home()).encode() not in content


def test_the_command_line_writes_one_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = exported("net", "canvas")
    monkeypatch.setattr(export, "to_onnx", lambda classifier, takes: exported(classifier.card.model, takes))
    file = tmp_path / "net.onnx"
    file.write_bytes(b"of yesterday")
    assert export.main(["--model", "net", "--format", "onnx", "--input", "canvas", "--output", str(file)]) == 0
    printed = capsys.readouterr()
    assert (printed.out.count("\n"), printed.err) == (1, "")
    assert printed.out.startswith(f"wrote {file}: a net, ink in, answer, probabilities, certainty, digit out")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == content


@pytest.mark.parametrize("command", re.findall(r"^python -m mnist_demo\.export .+?(?= +#)", MANUAL, re.MULTILINE))
def test_the_manuals_commands_write_their_files(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export, "to_onnx", lambda classifier, takes: exported(classifier.card.model, takes))
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    arguments = command.split()[3:]
    assert export.main(arguments) == 0
    file, size = Path(arguments[-1]), {"convnet": 4, "net": 0.1}["net" if "net" in arguments else "convnet"]
    assert file.stat().st_size == pytest.approx(size * 1e6, rel=0.3)
    assert f"({4} MB of ConvNet, {0.1} MB of Net)" in MANUAL
    assert capsys.readouterr().out.startswith(f"wrote {file}: ")


def test_all_weights_are_in_the_file_itself() -> None:
    content = exported("convnet", "digits")
    model = pytest.importorskip("onnx").load_from_string(content)
    assert not [tensor.name for tensor in model.graph.initializer if tensor.external_data]
    assert len(content) > 4 * 1_007_590


@pytest.mark.parametrize("package", export.PACKAGES.split())
def test_a_missing_package_is_reported_in_one_line(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", types.ModuleType("onnx"))
    monkeypatch.setitem(sys.modules, package, None)
    assert export.main(["--output", str(tmp_path / "net.onnx")]) == 2
    assert capsys.readouterr().err == f"error: exporting needs {package}: pip install onnx onnxscript\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--output", "nowhere/net.onnx"], "nowhere/net.onnx cannot be written"),
        (["--output", "."], ". is a folder"),
        (["--weights", "nowhere.safetensors", "--output", "net.onnx"], "nowhere.safetensors is missing"),
        (["--weights", "README.md", "--output", "net.onnx"], "README.md is damaged"),
    ],
)
def test_an_impossible_export_is_reported_in_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(export, "PACKAGES", "")
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("no weights", encoding="utf-8")
    assert export.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {complaint}")
    assert said.count("\n") == 1
    assert not list(tmp_path.glob(f"*{PART}")) + list(tmp_path.glob("*.onnx"))


def test_packages_that_are_too_old_are_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def export_nothing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript.new'")

    monkeypatch.setattr(export, "PACKAGES", "")
    monkeypatch.setattr(torch.onnx, "export", export_nothing)
    assert export.main(["--output", str(tmp_path / "net.onnx")]) == 2
    assert "needs newer packages (No module named 'onnxscript.new'): pip install" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
