"""The process that trains for a user, which runs the command line `mnist_demo.train`."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mnist_demo.server import zerogpu

PACKAGES = Path(__file__).parents[2]  # where Python finds this package
COMMAND = (sys.executable, "-m", "mnist_demo.train")
ENDING = 5.0  # seconds to wait for a process to end
MAX_THREADS = 4  # networks this small do not train faster with more


def environment() -> dict[str, str]:
    """Return the environment variables of a training process, in addition to this process's."""
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = os.environ.get("OMP_NUM_THREADS", str(min(MAX_THREADS, os.cpu_count() or 1)))
    return {"OMP_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """A process on this machine that loads everything training needs, then waits for its arguments.

    It ends when its standard input ends, so it never outlives the server.
    """

    device = "cpu"

    def __init__(self) -> None:
        self.popen = subprocess.Popen(
            [*COMMAND, "--ready"],
            env=os.environ | environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def train(self, arguments: Sequence[str]) -> None:
        """Start training with those command line arguments."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(arguments).encode() + b"\n")
        self.popen.stdin.flush()

    def is_over(self) -> bool:
        """Return if it has ended."""
        return self.popen.poll() is not None

    def said(self) -> str:
        """Return its output on standard error, once it has ended."""
        return self.popen.stderr.read().decode(errors="replace") if self.popen.stderr else ""

    def end(self, folder: Path | None = None) -> None:
        """End it and remove its folder.

        The folder is removed before and after: if the server is killed in between, no process is left to do it.
        """
        clear(folder)
        self.popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(ENDING)
        for pipe in (self.popen.stdin, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        clear(folder)


class LentProcess:
    """The same on a ZeroGPU Space, where a graphics processor is lent during a call. It starts only to train."""

    device = "auto"

    def __init__(self) -> None:
        self.command: zerogpu.Command | None = None

    def train(self, arguments: Sequence[str]) -> None:
        """Start training with those command line arguments."""
        self.command = zerogpu.Command([*COMMAND, *arguments], environment())

    def is_over(self) -> bool:
        """Return if it has ended."""
        return self.command is not None and self.command.poll() is not None

    def said(self) -> str:
        """Return its output on standard error, once it has ended."""
        return self.command.ended.said if self.command and self.command.ended else ""

    def end(self, folder: Path | None = None) -> None:
        """End it and remove its folder."""
        if self.command is not None:
            self.command.end()
        clear(folder)


def started() -> Process | LentProcess:
    """Return a new process, ready to train."""
    return LentProcess() if zerogpu.IS_HERE else Process()


def clear(folder: Path | None) -> None:
    """Remove a training's folder, if there is one."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
