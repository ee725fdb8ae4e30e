"""The training loop: train a network by a recipe and write its weights.

After every epoch the run is saved in a checkpoint beside the output. The output itself changes once, at the end.
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

CHECKPOINT = ".checkpoint"  # suffix of a checkpoint's name, added to the output's name
NON_DIGIT = 10  # the label of non-digits, in training only
WRITTEN = 11  # added to the labels of --extra digits, in training only
FILES = ("extra", "start")  # fields of a job that name files to read
CHECKSUM = hashlib.sha256().digest_size  # bytes at the start of a checkpoint
WAYS = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)  # shares of the learnt weights to try when interpolating
REJECTED = 0.01  # share of the validation digits, distorted as in training, that the threshold rejects


class DivergedError(FloatingPointError):
    """The error raised if the loss is no longer finite."""

    def __init__(self, loss: float, epoch: int) -> None:
        super().__init__(f"the loss is {loss} in epoch {epoch}: try a smaller --lr")
        self.loss, self.epoch = loss, epoch


@dataclass(frozen=True)
class Job:
    """One training run: the network, its recipe, its input files and its output."""

    model: str  # a key of MODELS
    recipe: Recipe
    output: Path
    device: torch.device
    seed: int = 1
    data_dir: Path | None = None
    log_interval: int = 10  # steps between two updates of the loss on the progress bar
    extra: Path | None = None  # a stroke file, whose digits are added to the training images
    start: Path | None = None  # weights to continue from; None: random ones

    @property
    def checkpoint(self) -> Path:
        """Where the last finished epoch is saved until the run is done."""
        return Path(f"{self.output}{CHECKPOINT}")


def precision(device: torch.device) -> torch.dtype:
    """Return the type of the forward pass: bfloat16 if the processor is faster with it, else float32.

    Measured: bfloat16 has two to five times the matrix peak of float32 with AMX, and with AVX-512 on AMD; half of it
    with AVX-512 on Intel; without these it is emulated. On an NVIDIA H200 an epoch took 1.15 to 1.4 times as long in
    bfloat16, because most of its time goes into starting kernels. Older versions of torch do not report the processor's
    features.
    """
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    on_amd = has.get("avx512_bf16", False) and "AMD" in has.get("cpu_name", "")
    is_faster = device.type == "cpu" and (has.get("amx_bf16", False) or on_amd)
    return torch.bfloat16 if is_faster else torch.float32


def keep_freed_memory() -> None:
    """Let glibc reuse the memory that a step frees; returning it to the system and faulting it in again doubles the
    time.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mmap_max, trim_threshold = -4, -1  # the parameters' numbers in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)


def training_samples(recipe: Recipe, mnist: Samples, seed: int, written: Sequence[Handwritten] = ()) -> Samples:
    """Return the training images, with the synthetic digits, non-digits and `written` digits that the recipe wants."""
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
    """Return images (N, 1, 28, 28) uint8 of handwritten digits, as they were drawn, and their labels (N,)."""
    images = np.array([drawn(one.strokes) for one in written], np.uint8).reshape(-1, 1, SIDE, SIDE)
    return torch.from_numpy(images).to(device), torch.tensor([one.label for one in written], device=device)


def loss_targets(recipe: Recipe, device: torch.device) -> Tensor:
    """Return the weight (21, 10) of each log-probability in the loss, for each label.

    Row NON_DIGIT is spread evenly; the rows from WRITTEN on repeat those of the digits. Without smoothing, a digit's
    row is one-hot, which makes the loss the tutorial's negative log-likelihood.
    """
    digits = torch.eye(10) * (1 - recipe.label_smoothing) + recipe.label_smoothing / 10
    return torch.cat([digits, torch.full((1, 10), recipe.non_digit_weight / 10), digits]).to(device)


class Watch:
    """An observer of a run, which must not change it. This one ignores everything."""

    def begin(self, training: "Training", test: Samples, watched: str) -> None:
        """Observe the start, before the first step; `watched` names the digits tested after each epoch: "validation" or
        "test".
        """

    def step(self, training: "Training", loss: Tensor) -> None:
        """Observe a step and its loss, still on the device."""

    def epoch(self, training: "Training", loss: float, accuracy: float) -> None:
        """Observe the end of an epoch, with the loss and accuracy on the watched digits."""


class Training:
    """A run in progress: the network, its optimizer, and all other state that changes with a step."""

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
        """The network to save: the learnt one, or a new one interpolated between the earlier one and it."""
        return self.learnt if self.before is None else between(self.before, self.learnt, self.way)

    @property
    def learnt(self) -> nn.Module:
        """The network with the learnt weights (averaged if the recipe says so)."""
        return self.average.module if self.average is not None else self.model

    def epoch(self, bar: tqdm) -> float:
        """Train on all training samples once. Return the mean loss.

        Raises FloatingPointError if the loss is no longer finite.
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
        """Return the loss. Raises FloatingPointError if it is not finite."""
        if not math.isfinite(loss):
            raise DivergedError(loss, len(self.history) + 1)
        return loss

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on one batch: images (N, 1, 28, 28) uint8, labels (N,) int64. Return its loss, still on the device."""
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
        """Return the loss targets (N, 10), mixed with answers of the earlier network as the recipe says.

        These are its answers to the same pixels, (N, 1, 28, 28) in [0, 1]. Targets of `written` digits stay as they
        are.
        """
        targets = self.targets[labels]
        if self.before is None:
            return targets
        share = self.job.recipe.keeping * (labels < WRITTEN)
        answers = self.before(pixels).exp() * targets.sum(1, keepdim=True)
        return targets.lerp(answers, share.unsqueeze(1))

    def settle(self, images: Tensor, labels: Tensor) -> None:
        """Raise the share of the learnt weights if more of the images (N, 1, 28, 28) uint8 are then read right."""
        if self.before is None:
            return
        fewest = math.inf
        for way in (self.way, *(way for way in WAYS if way > self.way)):
            there = HalfPixelShifts(between(self.before, self.learnt, way))
            misread = len(metrics.misread(metrics.log_probabilities(there, images), labels))
            if misread < fewest:
                fewest, self.way = misread, way

    def progress(self, loss: float) -> dict[str, str]:
        """Return what the progress bar shows besides images per second and the time left."""
        shown = {"epoch": f"{len(self.history) + 1}/{self.job.recipe.epochs}", "loss": f"{loss:.4f}"}
        if self.history:
            shown["accuracy"] = f"{100 * self.history[-1]['accuracy']:.2f} %"
        return shown

    def save(self) -> None:
        """Write the checkpoint. Raises OSError if it cannot be written."""
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
        """Restore the state saved in the checkpoint with that content. Raises ValueError if it does not fit."""
        try:
            self.history = content["history"]
            for part, state in zip(self._stateful(), content["states"], strict=True):
                part.load_state_dict(state)
            default, order, distortion = content["random"]
            torch.set_rng_state(default)
            self.order.set_state(order)
            self.distortion.set_state(distortion)
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError):
            raise ValueError("the checkpoint is damaged or from another device: start again without --resume") from None

    def _stateful(self) -> list[Any]:
        parts = [self.model, self.average, self.optimizer, self.schedule]
        return [part for part in parts if part is not None]


def build(job: Job) -> nn.Module:
    """Return the job's network: untrained, or with the weights it continues from. Raises ValueError as `begun` does."""
    network, dropout = MODELS[job.model], job.recipe.dropout
    model = network() if dropout is None else network(dropout=dropout)
    if job.start is not None:
        model.load_state_dict(begun(job.start, job.model))
    return model


def begun(start: Path, model_name: str) -> dict[str, Tensor]:
    """Return the weights in that file. Raises ValueError, in one line, if it is invalid or holds another network."""
    model, card = load_weights(start)
    if card.model != model_name:
        raise ValueError(f"{start} holds a {card.model}: continue from it with --model {card.model}")
    return model.state_dict()


@torch.no_grad()
def between(before: nn.Module, learnt: nn.Module, share: float) -> nn.Module:
    """Return a network with weights interpolated between two; `share` is that of `learnt` (Wortsman et al. 2022)."""
    network = copy.deepcopy(before)
    for weights, others in zip(network.parameters(), learnt.parameters(), strict=True):
        weights.lerp_(others, share)
    return network


def averaged(model: nn.Module, decay: float) -> AveragedModel | None:
    """Return an exponential moving average of the model's weights, or None if the decay is 0.

    In the first steps the decay is lower, so that in short runs, too, the initial weights fade from the average.
    """

    def update(averages: Tensors, weights: Tensors, steps: Tensor | int) -> None:
        kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, weights, 1 - kept)

    return AveragedModel(model, multi_avg_fn=update) if decay else None


def optimizer_for(model: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """Return the recipe's optimizer, fused: one kernel updates all weights."""
    weights = model.parameters()
    if recipe.optimizer == "sgd":
        return optim.SGD(weights, recipe.lr, recipe.momentum or 0.0, weight_decay=recipe.weight_decay, fused=True)
    kind = optim.Adam if recipe.optimizer == "adam" else optim.AdamW
    return kind(weights, recipe.lr, weight_decay=recipe.weight_decay, fused=True)


def schedule_for(optimizer: optim.Optimizer, recipe: Recipe, count: int) -> optim.lr_scheduler.OneCycleLR | None:
    """Return the one-cycle schedule over all steps, or None if the learning rate is constant."""
    if not recipe.one_cycle:
        return None
    return optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps_of(recipe, count))


def steps_of(recipe: Recipe, count: int) -> int:
    """Return the number of steps in all epochs over `count` training samples."""
    return recipe.epochs * math.ceil(count / recipe.batch_size)


def train(job: Job, checkpoint: dict[str, Any] | None = None, watch: Watch | None = None) -> Card:
    """Train the job's network and write its output once, at the end. Return its card.

    With the content of a checkpoint, training continues from there. `watch` observes its progress.

    Raises ValueError or OSError if the data or the job's own files cannot be read or the output cannot be written, and
    FloatingPointError if the loss is no longer finite. In these cases the output is unchanged.
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
    """Run the remaining epochs with a progress bar, and print a line and save a checkpoint after each."""
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
    """Return the card of a finished run, with the temperature and threshold found on the held-out samples, if any."""
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

    The threshold is chosen on these, because MNIST's own ink is more even than that of other pens and scanners.
    """
    if not recipe.distortion:
        return images
    random = torch.Generator(images.device).manual_seed(seed)
    return (distort(images.float() / 255, random) * 255).round().to(torch.uint8)


def seen(path: Path) -> list[str]:
    """Return a file's path and checksum, so that a resumed run can check them. Raises OSError if it cannot be read."""
    return [str(path.resolve()), hashlib.sha256(read_whole(path)).hexdigest()]


def files_of(checkpoint: dict[str, Any]) -> dict[str, Path]:
    """Return the files, by their names in FILES, that a checkpoint's run reads. Raises ValueError if one changed."""
    for path, checksum in checkpoint["files"].values():
        if seen(Path(path)) != [path, checksum]:
            raise ValueError(f"{path} has changed since the run began: start again without --resume")
    return {name: Path(path) for name, (path, _) in checkpoint["files"].items()}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return what `Training.save` wrote. Raises ValueError, naming the file, if it cannot be read or its checksum
    differs.
    """
    try:
        written = read_whole(path)
        if hashlib.sha256(written[CHECKSUM:]).digest() != written[:CHECKSUM]:
            raise ValueError("its checksum differs")
        content = torch.load(io.BytesIO(written[CHECKSUM:]), weights_only=True)
        Recipe(**content["recipe"])
        if content["model"] not in MODELS or not is_whole(content["seed"], 0, 2**63 - 1):
            raise ValueError("invalid model or seed")
        if not all(name in FILES and list(map(type, said)) == [str, str] for name, said in content["files"].items()):
            raise ValueError("invalid files")
        return {key: content[key] for key in ("model", "recipe", "seed", "files", "history", "random", "states")}
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {path}: start again without --resume") from None
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError):
        raise ValueError(f"{path} is damaged or not a valid checkpoint: start again without --resume") from None
