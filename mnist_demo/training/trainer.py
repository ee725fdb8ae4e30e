"""The training loop: train a network by a recipe and write its weights.

After every epoch the run is saved in a checkpoint beside the output. The output itself changes once, at the end.
"""

import copy
import ctypes
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from mnist_demo.data.augment import distort
from mnist_demo.data.mnist import Samples, batches, load_mnist
from mnist_demo.data.stroke_file import read_written
from mnist_demo.model import metrics
from mnist_demo.model.networks import MODELS, HalfPixelShifts
from mnist_demo.model.recipes import Recipe
from mnist_demo.model.weights import Card, load_weights, save_weights
from mnist_demo.training.checkpoint import CHECKPOINT, FILES, fingerprint, write_checkpoint
from mnist_demo.training.cuda_graph import GraphedPass, Pass
from mnist_demo.training.samples import WRITTEN, as_trained, as_written, loss_targets, training_samples

INTERPOLATIONS = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)  # shares of the trained weights to try, from the recipe's on
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

    Matrix products in bfloat16 were measured two to five times as fast as in float32 on Intel with AMX and on AMD with
    AVX-512, and half as fast on Intel with AVX-512 alone. Other processors emulate it. On an NVIDIA H200 an eager epoch
    took 1.15 to 1.4 times as long in bfloat16, because launching kernels took most of the time. Older versions of torch
    do not report the processor's features.
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


class Observer:
    """Callbacks of a run, which must not change it. These do nothing."""

    def begin(self, training: "Training", test: Samples, watched: str) -> None:
        """Handle the start, before the first step. The digits tested after each epoch are `watched`: "validation" or
        "test".
        """

    def step(self, training: "Training", loss: Tensor) -> None:
        """Handle a step and its loss, still on the device, where the next step may overwrite it."""

    def epoch(self, training: "Training", loss: float, accuracy: float) -> None:
        """Handle the end of an epoch, with the loss and accuracy on the watched digits."""


class Training:
    """A run in progress: the network, its optimizer, and all other state that changes with a step."""

    def __init__(self, job: Job, samples: Samples, observer: Observer | None = None) -> None:
        torch.manual_seed(job.seed)
        self.observer = observer or Observer()
        self.job, self.samples, self.history = job, samples, list[dict[str, float]]()
        self.model = new_network(job).to(job.device).to(memory_format=torch.channels_last)
        self.initial = copy.deepcopy(self.model).eval() if job.recipe.distillation and job.start else None
        self.interpolation = job.recipe.interpolation if self.initial else 1.0
        self.files = {name: fingerprint(path) for name in FILES if (path := getattr(job, name)) is not None}
        self.average = AveragedModel(self.model) if job.recipe.averaging else None
        self.optimizer = optimizer_for(self.model, job.recipe)
        self.schedule = schedule_for(self.optimizer, job.recipe, len(samples.labels))
        self.order = torch.Generator().manual_seed(job.seed)
        self.distortion = random_numbers(job)
        self.targets = loss_targets(job.recipe, job.device)
        self.dtype = precision(job.device)
        self.run_pass: Pass = self.eager_pass
        if job.device.type == "cuda":
            self.run_pass = GraphedPass(self.eager_pass, self.model.parameters(), job.recipe.batch_size)

    @property
    def result(self) -> nn.Module:
        """The network to save: the trained one, or a new one interpolated between the initial one and it."""
        return self.trained if self.initial is None else interpolated(self.initial, self.trained, self.interpolation)

    @property
    def trained(self) -> nn.Module:
        """The network with the trained weights (averaged if the recipe says so)."""
        return self.average.module if self.average is not None else self.model

    def epoch(self, bar: tqdm) -> float:
        """Train on all training samples once. Return the mean loss.

        Raises FloatingPointError if the loss is no longer finite.
        """
        job, total, steps = self.job, torch.zeros((), device=self.job.device), 0
        self.model.train()
        for index in batches(len(self.samples.labels), job.recipe.batch_size, self.order, job.device):
            total += (loss := self.step(index))
            steps += 1
            self.observer.step(self, loss)
            bar.update(len(index))
            if steps % job.log_interval == 0 and not bar.disable:  # reading the loss waits for the device
                bar.set_postfix(self.progress(self.finite(total.item() / steps)), refresh=False)
        return self.finite(total.item() / steps)

    def finite(self, loss: float) -> float:
        """Return the loss. Raises FloatingPointError if it is not finite."""
        if not math.isfinite(loss):
            raise DivergedError(loss, len(self.history) + 1)
        return loss

    def step(self, index: Tensor) -> Tensor:
        """Train on one batch: the samples at `index` (N,). Return its loss, still on the device."""
        loss = self.run_pass(index)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            update_average(self.average, self.model, self.job.recipe.averaging)
        return loss

    def eager_pass(self, index: Tensor) -> Tensor:
        """Compute the loss of the samples at `index`, and its gradients. Return the loss, still on the device."""
        images, labels = self.samples.images[index], self.samples.labels[index]
        pixels = images.float() / 255
        if self.job.recipe.distortion:
            is_written = (labels >= WRITTEN).view(-1, 1, 1, 1)
            pixels = torch.where(is_written, pixels, distort(pixels, self.distortion))
        with torch.autocast(self.job.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            log_probabilities = self.model(pixels)
            targets = self.distilled_targets(pixels, labels)
        loss: Tensor = -(targets * log_probabilities).sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    @torch.no_grad()
    def distilled_targets(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Return the loss targets (N, 10), mixed as the recipe says with the initial network's answers to the same
        pixels, (N, 1, 28, 28) in [0, 1]. Targets of `written` digits are not mixed.
        """
        targets = self.targets[labels]
        if self.initial is None:
            return targets
        share = self.job.recipe.distillation * (labels < WRITTEN)
        answers = self.initial(pixels).exp() * targets.sum(1, keepdim=True)
        return targets.lerp(answers, share.unsqueeze(1))

    def choose_interpolation(self, images: Tensor, labels: Tensor) -> None:
        """Raise the share of the trained weights if the result then misreads fewer images (N, 1, 28, 28) uint8."""
        if self.initial is None:
            return
        fewest = math.inf
        for share in (self.interpolation, *(share for share in INTERPOLATIONS if share > self.interpolation)):
            reader = HalfPixelShifts(interpolated(self.initial, self.trained, share))
            misread = len(metrics.misread(metrics.log_probabilities(reader, images), labels))
            if misread < fewest:
                fewest, self.interpolation = misread, share

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
        write_checkpoint(self.job.checkpoint, content)

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


def new_network(job: Job) -> nn.Module:
    """Return the job's network: untrained, or with the weights it continues from.

    Raises ValueError as `starting_weights` does.
    """
    network, dropout = MODELS[job.model], job.recipe.dropout
    model = network() if dropout is None else network(dropout=dropout)
    if job.start is not None:
        model.load_state_dict(starting_weights(job.start, job.model))
    return model


def starting_weights(start: Path, model_name: str) -> dict[str, Tensor]:
    """Return the weights in that file. Raises ValueError, in one line, if it is invalid or holds another network."""
    model, card = load_weights(start)
    if card.model != model_name:
        raise ValueError(f"{start} holds a {card.model}: continue from it with --model {card.model}")
    return model.state_dict()


@torch.no_grad()
def interpolated(initial: nn.Module, trained: nn.Module, share: float) -> nn.Module:
    """Return a network with weights between those of two; `share` is that of `trained` (Wortsman et al. 2022)."""
    network = copy.deepcopy(initial)
    for weights, others in zip(network.parameters(), trained.parameters(), strict=True):
        weights.lerp_(others, share)
    return network


def random_numbers(job: Job) -> torch.Generator:
    """Return the generator of the distortions. On CUDA, it is that of dropout, too: a captured graph advances it."""
    if job.device.type == "cuda":
        return torch.cuda.default_generators[torch.cuda.current_device()]  # seeded with torch.manual_seed
    return torch.Generator(job.device).manual_seed(job.seed)


@torch.no_grad()
def update_average(average: AveragedModel, model: nn.Module, decay: float) -> None:
    """Move the exponential moving average towards the model's weights.

    In the first steps the decay is lower, so that in short runs, too, the initial weights fade from the average.
    `AveragedModel` does the same, but waits for the device at each step.
    """
    steps = int(average.n_averaged)  # on the CPU
    kept = min(decay, (1 + steps) / (10 + steps)) if steps else 0.0
    torch._foreach_lerp_(list(average.module.parameters()), list(model.parameters()), 1 - kept)
    average.n_averaged += 1


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


def train(job: Job, checkpoint: dict[str, Any] | None = None, observer: Observer | None = None) -> Card:
    """Train the job's network and write its output once, at the end. Return its card.

    With the content of a checkpoint, training continues from there. `observer` hears of each step and epoch.

    Raises ValueError or OSError if the data or the job's own files cannot be read or the output cannot be written, and
    FloatingPointError if the loss is no longer finite. In these cases the output is unchanged.
    """
    keep_freed_memory()
    written = read_written(job.extra) if job.extra else []
    mnist, held_out = load_mnist("train", job.data_dir).split(job.recipe.held_out)
    test = load_mnist("test", job.data_dir).to(job.device)
    watched, name = (held_out.to(job.device), "validation") if job.recipe.held_out else (test, "test")
    training = Training(job, training_samples(job.recipe, mnist, job.seed, written).to(job.device), observer)
    if checkpoint is not None:
        training.restore(checkpoint)
    training.observer.begin(training, test, name)
    run_epochs(training, watched, name)
    if written:
        training.choose_interpolation(*as_written(written, job.device))
    card = describe(training, watched if job.recipe.held_out else None, test)
    save_weights(job.output, training.result, card)
    job.checkpoint.unlink(missing_ok=True)
    return card


def run_epochs(training: Training, watched: Samples, name: str) -> None:
    """Run the remaining epochs with a progress bar. After each, test on the watched digits, print a line with their
    name, and save a checkpoint.
    """
    job, count = training.job, len(training.samples.labels)
    total, done = count * job.recipe.epochs, count * len(training.history)
    with tqdm(total=total, initial=done, unit=" images", unit_scale=True, disable=None) as bar:
        while len(training.history) < job.recipe.epochs:
            start = time.perf_counter()
            loss = training.epoch(bar)
            rate = count / (time.perf_counter() - start)
            scores = metrics.log_probabilities(training.result, watched.images, job.recipe.test_batch_size)
            watched_loss = training.finite(metrics.average_loss(scores, watched.labels))
            accuracy = metrics.accuracy(scores, watched.labels)
            training.history.append({"loss": loss, f"{name}_loss": watched_loss, "accuracy": accuracy})
            training.observer.epoch(training, watched_loss, accuracy)
            training.save()
            bar.write(
                f"epoch {len(training.history)}/{job.recipe.epochs}: loss {loss:.4f}, {name} loss {watched_loss:.4f}, "
                f"{name} accuracy {100 * accuracy:.2f} %, {rate:,.0f} images/s"
            )


def describe(training: Training, held_out: Samples | None, test: Samples) -> Card:
    """Return the card of a finished run, with the temperature and threshold found on the held-out samples, if any."""
    job, network, temperature, threshold = training.job, training.result, 1.0, 0.0
    reader = HalfPixelShifts(network)
    once, scores = (
        metrics.log_probabilities(model, test.images, job.recipe.test_batch_size) for model in (network, reader)
    )
    if held_out is not None:
        known = metrics.log_probabilities(reader, held_out.images, job.recipe.test_batch_size)
        temperature = metrics.fit_temperature(known, held_out.labels)
        if job.recipe.distortion:
            known = metrics.log_probabilities(reader, as_trained(job.recipe, held_out.images, job.seed))
        threshold = metrics.choose_threshold(known, REJECTED)
    return Card(
        model=job.model,
        recipe=asdict(replace(job.recipe, interpolation=training.interpolation)),
        seed=job.seed,
        history=training.history,
        test_loss=metrics.average_loss(scores, test.labels),
        test_accuracy=metrics.accuracy(scores, test.labels),
        misread=metrics.misread(scores, test.labels),
        temperature=temperature,
        threshold=threshold,
        evaluation=metrics.evaluation(once, scores, test.labels, temperature, threshold),
    )
