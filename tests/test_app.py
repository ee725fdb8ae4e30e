"""The entry point: what it does before there is a page, and its errors if it cannot serve one."""

import json
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from waiting import wait_until
from wire import ask

import app
import mnist_demo
from benchmarks.pages import free_port, started
from mnist_demo import serve, server, train
from mnist_demo.model import weights
from mnist_demo.model.networks import MODELS
from mnist_demo.server.address import urls
from mnist_demo.server.web_files import WEB

ROOT = Path(__file__).parent.parent


def test_importing_the_app_serves_nothing_and_needs_nothing_that_is_not_required() -> None:
    code = """if True:
        import sys, threading
        sys.modules |= dict.fromkeys(["spaces", "torchvision"])  # so that importing them fails
        import app
        assert threading.active_count() == 1, threading.enumerate()
        import mnist_demo.server, mnist_demo.train"""
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
    monkeypatch.setattr(server, "serve", lambda *what, **where: served.append(what))
    assert app.main([]) == 0
    [(classifiers, samples, trains, _, origins)] = served
    assert trains
    assert origins == []
    assert list(classifiers) == list(MODELS)
    assert samples.labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MNIST_DEMO_TRAIN", "maybe", "MNIST_DEMO_TRAIN must be 1 (users may train) or 0, got 'maybe'"),
        ("GRADIO_ROOT_PATH", "abc", "GRADIO_ROOT_PATH must be like /path or https://example.com/path, not 'abc'"),
    ],
)
def test_an_invalid_variable_ends_in_one_line(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert app.main([]) == 2
    assert capsys.readouterr().err == f"error: {told}\n"


def test_the_help_names_the_variables_and_an_unknown_option_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    with pytest.raises(SystemExit, match="0"):
        app.main(["--help"])
    printed = capsys.readouterr().out
    assert printed.startswith("usage: app.py ")
    assert all(name in printed for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "MNIST_DEMO_DATA"))
    with pytest.raises(SystemExit, match="2"):
        app.main(["--prot", "8000"])
    assert capsys.readouterr().err.endswith("error: unrecognized arguments: --prot 8000\n")


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [(["--port", "abc"], "GRADIO_SERVER_PORT"), (["--host", "no.such.host.invalid"], "GRADIO_SERVER_NAME")],
)
def test_an_option_overrides_its_variable_and_both_are_named_if_it_is_wrong(
    arguments: list[str], variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "127.0.0.1" if arguments[0] == "--host" else "7860")
    assert app.main(arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"error: {arguments[0]} or {variable} must be ")
    assert complaint.endswith(f" got '{arguments[1]}'\n")


def test_the_data_sets_folder_is_named_by_an_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNIST_DEMO_DATA", str(tmp_path / "variable"))
    monkeypatch.setattr(server, "serve", lambda *what, **where: None)
    assert app.main(["--data-dir", str(tmp_path / "option")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["option"]


@pytest.mark.parametrize("version", ["6.23.1", "6.32.0", "7.24.0"])
def test_another_gradio_ends_in_one_line_that_names_the_versions_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: version)
    monkeypatch.setattr(mnist_demo, "server", server)  # importing it anew replaces it there too
    monkeypatch.delitem(sys.modules, "mnist_demo.server")
    assert app.main([]) == 2
    needed = f"the page needs gradio{server.GRADIO}, found {version}: pip install 'gradio{server.GRADIO}'"
    assert capsys.readouterr().err == f"error: {needed}\n"


@pytest.mark.slow
def test_a_page_for_a_class_starts_where_nothing_can_be_written_and_says_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    port, home = free_port(), str(tmp_path / "file" / "home")
    environment = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), home) | {"MNIST_DEMO_TRAIN": "0"}
    options = ("--host", "0.0.0.0", "--port", str(port), "--train")
    with started("app.py", *options, port=port, environment=environment | {"GRADIO_SERVER_PORT": "1"}) as server:
        wish = json.dumps({"network": "net", "recipe": "none"}).encode()
        answer = json.loads(ask(server, "POST", "/engine/begin", wish).content)  # type: ignore[attr-defined]
        expected = [f"The page is at http://127.0.0.1:{port}"]
        expected += [f"On this network it is at {url}" for url in urls("0.0.0.0", port)[1]]
        wait_until(lambda: len(server.printed().splitlines()) == len(expected))  # it answers a moment before it says so
        printed = server.printed()
    assert answer["field"] == "recipe"  # and not that training is off
    assert printed.splitlines() == expected  # no hint at public links, and no code where nobody watches


def test_a_terminal_gets_a_qr_code_for_phones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    serve.announce("127.0.0.1", 7860)
    assert "\033" not in capsys.readouterr().out
    serve.announce("192.168.1.2", 7860)
    address, *code = capsys.readouterr().out.splitlines()
    assert address == "On this network it is at http://192.168.1.2:7860"
    assert len({len(line) for line in code}) == 1
    assert {character for line in code for character in line[8:-4]} == set(" ▀▄█")


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
    files = [path for kind in ("*.css", "*.js", "*.html") for path in WEB.rglob(kind)]
    assert len(files) >= 9
    assert not [path.name for path in files if "://" in path.read_text(encoding="utf-8")]
