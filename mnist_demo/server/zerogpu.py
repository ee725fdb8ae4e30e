"""ZeroGPU Spaces, where a graphics processor is lent during a call, and there is none between calls.

Nothing here is imported or needed elsewhere, except on such a Space. It starts only if a function was decorated with
the package `spaces` before the page is launched. In the page's own process, torch then claims a graphics processor that
it cannot use, so all code there must name the CPU. A command in a process of its own finds the processor, if it was
lent.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

IS_HERE = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as `spaces` reads it
MAX_CALL_SECONDS = 60  # seconds requested: shorter requests wait less
BEGUN, STOP = "begun", "stop"  # names of files
LOOK = 0.1  # seconds between two checks if a command should end


def lent(function: Function) -> Function:
    """Return the function, changed to run with a lent graphics processor on a ZeroGPU Space; elsewhere unchanged.

    The Space runs it in a process forked from the page's, so its arguments and result are pickled. Calls outside a
    user's request are charged to the Space's own account.
    """
    if not IS_HERE:
        return function
    import spaces  # exists only on such a Space

    decorated: Function = spaces.GPU(duration=MAX_CALL_SECONDS)(function)
    return decorated


class Ended(NamedTuple):
    """The end of a command."""

    code: int
    said: str  # its output on standard error


def run(command: Sequence[str], environment: Mapping[str, str], signs: Path) -> Ended:
    """Run the command to its end, with those environment variables in addition to this process's.

    `signs` is a folder. The file BEGUN in it says that the command has started, so that callers do not run it twice.
    Once there is a file STOP, the command's standard input is closed, which ends it.
    """
    (signs / BEGUN).touch()
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        said: list[str] = []
        reading = threading.Thread(target=lambda stream: said.append(stream.read()), args=(process.stderr,))
        reading.start()
        while process.poll() is None and not (signs / STOP).exists():
            time.sleep(LOOK)
        process.stdin.close()
        reading.join()
        return Ended(process.wait(), said[0])


run_lent = lent(run)


class Command:
    """A command that runs beside this process, with a graphics processor if one is lent."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.command, self.environment = list(command), dict(environment or {})
        self.signs = Path(tempfile.mkdtemp(prefix="mnist-demo-signs-"))
        self.ended: Ended | None = None
        self.running = threading.Thread(target=self._run, daemon=True, name="lent")
        self.running.start()

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return None if self.ended is None else self.ended.code

    def end(self) -> None:
        """End it, and wait until it has ended."""
        with contextlib.suppress(OSError):
            (self.signs / STOP).touch()
        self.running.join()

    def _run(self) -> None:
        wanted = (self.command, self.environment, self.signs)
        try:
            self.ended = run_lent(*wanted)
        except Exception as error:  # a used-up quota, for example
            if (self.signs / BEGUN).exists():
                self.ended = Ended(1, f"the graphics processor was taken back: {error}")
            else:
                self.ended = run(*wanted)
        shutil.rmtree(self.signs, ignore_errors=True)
