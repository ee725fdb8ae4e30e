"""The ink of uploaded pictures, found in a process with limits on time and memory.

A file of 50 kB can cost a decoder minutes, so the server never decodes one itself. It sends the files to
`mnist_demo.ink.picture_worker`. If a picture takes too long, that process ends, and the server starts another one. Two
such processes read pictures, but at most one of them for the same client: a client with costly pictures leaves the
other one to everybody else.
"""

import asyncio
import atexit
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnist_demo.ink.picture_worker import HAS_CPU_TIMER, MAX_CPU_SECONDS, Ink, decode_response, encode_file
from mnist_demo.server.allow_list import is_debugging
from mnist_demo.server.fair_queue import FairPool

PACKAGES = Path(__file__).parents[2]  # where Python finds this package
COMMAND = (sys.executable, "-m", "mnist_demo.ink.picture_worker")
WORKERS = 2
MAX_WAITING = 8  # pictures
MAX_WALL_SECONDS = 10.0 if HAS_CPU_TIMER else 3.0  # for one picture
MAX_IDLE_SECONDS = 60.0  # without a picture, after which the process ends; starting it takes about 0.2 s
TOO_COSTLY = f"image: too complex: it cannot be read within {MAX_CPU_SECONDS:.0f} s of processor time"


class PictureProcess:
    """A process that reads pictures, started when it is needed."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()
        self.idle: threading.Timer | None = None

    def ink_of(self, content: bytes) -> Ink:
        """Return the ink of a picture. Raises ValueError if the picture is refused or ends the process."""
        with self.lock:
            process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = started_timer(MAX_WALL_SECONDS, process.kill)
        try:
            process.stdin.write(encode_file(content))
            process.stdin.flush()
            return decode_response(process.stdout)
        except (OSError, EOFError):
            code = self.end()
            if code > 0 and HAS_CPU_TIMER:  # not ended by a signal
                raise RuntimeError(f"the process that reads pictures ended with exit code {code}") from None
            raise ValueError(TOO_COSTLY) from None
        finally:
            timer.cancel()
            with self.lock:
                self.idle = started_timer(MAX_IDLE_SECONDS, self.end)

    def kill(self) -> None:
        """End the process while it reads."""
        with self.lock:
            if self.process is not None:
                self.process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        """Return the process, after starting one if none is running."""
        if self.idle is not None:
            self.idle.cancel()
        if self.process is None or self.process.poll() is not None:
            self.end()
            paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
            self.process = subprocess.Popen(
                COMMAND,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if is_debugging() else subprocess.DEVNULL,
            )
            atexit.register(self.process.kill)  # else it would keep working for a moment after the server ends
        return self.process

    def end(self) -> int:
        """End the process, if there is one. Return its exit code."""
        with self.lock:
            process, self.process = self.process, None
        if process is None:
            return 0
        process.kill()
        atexit.unregister(process.kill)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # data that could not be sent
                    pipe.close()
        return process.wait()


class Pictures:
    """Processes that read pictures, one picture of a client at a time."""

    def __init__(self) -> None:
        self.pool = FairPool("pictures", WORKERS, MAX_WAITING, clock=time.monotonic, one_each=True)
        self.processes = [PictureProcess() for _ in range(WORKERS)]  # the free ones: a stack, to use a warm one first

    async def ink_of(self, content: bytes) -> Ink:
        """Return the ink (H, W), 255 = ink, of the picture in a file.

        If the caller is cancelled, a picture that waits is dropped, and one that is being read ends the process.
        Raises ValueError, in one line, if the picture is refused, and HTTPException (503) if too many wait.
        """
        reading: list[PictureProcess] = []

        def read() -> Ink:
            process = self.processes.pop()
            reading.append(process)
            try:
                return process.ink_of(content)
            finally:
                reading.clear()
                self.processes.append(process)

        try:
            return await self.pool.run(read)
        except asyncio.CancelledError:
            for process in reading.copy():
                process.kill()
            raise


def started_timer(seconds: float, function: Callable[[], Any]) -> threading.Timer:
    """Start a timer that does not delay the end of the server."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()
    return timer
