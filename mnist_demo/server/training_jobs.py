"""Trainings for users, one at a time, each in a process of its own; the others wait in a queue.

Knows: when such a process is started and ended, how it is followed, and that nothing of it is left. Does not know: how
a network is trained, what a request looks like, or what is shown of it.

The queue is first come, first served. Like a training that runs, one that waits ends when its page asks no more.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from mnist_demo.files import read_whole
from mnist_demo.model.classifier import Classifier
from mnist_demo.server.training_process import LentProcess, Process, clear, started
from mnist_demo.server.user_models import Own, UserModels

PREFIX = "mnist-demo-training-"  # of the folders' names
PROGRESS, NOW, OUTPUT = "progress.jsonl", "now.safetensors", "yours.safetensors"  # in such a folder
LOOK = 0.1  # seconds between two looks at it
ABANDONED = 15.0  # seconds without a question from who began it, after which a training is stopped
LONGEST = 600.0  # seconds of a training
READY_FOR = 120.0  # seconds that a process waits for its arguments
MAX_WAITING = 50  # trainings: a class, and what 50 times 200 corrections take, 13 MB
FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\]+[/\\])*")  # of the host, which visitors are not told
FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, a limit on files

Error = dict[str, Any]  # why a training failed or was stopped: its "code", and values

State = Literal["waiting", "starting", "training", "done", "stopped", "failed"]
UNDER_WAY = ("starting", "training")


@dataclass(eq=False)
class Run(Own):
    """A training, and what is known of it."""

    number: int = 0  # by which others may follow it
    recipe: str = ""
    arguments: Sequence[str] = ()  # of the command line; FOLDER in them is `folder`
    files: Mapping[str, str] = field(default_factory=dict)  # what is put into that folder first, by name
    state: State = "waiting"
    error: Error | None = None  # if it failed, or was stopped by nobody who asked
    total: dict[str, Any] = field(default_factory=dict)  # its steps and epochs, and which digits are watched
    steps: list[list[float]] = field(default_factory=list)  # step, epoch, loss
    epochs: list[list[float]] = field(default_factory=list)  # step, loss, accuracy
    answers: str | None = None  # to the hundred digits, a character each
    looks: int = 0  # at which its network was loaded anew
    rate: int = 0  # images a second
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0  # since it began
    asked: float = field(default_factory=time.monotonic)  # when who began it last did
    folder: Path | None = None  # once it runs

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def is_abandoned(self) -> bool:
        return time.monotonic() - self.asked > ABANDONED

    def stop(self) -> None:
        """End it, unless it has ended; its network stays as it is."""
        if self.state == "waiting" or self.is_under_way:
            self.state = "stopped"

    def make_folder(self) -> Path:
        """Make its folder, with its files. Raises OSError if that cannot be written."""
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        for name, content in self.files.items():
            (self.folder / name).write_text(content, encoding="utf-8")
        return self.folder

    def take(self, line: dict[str, Any]) -> None:
        """Notes a line of the process's progress, as `mnist_demo.training.progress` tells it."""
        match line:
            case {"begun": total}:
                self.total = total
                if self.state == "starting":
                    self.state = "training"
            case {"step": [step, epoch, loss, rate]}:
                self.steps.append([step, epoch, loss])
                self.rate = rate
            case {"diverged": [loss, epoch]}:
                self.error = {"code": "diverged", "loss": loss, "epoch": epoch}
            case {"epoch": epoch}:
                self.epochs.append(epoch)
            case {"wall": [_, answers]}:
                self.answers = answers

    def load(self, file: Path) -> None:
        """Take the network in that file for its own, if there is one."""
        with contextlib.suppress(ValueError):
            self.classifier = Classifier.load(file)
            self.looks += 1


class TrainingJobs:
    """Trains one network at a time, in the order in which they were asked for."""

    def __init__(self, yours: UserModels) -> None:
        self.yours = yours
        self.current: Run | None = None
        self.waiting: list[Run] = []
        self.count = 0
        self.lock = threading.Lock()
        self.ready: Process | LentProcess | None = None
        self.timer: threading.Timer | None = None
        sweep()

    def prepare(self) -> None:
        """Keep a process ready for a while, if no training runs."""
        with self.lock:
            if self.current is None or not self.current.is_under_way:
                if self.ready is None or self.ready.is_over():
                    self.ready = started()
                self._wait(READY_FOR)

    def begin(self, model: str, recipe: str, arguments: Sequence[str], files: Mapping[str, str]) -> Run | None:
        """Queue a training of that network by that recipe, which starts at once if nothing is ahead of it.

        `arguments` and `files` are those of `Run`. Returns None if the queue is full.
        """
        with self.lock:
            self._drop_abandoned()
            if len(self.waiting) >= MAX_WAITING:
                return None
            self.count += 1
            run = Run(model=model, number=self.count, recipe=recipe, arguments=arguments, files=files)
            self.waiting.append(run)
        self.yours.add(run)
        self._advance()
        return run

    def place(self, run: Run) -> int:
        """Return the training's place in the queue: 1 if it is next, 0 if it does not wait."""
        with self.lock:
            self._drop_abandoned()
            return self.waiting.index(run) + 1 if run in self.waiting else 0

    def _drop_abandoned(self) -> None:
        for run in filter(lambda run: run.is_abandoned, self.waiting):
            run.state, run.error = "stopped", {"code": "page_closed"}
        self.waiting = [run for run in self.waiting if run.state == "waiting"]

    def _advance(self) -> None:
        """Start the training that has waited longest, if none runs."""
        with self.lock:
            self._drop_abandoned()
            if self.current is not None or not self.waiting:
                return
            run = self.current = self.waiting.pop(0)
            run.state, run.begun = "starting", time.monotonic()
            process, self.ready = self.ready, None
            self._wait(None)
        threading.Thread(target=self._look_after, args=(run, process), daemon=True, name="training").start()

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

    def _look_after(self, run: Run, process: Process | LentProcess | None) -> None:
        """Follow a training to its end, in a thread of its own; then start the next."""
        try:
            folder = run.make_folder()
            command = ["--model", run.model, "--recipe", run.recipe]
            command += ["--output", str(folder / OUTPUT), "--follow", str(folder)]
            command += [one.replace("FOLDER", str(folder)) for one in run.arguments]
            if process is None or process.is_over():
                process = started()
            process.train([*command, "--device", process.device])
            self._follow(run, process, folder)
        except Exception as error:  # of a full disk, say: the next must have its turn
            run.state, run.error = "failed", reason(getattr(error, "strerror", None) or str(error))
        finally:
            if process is not None:
                process.end(run.folder)
            clear(run.folder)
            run.seconds = time.monotonic() - run.begun
            self.current = None
            self._advance()

    def _follow(self, run: Run, process: Process | LentProcess, folder: Path) -> None:
        with contextlib.ExitStack() as stack:
            progress: IO[str] | None = None
            while run.is_under_way:
                is_over = process.is_over()
                if progress is None and (folder / PROGRESS).exists():
                    progress = stack.enter_context((folder / PROGRESS).open(encoding="utf-8"))
                self._take(run, folder, progress.readlines() if progress else [])
                if run.is_under_way:
                    judge(run, process, is_over)
                    time.sleep(LOOK)

    def _take(self, run: Run, folder: Path, lines: Sequence[str]) -> None:
        """Note those lines; of several networks, load the newest."""
        told = [json.loads(line) for line in lines if line.endswith("\n")]  # a full disk cuts the last one off
        for line in told:
            run.take(line)
        run.seconds = time.monotonic() - run.begun
        if any("done" in line for line in told):
            run.load(folder / OUTPUT)
            run.weights = read_whole(folder / OUTPUT)
            run.state = "done"
        elif any("wall" in line for line in told):
            run.load(folder / NOW)


def judge(run: Run, process: Process | LentProcess, is_over: bool) -> None:
    """Note that a training has ended, or must end."""
    now = time.monotonic()
    if is_over:
        run.state, run.error = "failed", run.error or reason(process.said())
    elif run.is_abandoned:
        run.state, run.error = "stopped", {"code": "page_closed"}
    elif now - run.begun > LONGEST:
        run.state, run.error = "stopped", {"code": "time_limit", "seconds": round(LONGEST)}


def reason(said: str) -> Error:
    """Return why a training failed, from all that its process or an exception says."""
    if any(os.strerror(code) in said for code in FULL_CODES):
        return {"code": "disk_full"}
    lines = FOLDERS.sub("", said).strip().splitlines()
    return {"code": "process", "text": lines[-1].removeprefix("error: ") if lines else "the process ended by itself"}


def sweep() -> None:
    """Removes folders whose training and whose server were both killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 2 * LONGEST:
                clear(folder)
