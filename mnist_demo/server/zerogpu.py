"""A ZeroGPU Space: a graphics processor is lent for the time of a call, and there is none between calls.

Knows: what the package `spaces`, which such a Space brings along, asks for, and how a command is run within such a
call. Does not know: what the command does.

Nothing of it is needed, or imported, elsewhere. There, the Space starts only where a function has been decorated before
the page is launched, and torch claims, in the page's own process, a graphics processor that is not to be had: whatever
runs in that process must name the CPU. A command's process is spared that, and finds the processor, if it was lent.
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
LONGEST = 60  # seconds that are asked for: who asks for less waits less
BEGUN, STOP = "begun", "stop"  # names of files
LOOK = 0.1  # seconds between two looks at whether a command shall end


def lent(function: Function) -> Function:
    """That function, run where a graphics processor is lent; elsewhere as it is.

    The Space runs it in a process that it forks from the page's, so arguments and what is returned are pickled. What is
    called without a visitor's request at hand goes to the Space's own account.
    """
    if not IS_HERE:
        return function
    import spaces  # there, and only there

    decorated: Function = spaces.GPU(duration=LONGEST)(function)
    return decorated


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    said: str  # on standard error


def run(command: Sequence[str], environment: Mapping[str, str], signs: Path) -> Ended:
    """Runs that command to its end, with those environment variables in addition to this process's.

    `signs` is a folder. That the command has begun is told by a file BEGUN in it, for who would not have it run twice;
    once there is a file STOP, the command's standard input is closed, for it to end by.
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
    """A command that runs beside this process, with a graphics processor if one is lent, and without if none is."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.command, self.environment = list(command), dict(environment or {})
        self.signs = Path(tempfile.mkdtemp(prefix="mnist-demo-signs-"))
        self.ended: Ended | None = None
        self.running = threading.Thread(target=self._run, daemon=True, name="lent")
        self.running.start()

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return None if self.ended is None else self.ended.code

    def end(self) -> None:
        """Has it end, and waits until it has."""
        with contextlib.suppress(OSError):
            (self.signs / STOP).touch()
        self.running.join()

    def _run(self) -> None:
        wanted = (self.command, self.environment, self.signs)
        try:
            self.ended = run_lent(*wanted)
        except Exception as error:  # of a quota that is used up, say
            if (self.signs / BEGUN).exists():
                self.ended = Ended(1, f"the graphics processor was taken back: {error}")
            else:
                self.ended = run(*wanted)
        shutil.rmtree(self.signs, ignore_errors=True)
