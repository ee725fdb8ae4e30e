"""Trainings for visitors, one at a time, each in a process of its own.

Knows: when such a process is started and ended, how it is followed, and that nothing of it is left. Does not know: how
a network is trained, what a request looks like, or what is shown of it.

A process that has loaded all and waits for its arguments is kept ready while somebody is about to start one: loading
takes longer than a visitor would wait for the first step.
"""

import contextlib
import errno
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from mnist_demo.classifier import Classifier
from mnist_demo.files import read_whole
from mnist_demo.page.learn.process import ENDING, LentProcess, Process, clear, started
from mnist_demo.page.yours import Own, Yours

PREFIX = "mnist-demo-training-"  # of the folders' names
PROGRESS, NOW, OUTPUT = "progress.jsonl", "now.safetensors", "yours.safetensors"  # in such a folder
LOOK = 0.1  # seconds between two looks at it
ABANDONED = 15.0  # seconds without a question from who began it, after which a training is stopped
LONGEST = 600.0  # seconds of a training
READY_FOR = 120.0  # seconds that a process waits for its arguments
DISK_IS_FULL = "the server's disk is full"
FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\]+[/\\])*")  # of the host, which visitors are not told
FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, a limit on files

State = Literal["starting", "training", "done", "stopped", "failed"]
UNDER_WAY = ("starting", "training")


@dataclass(eq=False)
class Run(Own):
    """A training, and what is known of it."""

    number: int = 0  # by which others may follow it
    recipe: str = ""
    state: State = "starting"
    error: str = ""  # why it failed, or why it was stopped by none who asked
    total: dict[str, Any] = field(default_factory=dict)  # its steps and epochs, and which digits are watched
    steps: list[list[float]] = field(default_factory=list)  # step, epoch, loss
    epochs: list[list[float]] = field(default_factory=list)  # step, loss, accuracy
    answers: str | None = None  # to the hundred digits, a character each
    looks: int = 0  # at which its network was loaded anew
    rate: int = 0  # images a second
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0  # since it began
    asked: float = field(default_factory=time.monotonic)  # when who began it last did
    folder: Path = Path()

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    def stop(self) -> None:
        """Has it end, if it has not; its network stays as it is."""
        if self.is_under_way:
            self.state = "stopped"

    def take(self, line: dict[str, Any]) -> None:
        """Notes a line of the process's progress, as `mnist_demo.following` tells it."""
        match line:
            case {"begun": total}:
                self.total = total
                if self.state == "starting":
                    self.state = "training"
            case {"step": [step, epoch, loss, rate]}:
                self.steps.append([step, epoch, loss])
                self.rate = rate
            case {"epoch": epoch}:
                self.epochs.append(epoch)
            case {"wall": [_, answers]}:
                self.answers = answers

    def load(self, name: str) -> None:
        """Takes the network in that file of the folder for its own, where there is one."""
        with contextlib.suppress(ValueError):
            self.classifier = Classifier.load(self.folder / name)
            self.looks += 1


class School:
    """Trains one network at a time."""

    def __init__(self, yours: Yours) -> None:
        self.yours = yours
        self.current: Run | None = None
        self.count = 0
        self.lock = threading.Lock()
        self.ready: Process | LentProcess | None = None
        self.timer: threading.Timer | None = None
        sweep()

    def prepare(self) -> None:
        """Has a process ready for a while, where none runs."""
        with self.lock:
            if self.current is None or not self.current.is_under_way:
                if self.ready is None or self.ready.is_over():
                    self.ready = started()
                self._wait(READY_FOR)

    def begin(self, model: str, recipe: str, arguments: Sequence[str], files: dict[str, str]) -> Run | None:
        """Trains that network by that recipe, told the process by arguments; FOLDER in them is the training's own.

        `files`: what is put into that folder before, by name. None where another training is under way.
        """
        self._let_end()
        with self.lock:
            if self.current is not None:
                return None
            self.count += 1
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            for name, content in files.items():
                (folder / name).write_text(content, encoding="utf-8")
            run = self.current = Run(model=model, number=self.count, recipe=recipe, folder=folder)
            process, self.ready = self.ready, None
            self._wait(None)
        command = ["--model", model, "--recipe", recipe, "--output", str(folder / OUTPUT), "--follow", str(folder)]
        command += [one.replace("FOLDER", str(folder)) for one in arguments]
        self.yours.add(run)
        threading.Thread(target=self._look_after, args=(run, process, command), daemon=True, name="school").start()
        return run

    def _let_end(self) -> None:
        """Waits a moment for a training that is over to be out of the way."""
        run, deadline = self.current, time.monotonic() + ENDING
        while run is not None and not run.is_under_way and self.current is run and time.monotonic() < deadline:
            time.sleep(LOOK / 10)

    def _wait(self, seconds: float | None) -> None:
        """Lets the process that is ready wait so long from now on."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = None if seconds is None else threading.Timer(seconds, self._dismiss)
        if self.timer is not None:
            self.timer.daemon = True
            self.timer.start()

    def _dismiss(self) -> None:
        with self.lock:
            process, self.ready = self.ready, None
        if process is not None:
            process.end()

    def _look_after(self, run: Run, process: Process | LentProcess | None, command: list[str]) -> None:
        """Follows a training to its end, in a thread of its own."""
        try:
            if process is None or process.is_over():
                process = started()
            process.train([*command, "--device", process.device])
            self._follow(run, process)
        except Exception as error:  # of a full disk, say: the school must stay open
            run.state, run.error = "failed", reason(str(error))
        finally:
            if process is not None:
                process.end(run.folder)
            clear(run.folder)
            run.seconds = time.monotonic() - run.begun
            self.current = None

    def _follow(self, run: Run, process: Process | LentProcess) -> None:
        with contextlib.ExitStack() as stack:
            progress: IO[str] | None = None
            while run.is_under_way:
                is_over = process.is_over()
                if progress is None and (run.folder / PROGRESS).exists():
                    progress = stack.enter_context((run.folder / PROGRESS).open(encoding="utf-8"))
                self._take(run, progress.readlines() if progress else [])
                if run.is_under_way:
                    judge(run, process, is_over)
                    time.sleep(LOOK)

    def _take(self, run: Run, lines: Sequence[str]) -> None:
        """Notes those lines; of several networks, the newest is loaded."""
        told = [json.loads(line) for line in lines if line.endswith("\n")]  # a full disk cuts the last one off
        for line in told:
            run.take(line)
        run.seconds = time.monotonic() - run.begun
        if any("done" in line for line in told):
            run.load(OUTPUT)
            run.weights = read_whole(run.folder / OUTPUT)
            run.state = "done"
        elif any("wall" in line for line in told):
            run.load(NOW)


def judge(run: Run, process: Process | LentProcess, is_over: bool) -> None:
    """Notes where a training is over, or shall be."""
    now = time.monotonic()
    if is_over:
        run.state, run.error = "failed", reason(process.said())
    elif now - run.asked > ABANDONED:
        run.state, run.error = "stopped", "nobody was there to see it"
    elif now - run.begun > LONGEST:
        run.state, run.error = "stopped", f"no training may take more than {LONGEST:.0f} seconds here"


def reason(said: str) -> str:
    """Return the line that says why a training failed, from all that its process or an exception says."""
    if any(os.strerror(code) in said for code in FULL_CODES):
        return DISK_IS_FULL
    lines = FOLDERS.sub("", said).strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else "the process ended by itself"


def sweep() -> None:
    """Removes folders whose training and whose server were both killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 2 * LONGEST:
                clear(folder)
