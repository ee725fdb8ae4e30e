"""Training for users, one run at a time, each in a process of its own; others wait in a queue.

Clients take turns, counted in seconds of training; if each wants one run, that is first come, first served. Any run,
waiting or not, ends when its page stops asking for it. When a user is about to start a run, a process loads everything
in advance and waits for its arguments, so that the first step comes sooner.
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
from mnist_demo.server.fair_queue import FairQueue
from mnist_demo.server.training_process import LentProcess, Process, clear, started
from mnist_demo.server.user_models import Own, UserModels

PREFIX = "mnist-demo-training-"  # of the names of runs' folders
PROGRESS, NOW, OUTPUT = "progress.jsonl", "now.safetensors", "yours.safetensors"  # in such a folder
LOOK = 0.1  # seconds between two checks of a run
ABANDONED = 15.0  # seconds without a request from the user who started it, after which a run is stopped
MAX_TRAINING_SECONDS = 600.0  # seconds, of a run
READY_FOR = 120.0  # seconds that a process waits for its arguments
USUAL_SECONDS = 60.0  # of a run, to estimate places in the queue
MAX_WAITING = 50  # runs: a school class; 50 times 200 corrections take 13 MB
FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\]+[/\\])*")  # of the host, hidden from users
FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, a limit on files

Error = dict[str, Any]  # why a run failed or was stopped: a "code" with values

State = Literal["waiting", "starting", "training", "done", "stopped", "failed"]
UNDER_WAY = ("starting", "training")


@dataclass(eq=False)
class Run(Own):
    """A training run and its progress."""

    number: int = 0  # its public number, by which others may follow it
    recipe: str = ""
    arguments: Sequence[str] = ()  # of the command line; the word FOLDER in them stands for `folder`
    files: Mapping[str, str] = field(default_factory=dict)  # contents of files to put into that folder, by name
    state: State = "waiting"
    error: Error | None = None  # if it failed, or was stopped by the server
    total: dict[str, Any] = field(default_factory=dict)  # its numbers of steps and epochs, and the watched digits
    steps: list[list[float]] = field(default_factory=list)  # step, epoch, loss
    epochs: list[list[float]] = field(default_factory=list)  # step, loss, accuracy
    answers: str | None = None  # to the hundred test digits on the page's wall, a character each
    looks: int = 0  # the version of its network: how often it was loaded
    rate: int = 0  # images per second
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0  # since it began
    asked: float = field(default_factory=time.monotonic)  # when the user who started it last asked for it
    folder: Path | None = None  # once it runs

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def is_abandoned(self) -> bool:
        return time.monotonic() - self.asked > ABANDONED

    def stop(self) -> None:
        """Stop it, unless it has ended; its network stays as it is."""
        if self.state == "waiting" or self.is_under_way:
            self.state = "stopped"

    def make_folder(self) -> Path:
        """Create its folder, with its files. Raises OSError if it cannot be written."""
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        for name, content in self.files.items():
            (self.folder / name).write_text(content, encoding="utf-8")
        self.files = {}  # free their memory: the network is kept long after its training
        return self.folder

    def take(self, line: dict[str, Any]) -> None:
        """Update its progress from a line written by `mnist_demo.training.progress`."""
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
        """Load the network in that file, if there is a valid one."""
        with contextlib.suppress(ValueError):
            self.classifier = Classifier.load(file)
            self.looks += 1


class TrainingJobs:
    """The queue of runs, which trains one network at a time."""

    def __init__(self, yours: UserModels) -> None:
        self.yours = yours
        self.current: Run | None = None
        self.waiting: FairQueue[Run] = FairQueue(MAX_WAITING)
        self.count = 0
        self.lock = threading.Lock()
        self.ready: Process | LentProcess | None = None
        self.timer: threading.Timer | None = None
        sweep()

    def prepare(self) -> None:
        """Keep a process ready for a while, if no run is in progress."""
        with self.lock:
            if self.current is None or not self.current.is_under_way:
                if self.ready is None or self.ready.is_over():
                    self.ready = started()
                self._keep_ready(READY_FOR)

    def begin(self, model: str, recipe: str, arguments: Sequence[str], files: Mapping[str, str]) -> Run | None:
        """Queue a run for that network and recipe; it starts at once if nothing is ahead of it.

        `arguments` and `files` are those of `Run`. Returns None if the queue is full.
        """
        with self.lock:
            self._drop_abandoned()
            self.count += 1
            run = Run(model=model, number=self.count, recipe=recipe, arguments=arguments, files=files)
            if displaced := self.waiting.put(run):
                displaced.state, displaced.error = "stopped", {"code": "queue_full", "limit": MAX_WAITING}
            if displaced is run:
                return None
        self.yours.add(run)
        self._advance()
        return run

    def place(self, run: Run) -> int:
        """Return the run's place in the queue: 1 if it is next, 0 if it is not waiting."""
        with self.lock:
            self._drop_abandoned()
            order = self.waiting.order(USUAL_SECONDS)
        return order.index(run) + 1 if run in order else 0

    def _drop_abandoned(self) -> None:
        for run in self.waiting.drop(lambda run: run.is_abandoned or run.state != "waiting"):
            if run.state == "waiting":
                run.state, run.error = "stopped", {"code": "page_closed"}

    def _advance(self) -> None:
        """Start the run whose turn it is, if none is in progress."""
        with self.lock:
            self._drop_abandoned()
            if self.current is not None or not len(self.waiting):
                return
            _, run = self.waiting.take()
            self.current = run
            run.state, run.begun = "starting", time.monotonic()
            process, self.ready = self.ready, None
            self._keep_ready(None)
        threading.Thread(target=self._look_after, args=(run, process), daemon=True, name="training").start()

    def _keep_ready(self, seconds: float | None) -> None:
        """Dismiss the process that is ready after so many seconds; None: do not dismiss it."""
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
        """Follow a run to its end, in a thread of its own, then start the next."""
        try:
            folder = run.make_folder()
            command = ["--model", run.model, "--recipe", run.recipe]
            command += ["--output", str(folder / OUTPUT), "--follow", str(folder)]
            command += [one.replace("FOLDER", str(folder)) for one in run.arguments]
            if process is None or process.is_over():
                process = started()
            process.train([*command, "--device", process.device])
            self._follow(run, process, folder)
        except Exception as error:  # a full disk, for example: the next run must still start
            run.state, run.error = "failed", reason(getattr(error, "strerror", None) or str(error))
        finally:
            if process is not None:
                process.end(run.folder)
            clear(run.folder)
            run.seconds = time.monotonic() - run.begun
            self.waiting.charge(run.owner, run.seconds)
            self.current = None
            self._advance()

    def _follow(self, run: Run, process: Process | LentProcess, folder: Path) -> None:
        with contextlib.ExitStack() as stack:
            progress: IO[str] | None = None
            unfinished = ""  # the start of a line that is being written, or that a full disk cuts off
            while run.is_under_way:
                is_over = process.is_over()
                if progress is None and (folder / PROGRESS).exists():
                    progress = stack.enter_context((folder / PROGRESS).open(encoding="utf-8"))
                *lines, unfinished = (unfinished + (progress.read() if progress else "")).split("\n")
                self._take(run, folder, lines)
                if run.is_under_way:
                    judge(run, process, is_over)
                    time.sleep(LOOK)

    def _take(self, run: Run, folder: Path, lines: Sequence[str]) -> None:
        """Update a run from lines of its progress; load only the newest network."""
        messages = [json.loads(line) for line in lines]
        for message in messages:
            run.take(message)
        run.seconds = time.monotonic() - run.begun
        if any("done" in message for message in messages):
            run.load(folder / OUTPUT)
            run.weights = read_whole(folder / OUTPUT)
            run.state = "done"
        elif any("wall" in message for message in messages):
            run.load(folder / NOW)


def judge(run: Run, process: Process | LentProcess, is_over: bool) -> None:
    """Set the state of a run that has ended or must end."""
    now = time.monotonic()
    if is_over:
        run.state, run.error = "failed", run.error or reason(process.said())
    elif run.is_abandoned:
        run.state, run.error = "stopped", {"code": "page_closed"}
    elif now - run.begun > MAX_TRAINING_SECONDS:
        run.state, run.error = "stopped", {"code": "time_limit", "seconds": round(MAX_TRAINING_SECONDS)}


def reason(said: str) -> Error:
    """Return why a run failed, from the messages of its process or of an exception."""
    if any(os.strerror(code) in said for code in FULL_CODES):
        return {"code": "disk_full"}
    lines = FOLDERS.sub("", said).strip().splitlines()
    return {"code": "process", "text": lines[-1].removeprefix("error: ") if lines else "the process ended by itself"}


def sweep() -> None:
    """Remove the folders of runs that were killed together with their server."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 2 * MAX_TRAINING_SECONDS:
                clear(folder)
