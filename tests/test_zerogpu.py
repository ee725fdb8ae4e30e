"""ZeroGPU Spaces, with a stand-in for `spaces`: one decorated function there, and none elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_demo.server import zerogpu
from mnist_demo.server.zerogpu import Command, Ended

ROOT = Path(__file__).parent.parent
SAYS = [sys.executable, "-c", "import sys; print('said', file=sys.stderr); sys.exit(3)"]
WAITS = [sys.executable, "-c", "import sys; sys.stdin.read(); print('ended', file=sys.stderr)"]
STAND_IN = """
decorated = []

def GPU(duration):
    def decorate(function):
        decorated.append((function.__name__, duration))
        return function
    return decorate
"""


def test_elsewhere_a_function_is_unchanged() -> None:
    assert not zerogpu.IS_HERE
    assert zerogpu.lent(zerogpu.run) is zerogpu.run
    assert zerogpu.run_lent is zerogpu.run


def test_on_zerogpu_one_function_is_decorated_before_there_is_a_page(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text(STAND_IN, encoding="utf-8")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"SPACES_ZERO_GPU": "true", "PYTHONPATH": paths}
    code = "import app, sys, spaces; print(spaces.decorated, 'gradio' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout == f"[('run', {zerogpu.MAX_CALL_SECONDS})] False\n"


def test_a_command_runs_beside_the_page_and_its_output_is_kept() -> None:
    command = Command(SAYS)
    command.running.join()
    assert command.poll() == 3
    assert command.ended == Ended(3, "said\n")
    assert not command.signs.exists()


def test_a_command_is_ended_through_its_standard_input() -> None:
    command = Command(WAITS)
    assert command.poll() is None
    command.end()
    assert command.ended == Ended(0, "ended\n")


@pytest.mark.parametrize(
    ("has_begun", "ended"),
    [(False, Ended(3, "said\n")), (True, Ended(1, "the graphics processor was taken back: GPU task aborted"))],
)
def test_a_command_without_a_lent_processor_still_runs_but_not_twice(
    has_begun: bool, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_back(command: list[str], environment: dict[str, str], signs: Path) -> Ended:
        if has_begun:
            zerogpu.run(command, environment, signs)
        raise RuntimeError("GPU task aborted")

    monkeypatch.setattr(zerogpu, "run_lent", taken_back)
    command = Command(SAYS)
    command.running.join()
    assert command.ended == ended
