"""The entry: what it does before there is a page, and where it cannot serve one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import app
from mnist_demo import page, serve, train, weights
from mnist_demo.models import MODELS
from mnist_demo.page.files import HERE

ROOT = Path(__file__).parent.parent


def test_importing_the_app_serves_nothing() -> None:
    code = "import app, threading; assert threading.active_count() == 1, threading.enumerate()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_with_weights_at_hand_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "main", lambda _: pytest.fail("trained"))
    assert serve.train_missing() == 0


def test_a_missing_weights_file_is_trained_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trained = []
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nowhere")
    monkeypatch.setattr(train, "main", lambda arguments: trained.append(arguments) or 0)
    assert serve.train_missing() == 0
    assert trained == [["--model", name, "--recipe", "fast", "--device", "auto"] for name in MODELS]


def test_both_networks_and_the_test_set_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr(page, "serve", lambda *what, **where: served.append(what))
    assert app.main([]) == 0
    [(classifiers, samples, trains, origins)] = served
    assert trains
    assert origins == []
    assert list(classifiers) == list(MODELS)
    assert samples.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_whether_visitors_may_train_is_yes_or_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_DEMO_TRAIN", "maybe")
    assert app.main([]) == 2
    assert capsys.readouterr().err == "error: MNIST_DEMO_TRAIN must be 1 (visitors may train) or 0, not 'maybe'\n"


def test_a_damaged_weights_file_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in MODELS:
        shutil.copy(weights.path_at_hand(name), tmp_path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    (tmp_path / "net.safetensors").write_bytes(b"damaged")
    assert app.main([]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "net.safetensors" in complaint
    assert "--model net" in complaint


def test_the_page_names_no_other_host_but_in_links() -> None:
    files = [path for kind in ("*.css", "*.js", "*.html") for path in HERE.rglob(kind)]
    assert len(files) >= 9
    assert not [path.name for path in files if "://" in path.read_text(encoding="utf-8")]
