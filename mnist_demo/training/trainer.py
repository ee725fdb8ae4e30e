"""Trains a network by a recipe and writes its weights.

Knows: the loop, its progress, its checkpoint. Does not know: who asked for the run, or how the weights are used. After
every epoch the run is kept in a checkpoint beside the output; the output itself changes once, at the end.
"""

import copy
import ctypes
import hashlib
import io
import math
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from mnist_demo.data.augment import distort
from mnist_demo.data.mnist import Samples, batches, load_mnist
from mnist_demo.data.non_digits import non_digits
from mnist_demo.data.stroke_file import Handwritten, read_written
from mnist_demo.data.synthetic import drawn, handwriting, redrawn
from mnist_demo.files import read_whole, write_whole
from mnist_demo.ink.preprocess import SIDE
from mnist_demo.model import metrics
from mnist_demo.model.networks import MODELS, HalfPixelShifts
from mnist_demo.model.recipes import Recipe
from mnist_demo.model.weights import Card, is_whole, load_weights, save_weights

Tensors = tuple[Tensor, ...] | list[Tensor]

CHECKPOINT = ".checkpoint"  # is what its name adds to the output's
NON_DIGIT = 10  # the label, in training alone, of what is no digit
WRITTEN = 11  # is added, in training alone, to the label of a digit that --extra names
FILES = ("extra", "start")  # what a job may read besides the data set
CHECKSUM = hashlib.sha256().digest_size  # bytes that a checkpoint begins with
WAYS = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)  # from the weights before to those learnt, shares that may be gone
REJECTED = 0.01  # share of the validation digits, distorted as in training, that the threshold rejects


class DivergedError(FloatingPointError):
    """The loss is no longer finite."""

    def __init__(self, loss: float, epoch: int) -> None:
        super().__init__(f"the loss is {loss} in epoch {epoch}: try a smaller --lr")
        self.loss, self.epoch = loss, epoch


@dataclass(frozen=True)
class Job:
    """One training run: what is trained, by what, and where it goes."""

    model: str  # a key of MODELS
    recipe: Recipe
    output: Path
    device: torch.device
    seed: int = 1
    data_dir: Path | None = None
    log_interval: int = 10  # steps between two looks at the running loss
    extra: Path | None = None  # handwritten digits that join the training images, a file that `stroke_file` reads
    start: Path | None = None  # weights to go on from; None: random ones

    @property
    def checkpoint(self) -> Path:
        """Where the last finished epoch is kept until the run is done."""
        return Path(f"{self.output}{CHECKPOINT}")


def precision(device: torch.device) -> torch.dtype:
    """What the forward pass is computed in: bfloat16 where the processor is faster with it, else float32.

    Measured: with AMX, and with AVX-512 on AMD, twice to five times float32's matrix peak; with AVX-512 on Intel
    half of it; where neither is there bfloat16 is emulated. On a graphics processor (NVIDIA H200) an epoch took 1.15
    to 1.4 times as long in bfloat16 as in float32, for what takes time there is to start the kernels. Older versions
    of torch do not say what the processor has.
    """
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    on_amd = has.get("avx512_bf16", False) and "AMD" in has.get("cpu_name", "")
    is_faster = device.type == "cpu" and (has.get("amx_bf16", False) or on_amd)
    return torch.bfloat16 if is_faster else torch.float32


def keep_freed_memory() -> None:
    """Makes glibc reuse what a step frees instead of giving it back and faulting it in anew: half of a step's time."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mmap_max, trim_threshold = -4, -1  # the parameters' numbers in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)


def training_samples(recipe: Recipe, mnist: Samples, seed: int, written: Sequence[Handwritten] = ()) -> Samples:
    """The data set's images and, where the recipe asks for them, drawn digits and non-digits, and the written ones."""
    if recipe.mnist is not None:
        some = torch.randperm(len(mnist.labels), generator=torch.Generator().manual_seed(seed))[: recipe.mnist]
        mnist = Samples(mnist.images[some], mnist.labels[some])
    digits, labels = handwriting(recipe.handwriting, seed)
    others = non_digits(recipe.non_digits, seed)
    count = len(mnist.labels) + len(digits) + len(others)
    again, what = redrawn(written, round(count * recipe.written / (1 - recipe.written)), seed)
    images = [torch.from_numpy(part).unsqueeze(1) for part in (digits, others, again) if len(part)]
    return Samples(
        torch.cat([mnist.images, *images]),
        torch.cat(
            [
                mnist.labels,
                torch.from_numpy(labels),
                torch.full((len(others),), NON_DIGIT),
                torch.from_numpy(what) + WRITTEN,
            ]
        ),
    )


def as_written(written: Sequence[Handwritten], device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) uint8 of what was written, as it was, and labels (N,)."""
    images = np.array([drawn(one.strokes) for one in written], np.uint8).reshape(-1, 1, SIDE, SIDE)
    return torch.from_numpy(images).to(device), torch.tensor([one.label for one in written], device=device)


def loss_targets(recipe: Recipe, device: torch.device) -> Tensor:
    """(21, 10): what each label's log-probabilities are weighted with in the loss.

    Row NON_DIGIT is spread evenly, those from WRITTEN on are the digits' once more. Without smoothing a digit's row is
    one-hot, which makes the loss the tutorial's negative log-likelihood.
    """
    digits = torch.eye(10) * (1 - recipe.label_smoothing) + recipe.label_smoothing / 10
    return torch.cat([digits, torch.full((1, 10), recipe.non_digit_weight / 10), digits]).to(device)


class Watch:
    """Is told how a run is getting on; this one takes no notice. It must leave the run as it is."""

    def begin(self, training: "Training", test: Samples, watched: str) -> None:
        """Before the first step; `watched`: which digits are looked at after each epoch, "validation" or "test"."""

    def step(self, training: "Training", loss: Tensor) -> None:
        """After each step, with its loss, still on the device."""

    def epoch(self, training: "Training", loss: float, accuracy: float) -> None:
        """After each epoch, with the figures of the digits that are watched."""


class Training:
    """A run under way: the network, its optimizer, and every other thing that changes with a step."""

    def __init__(self, job: Job, samples: Samples, watch: Watch | None = None) -> None:
        torch.manual_seed(job.seed)
        self.watch = watch or Watch()
        self.job, self.samples, self.history = job, samples, list[dict[str, float]]()
        self.model = build(job).to(job.device).to(memory_format=torch.channels_last)
        self.before = copy.deepcopy(self.model).eval() if job.recipe.keeping and job.start else None
        self.way = job.recipe.way if self.before else 1.0
        self.files = {name: seen(path) for name in FILES if (path := getattr(job, name)) is not None}
        self.average = averaged(self.model, job.recipe.averaging)
        self.optimizer = optimizer_for(self.model, job.recipe)
        self.schedule = schedule_for(self.optimizer, job.recipe, len(samples.labels))
        self.order = torch.Generator().manual_seed(job.seed)
        self.distortion = torch.Generator(job.device).manual_seed(job.seed)
        self.targets = loss_targets(job.recipe, job.device)
        self.dtype = precision(job.device)

    @property
    def kept(self) -> nn.Module:
        """The network whose weights are worth keeping: what was learnt, or a new one of what lies on the way."""
        return self.learnt if self.before is None else between(self.before, self.learnt, self.way)

    @property
    def learnt(self) -> nn.Module:
        """What all steps came to: the moving average where there is one."""
        return self.average.module if self.average is not None else self.model

    def epoch(self, bar: tqdm) -> float:
        """One pass over all training samples. Returns its mean loss.

        Raises FloatingPointError where the loss is no longer finite.
        """
        job, total, steps = self.job, torch.zeros((), device=self.job.device), 0
        self.model.train()
        for index in batches(len(self.samples.labels), job.recipe.batch_size, self.order, job.device):
            total += (loss := self.step(self.samples.images[index], self.samples.labels[index]))
            steps += 1
            self.watch.step(self, loss)
            bar.update(len(index))
            if steps % job.log_interval == 0:
                bar.set_postfix(self.progress(self.finite(total.item() / steps)), refresh=False)
        return self.finite(total.item() / steps)

    def finite(self, loss: float) -> float:
        """That loss. Raises FloatingPointError where it is not finite."""
        if not math.isfinite(loss):
            raise DivergedError(loss, len(self.history) + 1)
        return loss

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One batch: images (N, 1, 28, 28) uint8, labels (N,) int64. Returns its loss, still on the device."""
        pixels = images.float() / 255
        if self.job.recipe.distortion:
            is_written = (labels >= WRITTEN).view(-1, 1, 1, 1)
            pixels = torch.where(is_written, pixels, distort(pixels, self.distortion))
        with torch.autocast(self.job.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            log_probabilities = self.model(pixels)
            targets = self.kept_targets(pixels, labels)
        loss: Tensor = -(targets * log_probabilities).sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.detach()

    @torch.no_grad()
    def kept_targets(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """(N, 10): the labels' rows of `targets`, of all but what was written as far answers as the recipe keeps them.

        Those are the answers to the very pixels, (N, 1, 28, 28) in [0, 1], of the network that training goes on from.
        """
        targets = self.targets[labels]
        if self.before is None:
            return targets
        share = self.job.recipe.keeping * (labels < WRITTEN)
        answers = self.before(pixels).exp() * targets.sum(1, keepdim=True)
        return targets.lerp(answers, share.unsqueeze(1))

    def settle(self, images: Tensor, labels: Tensor) -> None:
        """Goes further on its way where more of what was written, images (N, 1, 28, 28) uint8, is read right there."""
        if self.before is None:
            return
        fewest = math.inf
        for way in (self.way, *(way for way in WAYS if way > self.way)):
            there = HalfPixelShifts(between(self.before, self.learnt, way))
            misread = len(metrics.misread(metrics.log_probabilities(there, images), labels))
            if misread < fewest:
                fewest, self.way = misread, way

    def progress(self, loss: float) -> dict[str, str]:
        """What the bar shows besides images per second and the time left."""
        shown = {"epoch": f"{len(self.history) + 1}/{self.job.recipe.epochs}", "loss": f"{loss:.4f}"}
        if self.history:
            shown["accuracy"] = f"{100 * self.history[-1]['accuracy']:.2f} %"
        return shown

    def save(self) -> None:
        """Writes the checkpoint. Raises OSError where it cannot be written."""
        content = {
            "model": self.job.model,
            "recipe": asdict(self.job.recipe),
            "seed": self.job.seed,
            "files": self.files,
            "history": self.history,
            "random": [torch.get_rng_state(), self.order.get_state(), self.distortion.get_state()],
            "states": [part.state_dict() for part in self._stateful()],
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_whole(self.job.checkpoint, hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())

    def restore(self, content: dict[str, Any]) -> None:
        """Goes back to where the checkpoint with that content was saved. Raises ValueError where it does not fit."""
        try:
            self.history = content["history"]
            for part, state in zip(self._stateful(), content["states"], strict=True):
                part.load_state_dict(state)
            default, order, distortion = content["random"]
            torch.set_rng_state(default)
            self.order.set_state(order)
            self.distortion.set_state(distortion)
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError):
            raise ValueError("the checkpoint is damaged or of another device: start anew without --resume") from None

    def _stateful(self) -> list[Any]:
        parts = [self.model, self.average, self.optimizer, self.schedule]
        return [part for part in parts if part is not None]


def build(job: Job) -> nn.Module:
    """The job's network: untrained, or as it is in the file that it goes on from. Raises ValueError as `begun` does."""
    network, dropout = MODELS[job.model], job.recipe.dropout
    model = network() if dropout is None else network(dropout=dropout)
    if job.start is not None:
        model.load_state_dict(begun(job.start, job.model))
    return model


def begun(start: Path, model_name: str) -> dict[str, Tensor]:
    """The weights in that file. Raises ValueError, in one line, where it is none of that network's."""
    model, card = load_weights(start)
    if card.model != model_name:
        raise ValueError(f"{start} holds a {card.model}: go on from it with --model {card.model}")
    return model.state_dict()


@torch.no_grad()
def between(before: nn.Module, learnt: nn.Module, share: float) -> nn.Module:
    """A network whose weights lie that share of the way from the one's to the other's (Wortsman et al. 2022)."""
    network = copy.deepcopy(before)
    for weights, others in zip(network.parameters(), learnt.parameters(), strict=True):
        weights.lerp_(others, share)
    return network


def averaged(model: nn.Module, decay: float) -> AveragedModel | None:
    """An exponential moving average of the model's weights; None where the decay is 0.

    Over the first steps it forgets sooner, so that short runs, too, are rid of the weights they began with.
    """

    def update(averages: Tensors, weights: Tensors, steps: Tensor | int) -> None:
        kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, weights, 1 - kept)

    return AveragedModel(model, multi_avg_fn=update) if decay else None


def optimizer_for(model: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """The recipe's optimizer, fused: one kernel updates all weights."""
    weights = model.parameters()
    if recipe.optimizer == "sgd":
        return optim.SGD(weights, recipe.lr, recipe.momentum or 0.0, weight_decay=recipe.weight_decay, fused=True)
    kind = optim.Adam if recipe.optimizer == "adam" else optim.AdamW
    return kind(weights, recipe.lr, weight_decay=recipe.weight_decay, fused=True)


def schedule_for(optimizer: optim.Optimizer, recipe: Recipe, count: int) -> optim.lr_scheduler.OneCycleLR | None:
    """The one-cycle schedule over all steps; None where the learning rate stays as it is."""
    if not recipe.one_cycle:
        return None
    return optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps_of(recipe, count))


def steps_of(recipe: Recipe, count: int) -> int:
    """How many steps all epochs over so many training samples take."""
    return recipe.epochs * math.ceil(count / recipe.batch_size)


def train(job: Job, checkpoint: dict[str, Any] | None = None, watch: Watch | None = None) -> Card:
    """Trains by the job and writes its output, once, at the end. Goes on from a checkpoint's content, if given.

    `watch` is told how it is getting on.

    Raises ValueError or OSError where the data, or the job's own files, cannot be had or the output not be written,
    FloatingPointError where the loss is no longer finite; the output is as it was, then.
    """
    keep_freed_memory()
    written = read_written(job.extra) if job.extra else []
    mnist, held_out = load_mnist("train", job.data_dir).split(job.recipe.held_out)
    test = load_mnist("test", job.data_dir).to(job.device)
    watched, what = (held_out.to(job.device), "validation") if job.recipe.held_out else (test, "test")
    training = Training(job, training_samples(job.recipe, mnist, job.seed, written).to(job.device), watch)
    if checkpoint is not None:
        training.restore(checkpoint)
    training.watch.begin(training, test, what)
    run_epochs(training, watched, what)
    if written:
        training.settle(*as_written(written, job.device))
    card = describe(training, watched if job.recipe.held_out else None, test)
    save_weights(job.output, training.kept, card)
    job.checkpoint.unlink(missing_ok=True)
    return card


def run_epochs(training: Training, watched: Samples, what: str) -> None:
    """All epochs not yet run, with a progress bar, a line and a checkpoint each."""
    job, count = training.job, len(training.samples.labels)
    total, done = count * job.recipe.epochs, count * len(training.history)
    with tqdm(total=total, initial=done, unit=" images", unit_scale=True, disable=None) as bar:
        while len(training.history) < job.recipe.epochs:
            start = time.perf_counter()
            loss = training.epoch(bar)
            rate = count / (time.perf_counter() - start)
            scores = metrics.log_probabilities(training.kept, watched.images, job.recipe.test_batch_size)
            watched_loss = training.finite(metrics.average_loss(scores, watched.labels))
            accuracy = metrics.accuracy(scores, watched.labels)
            training.history.append({"loss": loss, f"{what}_loss": watched_loss, "accuracy": accuracy})
            training.watch.epoch(training, watched_loss, accuracy)
            training.save()
            bar.write(
                f"epoch {len(training.history)}/{job.recipe.epochs}: loss {loss:.4f}, {what} loss {watched_loss:.4f}, "
                f"{what} accuracy {100 * accuracy:.2f} %, {rate:,.0f} images/s"
            )


def describe(training: Training, held_out: Samples | None, test: Samples) -> Card:
    """The card of a finished run: where there are held-out samples, with the temperature and threshold they give."""
    job, kept, temperature, threshold = training.job, training.kept, 1.0, 0.0
    reader = HalfPixelShifts(kept)
    once, scores = (
        metrics.log_probabilities(model, test.images, job.recipe.test_batch_size) for model in (kept, reader)
    )
    if held_out is not None:
        known = metrics.log_probabilities(reader, held_out.images, job.recipe.test_batch_size)
        temperature = metrics.fit_temperature(known, held_out.labels)
        varied = as_trained(job.recipe, held_out.images, job.seed)
        threshold = metrics.choose_threshold(metrics.log_probabilities(reader, varied), REJECTED)
    return Card(
        model=job.model,
        recipe=asdict(replace(job.recipe, way=training.way)),
        seed=job.seed,
        history=training.history,
        test_loss=metrics.average_loss(scores, test.labels),
        test_accuracy=metrics.accuracy(scores, test.labels),
        misread=metrics.misread(scores, test.labels),
        temperature=temperature,
        threshold=threshold,
        evaluation=metrics.evaluation(once, scores, test.labels, temperature, threshold),
    )


def as_trained(recipe: Recipe, images: Tensor, seed: int) -> Tensor:
    """Return digits (N, 1, 28, 28) uint8 as training shows them: distorted if the recipe says so.

    The threshold is chosen by these: MNIST's own ink is more even than what other pens and scanners leave.
    """
    if not recipe.distortion:
        return images
    random = torch.Generator(images.device).manual_seed(seed)
    return (distort(images.float() / 255, random) * 255).round().to(torch.uint8)


def seen(path: Path) -> list[str]:
    """Where a file lies and what is in it, for a run that goes on to find the same. Raises OSError as it is read."""
    return [str(path.resolve()), hashlib.sha256(read_whole(path)).hexdigest()]


def files_of(checkpoint: dict[str, Any]) -> dict[str, Path]:
    """The files, by their names in FILES, that a checkpoint's run reads. Raises ValueError where one has changed."""
    for path, checksum in checkpoint["files"].values():
        if seen(Path(path)) != [path, checksum]:
            raise ValueError(f"{path} has changed since the run began: start anew without --resume")
    return {name: Path(path) for name, (path, _) in checkpoint["files"].items()}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `Training.save` wrote, to the bit. Raises ValueError, naming the file, where it cannot be read."""
    try:
        written = read_whole(path)
        if hashlib.sha256(written[CHECKSUM:]).digest() != written[:CHECKSUM]:
            raise ValueError("its checksum differs")
        content = torch.load(io.BytesIO(written[CHECKSUM:]), weights_only=True)
        Recipe(**content["recipe"])
        if content["model"] not in MODELS or not is_whole(content["seed"], 0, 2**63 - 1):
            raise ValueError("its model or seed makes no sense")
        if not all(name in FILES and list(map(type, said)) == [str, str] for name, said in content["files"].items()):
            raise ValueError("its files make no sense")
        return {key: content[key] for key in ("model", "recipe", "seed", "files", "history", "random", "states")}
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {path}: start anew without --resume") from None
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError):
        raise ValueError(f"{path} is damaged or no checkpoint of ours: start anew without --resume") from None
