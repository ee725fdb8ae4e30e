"""The ink of uploaded pictures, found in a process with limits on time and memory.

A file of 50 kB can cost a decoder minutes, so the server never decodes one itself. It sends the files, one after the
other, to `mnist_demo.ink.picture_worker`. If a picture takes too long, that process ends, and the server starts another
one for the next picture.
"""

import asyncio
import atexit
import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from mnist_demo.ink.picture_worker import HAS_CPU_TIMER, MAX_CPU_SECONDS, Ink, decode_response, encode_file
from mnist_demo.server.allow_list import is_debugging
from mnist_demo.server.limits import busy

PACKAGES = Path(__file__).parents[2]  # where Python finds this package
COMMAND = (sys.executable, "-m", "mnist_demo.ink.picture_worker")
MAX_PICTURES = 8  # waiting, including the one being read
MAX_WALL_SECONDS = 10.0 if HAS_CPU_TIMER else 3.0  # for one picture
MAX_IDLE_SECONDS = 60.0  # without a picture, after which the process ends; starting it takes about 0.2 s
TOO_COSTLY = f"image: too complex: it cannot be read within {MAX_CPU_SECONDS:.0f} s of processor time"


@dataclass(eq=False)
class Job:
    """A picture file, and the future for its ink."""

    content: bytes
    ink: Future[Ink] = field(default_factory=Future)


class PictureProcess:
    """A queue of pictures, a thread that sends them to a process, and that process. Each starts when it is needed."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.current: Job | None = None
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None
        self.process: subprocess.Popen[bytes] | None = None

    async def ink_of(self, content: bytes) -> Ink:
        """Return the ink (H, W), 255 = ink, of the picture in a file.

        If the caller is cancelled, a waiting picture is dropped, and the process that is reading one is ended.

        Raises ValueError, in one line, if the picture is refused, and HTTPException (503) if too many wait.
        """
        job = self._queue(content)
        try:
            return await asyncio.wrap_future(job.ink)
        except asyncio.CancelledError:
            self._drop(job)
            raise

    def _queue(self, content: bytes) -> Job:
        job = Job(content)
        with self.changed:
            if len(self.waiting) + (self.current is not None) >= MAX_PICTURES:
                raise busy()
            self.waiting.append(job)
            self.changed.notify()
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="pictures", daemon=True)
                self.thread.start()
        return job

    def _drop(self, job: Job) -> None:
        with self.changed:
            if job in self.waiting:
                self.waiting.remove(job)
            elif job is self.current and self.process is not None:
                self.process.kill()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.ink.set_running_or_notify_cancel():
                try:
                    job.ink.set_result(self._ask(job.content))
                except Exception as error:
                    job.ink.set_exception(error)

    def _next(self) -> Job | None:
        """Wait for a picture. If none comes for MAX_IDLE_SECONDS, end the process and return None."""
        with self.changed:
            self.current = None
            if self.changed.wait_for(lambda: self.waiting, MAX_IDLE_SECONDS):
                self.current = self.waiting.popleft()
            else:
                self.thread = None
                self._end()
            return self.current

    def _ask(self, content: bytes) -> Ink:
        """Let the process read a picture. Raises ValueError if the picture is refused or ends the process."""
        with self.changed:
            process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(MAX_WALL_SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(encode_file(content))
            process.stdin.flush()
            return decode_response(process.stdout)
        except (OSError, EOFError):
            with self.changed:
                code = self._end()
            if code > 0 and HAS_CPU_TIMER:  # not ended by a signal
                raise RuntimeError(f"the process that reads pictures ended with exit code {code}") from None
            raise ValueError(TOO_COSTLY) from None
        finally:
            timer.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        """Return the process, after starting one if none is running."""
        if self.process is None or self.process.poll() is not None:
            self._end()
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

    def _end(self) -> int:
        """End the process, if there is one. Return its exit code."""
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
