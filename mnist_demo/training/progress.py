"""Tells of a training run while it goes on, in a folder that another program reads: the page.

Knows: what is told, how often, and that the run ends when nobody is left who would read it. Does not know: the loop,
or what is made of what it tells.

FOLDER/progress.jsonl grows by a line of JSON at a time, each of one key:
- "begun": {"steps": in all, "epochs": in all, "watched": "validation" or "test"};
- "step": [step, epoch, loss, rate]: the mean loss since the last such line, and the images a second until now;
- "wall": [step, answers]: what the network, asked once, takes the digits of `mnist.ten_of_each` for, a character each;
- "epoch": [step, loss, accuracy], on the digits that are watched;
- "diverged": [loss, epoch]: the loss is no longer finite, and the run ends; the loss is a string;
- "done": seconds, from the first step on.

FOLDER/now.safetensors is the network as it was at the last "wall": a weights file whose card has the test figures of
those digits alone. The folder is the run's own, and goes with it.
"""

import _thread
import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from mnist_demo.data.mnist import Samples, ten_of_each
from mnist_demo.model import metrics
from mnist_demo.model.weights import Card, load_weights, save_weights
from mnist_demo.training.trainer import DivergedError, Training, Watch, steps_of

PROGRESS, NOW = "progress.jsonl", "now.safetensors"
SOONEST, LATEST = 0.04, 0.2  # seconds between two lines of "step": the curve grows smoothly, and a long one stays small
RESOLUTION = 500  # such lines a run, as long as that is neither too seldom nor too often
WALL = 0.25  # seconds between two looks at the digits
SLOW_STEPS, SLOWEST = 120, 0.03  # the first steps of a new network take so many seconds longer, ever less
GIVES_WAY = 10  # the nice value of a run that is followed: a tenth of another's share, where there is not enough


class Follower(Watch):
    """Notes in a folder how a run is getting on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps, self.noted, self.last = 0, 0, 0  # steps so far, those told of, and in all
        self.sum = 0.0  # of the losses not yet told of
        self.begun = self.looked = self.walled = 0.0  # seconds, of time.perf_counter
        self.aside = 0.0  # seconds that went into telling and waiting

    def begin(self, training: Training, test: Samples, watched: str) -> None:
        """Before the first step."""
        job, chosen = training.job, ten_of_each(test.labels)
        self.digits = Samples(test.images[chosen], test.labels[chosen])
        self.last = steps_of(job.recipe, len(training.samples.labels))
        self.before = load_weights(job.start)[1] if job.start else None
        self.tell(begun={"steps": self.last, "epochs": job.recipe.epochs, "watched": watched})
        self.begun = self.looked = time.perf_counter()
        self.look(training)

    def step(self, training: Training, loss: Tensor) -> None:
        """After each step."""
        self.steps += 1
        self.sum += loss.item()
        start = time.perf_counter()
        pause = min(max((start - self.begun) / RESOLUTION, SOONEST), LATEST)
        if self.steps == self.last or start - self.looked >= pause:
            self.note(training, start)
        if start - self.walled >= WALL:
            self.look(training)
        if self.steps < SLOW_STEPS and training.job.start is None:
            time.sleep(SLOWEST * (1 - self.steps / SLOW_STEPS))
        self.aside += time.perf_counter() - start

    def note(self, training: Training, now: float) -> None:
        """Tells of the steps since the last time."""
        rate = self.steps * training.job.recipe.batch_size / max(now - self.begun - self.aside, 1e-3)
        mean = training.finite(self.sum / (self.steps - self.noted))
        self.tell(step=[self.steps, len(training.history) + 1, round(mean, 5), round(rate)])
        self.noted, self.sum, self.looked = self.steps, 0.0, now

    def look(self, training: Training) -> None:
        """Asks the network for the digits, and keeps it as it is."""
        network = training.kept
        log_probabilities = metrics.log_probabilities(network, self.digits.images)
        answers = log_probabilities.argmax(1).tolist()
        with contextlib.suppress(ValueError):  # of weights that are none; the loss will tell
            card = card_of(training, log_probabilities, self.digits.labels, self.before)
            save_weights(self.folder / NOW, network, card)
        self.tell(wall=[self.steps, "".join(map(str, answers))])
        self.walled = time.perf_counter()

    def epoch(self, training: Training, loss: float, accuracy: float) -> None:
        """After each epoch."""
        start = time.perf_counter()
        self.look(training)
        self.tell(epoch=[self.steps, round(loss, 5), accuracy])
        self.aside += time.perf_counter() - start

    def done(self) -> None:
        """After all, the weights being written."""
        self.tell(done=round(time.perf_counter() - self.begun, 2))

    def tell(self, **what: Any) -> None:
        """Writes a line."""
        with (self.folder / PROGRESS).open("a", encoding="utf-8") as progress:
            progress.write(json.dumps(what) + "\n")


def card_of(training: Training, log_probabilities: Tensor, labels: Tensor, before: Card | None) -> Card:
    """What is to be said of the network under way, on the digits of those labels; `before`: what it goes on from."""
    return Card(
        model=training.job.model,
        recipe=asdict(training.job.recipe),
        seed=training.job.seed,
        history=training.history,
        test_loss=metrics.average_loss(log_probabilities, labels),
        test_accuracy=metrics.accuracy(log_probabilities, labels),
        misread=[],
        temperature=before.temperature if before else 1.0,
        threshold=before.threshold if before else 0.0,
    )


@contextlib.contextmanager
def followed(folder: Path | None) -> Iterator[Watch]:
    """What is to watch a run that is followed in that folder, if any, which then gives way to all other processes.

    While standard input is open: at its end Ctrl-C comes. When the run is over, its end is waited for, and the folder
    is removed. Raises OSError where the folder cannot be written.
    """
    if folder is None:
        yield Watch()
        return
    try:
        follower = Follower(folder)
        if hasattr(os, "nice"):
            os.nice(GIVES_WAY)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
        reader = threading.Thread(target=_interrupt_at_end, daemon=True)
        reader.start()
        try:
            yield follower
        except DivergedError as error:
            follower.tell(diverged=[str(error.loss), error.epoch])
            raise
        follower.done()
        with contextlib.suppress(KeyboardInterrupt):
            reader.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _interrupt_at_end() -> None:
    """Reads standard input to its end, past Python's own buffer, whose lock a thread may not hold at exit."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _thread.interrupt_main()


def check_own(folder: Path, own: Path | None) -> None:
    """Raises OSError, in one line, where it is no folder, or holds more than `own`: all in it will go."""
    if not folder.is_dir():
        raise OSError(f"--follow {folder} is no folder: make it first")
    if others := [path.name for path in folder.iterdir() if path != own]:
        raise OSError(f"--follow {folder} holds {min(others)}, and would be removed with the run: name an empty folder")


def awaited() -> list[str]:
    """Loads what the first step would wait for, then waits for a command line: a JSON list, a line on standard input.

    Raises ValueError, in one line, where none comes.
    """
    import torch._dynamo  # noqa: F401

    try:
        arguments = json.loads(sys.stdin.readline())
    except ValueError:
        arguments = None
    if not isinstance(arguments, list) or not all(isinstance(one, str) for one in arguments):
        raise ValueError("--ready waits for a JSON list of arguments, a line on standard input")
    return arguments
