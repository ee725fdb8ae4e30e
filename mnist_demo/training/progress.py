"""The progress of a training run, written to a folder for another program, the page's server, to read.

FOLDER/progress.jsonl grows by one line of JSON at a time. Each line has one key:

- "begun": {"steps": in all, "epochs": in all, "watched": "validation" or "test"}, the digits tested after each epoch;
- "step": [step, epoch, loss, rate]: the mean loss since the last such line, and the images per second so far;
- "wall": [step, answers]: the network's single-pass answers to the digits of `mnist.ten_of_each`, a character each;
- "epoch": [step, loss, accuracy] on the watched digits;
- "diverged": [loss, epoch]: the loss, as a string, is no longer finite, and the run ends;
- "done": seconds since the first step.

FOLDER/now.safetensors is the network as it was at the last "wall": a weights file whose card has the test metrics of
those digits alone. The folder belongs to the run and is removed with it. The run ends if its standard input ends, since
then nobody is left to read its progress.
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
from mnist_demo.training.trainer import DivergedError, Observer, Training, steps_of

PROGRESS, NOW = "progress.jsonl", "now.safetensors"
SOONEST, LATEST = 0.04, 0.2  # seconds between two "step" lines, so that the curve grows smoothly but stays small
RESOLUTION = 500  # "step" lines per run, within these limits
WALL = 0.25  # seconds between two "wall" lines
SLOW_STEPS, SLOWEST = 120, 0.03  # delay per step in seconds, falling to 0 over the first steps of a new network
GIVES_WAY = 10  # nice value of a followed run: about a tenth of another process's share of a busy processor


class Follower(Observer):
    """An observer that writes the progress of a run to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps, self.noted, self.last = 0, 0, 0  # steps so far, steps written, steps in all
        self.sum = 0.0  # of the losses not yet written
        self.begun = self.looked = self.walled = 0.0  # seconds, of time.perf_counter
        self.aside = 0.0  # seconds spent on writing and waiting

    def begin(self, training: Training, test: Samples, watched: str) -> None:
        """Write the "begun" line and the first "wall", before the first step."""
        job, chosen = training.job, ten_of_each(test.labels)
        self.digits = Samples(test.images[chosen], test.labels[chosen])
        self.last = steps_of(job.recipe, len(training.samples.labels))
        self.initial = load_weights(job.start)[1] if job.start else None
        self.tell(begun={"steps": self.last, "epochs": job.recipe.epochs, "watched": watched})
        self.begun = self.looked = time.perf_counter()
        self.look(training)

    def step(self, training: Training, loss: Tensor) -> None:
        """Write a "step" or a "wall" line if it is time for one."""
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
        """Write the "step" line for the steps since the last one."""
        rate = self.steps * training.job.recipe.batch_size / max(now - self.begun - self.aside, 1e-3)
        mean = training.finite(self.sum / (self.steps - self.noted))
        self.tell(step=[self.steps, len(training.history) + 1, round(mean, 5), round(rate)])
        self.noted, self.sum, self.looked = self.steps, 0.0, now

    def look(self, training: Training) -> None:
        """Write the "wall" line, and save the network as it is now."""
        network = training.result
        log_probabilities = metrics.log_probabilities(network, self.digits.images)
        answers = log_probabilities.argmax(1).tolist()
        with contextlib.suppress(ValueError):  # weights that are not finite; the loss will show it
            card = card_of(training, log_probabilities, self.digits.labels, self.initial)
            save_weights(self.folder / NOW, network, card)
        self.tell(wall=[self.steps, "".join(map(str, answers))])
        self.walled = time.perf_counter()

    def epoch(self, training: Training, loss: float, accuracy: float) -> None:
        """Write a "wall" and the "epoch" line, after each epoch."""
        start = time.perf_counter()
        self.look(training)
        self.tell(epoch=[self.steps, round(loss, 5), accuracy])
        self.aside += time.perf_counter() - start

    def done(self) -> None:
        """Write the "done" line, once the weights are written."""
        self.tell(done=round(time.perf_counter() - self.begun, 2))

    def tell(self, **what: Any) -> None:
        """Append a line."""
        with (self.folder / PROGRESS).open("a", encoding="utf-8") as progress:
            progress.write(json.dumps(what) + "\n")


def card_of(training: Training, log_probabilities: Tensor, labels: Tensor, initial: Card | None) -> Card:
    """Return the card of the unfinished network, with metrics on the digits of those labels.

    `initial` is the card of the weights that training continues from, if any.
    """
    return Card(
        model=training.job.model,
        recipe=asdict(training.job.recipe),
        seed=training.job.seed,
        history=training.history,
        test_loss=metrics.average_loss(log_probabilities, labels),
        test_accuracy=metrics.accuracy(log_probabilities, labels),
        misread=[],
        temperature=initial.temperature if initial else 1.0,
        threshold=initial.threshold if initial else 0.0,
    )


@contextlib.contextmanager
def followed(folder: Path | None) -> Iterator[Observer]:
    """Yield the observer of a run, which writes its progress to the folder, or does nothing without one.

    A followed run gives way to all other processes. When its standard input ends, it is interrupted as by Ctrl-C. A
    finished run waits for that end, then the folder is removed. Raises OSError if the folder cannot be written.
    """
    if folder is None:
        yield Observer()
        return
    try:
        follower = Follower(folder)
        if hasattr(os, "nice"):
            os.nice(GIVES_WAY)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes may start with SIGINT ignored
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
    """Interrupt the main thread when standard input ends.

    This reads past Python's own buffer, whose lock a thread must not hold at exit.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _thread.interrupt_main()


def check_own(folder: Path, own: Path | None) -> None:
    """Raise OSError, in one line, if it is not a folder or holds more than `own`, since all its content will be
    removed.
    """
    if not folder.is_dir():
        raise OSError(f"--follow {folder} is not a folder: create it first")
    if others := [path.name for path in folder.iterdir() if path != own]:
        raise OSError(f"--follow {folder} holds {min(others)}, but is removed after the run: name an empty folder")


def awaited() -> list[str]:
    """Load what the first step needs, then read a command line from standard input: a line with a JSON list.

    Raises ValueError, in one line, if there is none.
    """
    import torch._dynamo  # noqa: F401

    try:
        arguments = json.loads(sys.stdin.readline())
    except ValueError:
        arguments = None
    if not isinstance(arguments, list) or not all(isinstance(one, str) for one in arguments):
        raise ValueError("--ready needs a line on standard input with a JSON list of arguments")
    return arguments
