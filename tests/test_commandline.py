"""How command lines start and end, in processes of their own: never in a traceback."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from digit_pictures import picture

from mnist_demo import __main__, __version__, evaluate, export, predict, serve, site, train
from mnist_demo.data.mnist import Samples
from mnist_demo.server import connections

ROOT = Path(__file__).parent.parent
HEED = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # also below a shell that ignores Ctrl-C
FAST = ("import signal, sys, time", "from mnist_demo import commandline")  # without torch


def run(*command: str, environment: dict[str, str] | None = None, stdout: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with those arguments; return its output and exit code."""
    with Path(stdout or os.devnull).open("w", encoding="utf-8") as file:
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | (environment or {}),
            text=True,
            stdout=file if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )


def is_one_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1


def script(*lines: str) -> str:
    return "\n".join([*FAST, *lines])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_standard_output_is_reported_in_one_line(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    for unbuffered in ("", "1"):
        command = ("-m", "mnist_demo.predict", str(tmp_path / "seven.png"))
        ended = run(*command, stdout="/dev/full", environment={"PYTHONUNBUFFERED": unbuffered})
        assert ended.returncode == 2
        assert ended.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory so")
def test_a_process_with_too_little_memory_ends_in_one_line() -> None:
    code = "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20,) * 2)"
    code += "; runpy.run_path('app.py', run_name='__main__')"
    ended = run("-c", code)
    assert ended.returncode != 0
    assert ended.stderr.startswith("error: not enough memory: libtorch")
    assert is_one_line(ended.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_too_few_open_files_are_refused_with_the_command_that_allows_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (48, 48))
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    with pytest.raises(OSError, match=r"^48 open files are too few: allow at least 64 \(ulimit -n 64\)$"):
        connections.room()


def test_characters_that_cannot_be_encoded_are_printed_escaped() -> None:
    code = script("def main(): print('sieben-ä-七.png')", "commandline.run(main)")
    ended = run("-c", code, environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "sieben-\\xe4-\\u4e03.png\n", "")


@pytest.mark.parametrize(
    ("raised", "code"),
    [("OSError('a\\nb')", 2), ("ValueError('a b')", 2), ("SystemExit('x')", 2), ("SystemExit(3)", 3)],
)
def test_an_error_becomes_one_line_and_an_exit_code(raised: str, code: int) -> None:
    ended = run("-c", script("def main():", f"    raise {raised}", "commandline.run(main)"))
    assert ended.returncode == code
    assert ended.stderr == ("error: a b\n" if "a" in raised.removeprefix("SystemExit") else "")


def test_a_second_ctrl_c_while_the_first_is_handled_is_ignored() -> None:
    code = script(
        "def main():",
        "    try: print('ready', flush=True); time.sleep(60)",
        "    except KeyboardInterrupt: time.sleep(0.3); print('stopped'); return 130",
        "class Late:",
        "    def __del__(self): time.sleep(0.5)",
        "late = Late()",
        "commandline.end_quietly()",
        "commandline.run(main)",
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=HEED,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(0.6)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("stopped\n", "")
    assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "seconds"), [(("app.py",), 0.3), (("app.py",), 0.9), (("-m", "mnist_demo.predict", "x"), 0.9)]
)
def test_ctrl_c_while_starting_ends_silently(command: Sequence[str], seconds: float, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=HEED, env=os.environ | {"MNIST_DEMO_DATA": str(tmp_path)},
    ) as process:  # fmt: skip
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert errors.count("\n") <= 2
    assert process.returncode in (-signal.SIGINT, 130)


@pytest.mark.parametrize(
    "parser", [module.parser for module in (__main__, evaluate, export, serve, site, train)] + [predict._parser]
)
def test_every_command_line_prints_its_version(
    parser: Callable[[], argparse.ArgumentParser], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        parser().parse_args(["--version"])
    assert capsys.readouterr().out == f"mnist-demo {__version__}\n"


@pytest.mark.slow
def test_a_benchmark_without_a_browser_ends_in_one_line(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    ended = run("-m", "benchmarks.live", "--digits", "1", environment=nowhere)
    assert ended.returncode == 2
    assert is_one_line(ended.stderr)
    assert "apt install chromium" in ended.stderr
