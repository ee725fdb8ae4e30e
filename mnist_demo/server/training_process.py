"""The process that trains for a visitor: the command line `mnist_demo.train`.

Knows: how it is started, told what to do, and ended, here and where a graphics processor is lent. Does not know: what
is trained, or what comes of it.
"""

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
ENDING = 5.0  # seconds for a process to be gone
MOST_THREADS = 4  # more are of no use to so small networks


def environment() -> dict[str, str]:
    """What a training's environment has besides this process's."""
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = os.environ.get("OMP_NUM_THREADS", str(min(MOST_THREADS, os.cpu_count() or 1)))
    return {"OMP_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """A process on this machine, which loads all that training needs and then waits for its arguments.

    It ends when its standard input does, so none outlives the server, however that ends.
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
        """Has it train, by those arguments of the command line."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(arguments).encode() + b"\n")
        self.popen.stdin.flush()

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.popen.poll() is not None

    def said(self) -> str:
        """What it said of its end, once it is over."""
        return self.popen.stderr.read().decode(errors="replace") if self.popen.stderr else ""

    def end(self, folder: Path | None = None) -> None:
        """Ends it, and clears its folder away.

        Before as well as after: were the server killed in between, no process would be left to do it.
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
    """The same on a ZeroGPU Space, from when it trains: a graphics processor is lent for the time of a call."""

    device = "auto"

    def __init__(self) -> None:
        self.command: zerogpu.Command | None = None

    def train(self, arguments: Sequence[str]) -> None:
        """As `Process` does."""
        self.command = zerogpu.Command([*COMMAND, *arguments], environment())

    def is_over(self) -> bool:
        """As `Process` does."""
        return self.command is not None and self.command.poll() is not None

    def said(self) -> str:
        """As `Process` does."""
        return self.command.ended.said if self.command and self.command.ended else ""

    def end(self, folder: Path | None = None) -> None:
        """As `Process` does."""
        if self.command is not None:
            self.command.end()
        clear(folder)


def started() -> Process | LentProcess:
    """A process that can be told to train."""
    return LentProcess() if zerogpu.IS_HERE else Process()


def clear(folder: Path | None) -> None:
    """Removes a training's folder, as far as there is one."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
