"""Trains a network by a recipe and writes its weights: `python -m mnist_demo.train`.

Knows: the loop, its progress, its checkpoint, its command line. Does not know: how the weights are used. After
every epoch the run is kept in a checkpoint beside the output; the output itself changes once, at the end.
"""

import argparse
import ctypes
import dataclasses
import io
import math
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from mnist_demo import evaluate
from mnist_demo.data import Samples, batches, load_mnist, write_whole
from mnist_demo.device import DEVICES, choose_device
from mnist_demo.distort import distort
from mnist_demo.models import MODELS, HalfPixelShifts, Net
from mnist_demo.recipes import RECIPES, Recipe
from mnist_demo.scribbles import non_digits
from mnist_demo.strokes import handwriting
from mnist_demo.weights import Card, default_path, load_weights, save_weights

Tensors = tuple[Tensor, ...] | list[Tensor]

NON_DIGIT = 10  # the label, in training alone, of what is no digit
REFUSED = 0.004  # share of the validation digits that the threshold may refuse: one standard error under 0.5 %


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

    @property
    def checkpoint(self) -> Path:
        """Where the last finished epoch is kept until the run is done."""
        return self.output.with_suffix(".checkpoint")


def precision(device: torch.device) -> torch.dtype:
    """What the forward pass is computed in: bfloat16 where the processor is faster with it, else float32.

    Measured: with AMX, and with AVX-512 on AMD, twice to five times float32's matrix peak; with AVX-512 on Intel
    half of it; where neither is there bfloat16 is emulated. Graphics processors have not been measured.
    """
    has = torch.cpu.get_capabilities()
    on_amd = has.get("avx512_bf16", False) and "AMD" in has.get("cpu_name", "")
    is_faster = device.type == "cpu" and (has.get("amx_bf16", False) or on_amd)
    return torch.bfloat16 if is_faster else torch.float32


def keep_freed_memory() -> None:
    """Makes glibc reuse what a step frees instead of giving it back and faulting it in anew: half of a step's time."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mmap_max, trim_threshold = -4, -1  # the parameters' numbers in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)


def training_samples(recipe: Recipe, mnist: Samples, seed: int) -> Samples:
    """The data set's images and, where the recipe asks for them, drawn digits and drawn non-digits."""
    drawn, labels = handwriting(recipe.handwriting, seed)
    others = non_digits(recipe.non_digits, seed)
    images = [torch.from_numpy(part).unsqueeze(1) for part in (drawn, others) if len(part)]
    return Samples(
        torch.cat([mnist.images, *images]),
        torch.cat([mnist.labels, torch.from_numpy(labels), torch.full((len(others),), NON_DIGIT)]),
    )


def loss_targets(recipe: Recipe, device: torch.device) -> Tensor:
    """(11, 10): what each label's log-probabilities are weighted with in the loss; the last row is NON_DIGIT's.

    Without smoothing a digit's row is one-hot, which makes the loss the tutorial's negative log-likelihood.
    """
    digits = torch.eye(10) * (1 - recipe.label_smoothing) + recipe.label_smoothing / 10
    return torch.cat([digits, torch.full((1, 10), recipe.non_digit_weight / 10)]).to(device)


class Training:
    """A run under way: the network, its optimizer, and every other thing that changes with a step."""

    def __init__(self, job: Job, samples: Samples) -> None:
        torch.manual_seed(job.seed)
        self.job, self.samples, self.history = job, samples, list[dict[str, float]]()
        self.model = build(job).to(job.device).to(memory_format=torch.channels_last)
        self.average = averaged(self.model, job.recipe.averaging)
        self.optimizer = optimizer_for(self.model, job.recipe)
        self.schedule = schedule_for(self.optimizer, job.recipe, len(samples.labels))
        self.order = torch.Generator().manual_seed(job.seed)
        self.distortion = torch.Generator(job.device).manual_seed(job.seed)
        self.targets = loss_targets(job.recipe, job.device)
        self.dtype = precision(job.device)

    @property
    def kept(self) -> nn.Module:
        """The network whose weights are worth keeping: the moving average where there is one."""
        return self.average.module if self.average is not None else self.model

    def epoch(self, bar: tqdm) -> float:
        """One pass over all training samples. Returns its mean loss.

        Raises FloatingPointError where the loss is no longer finite.
        """
        job, total, steps = self.job, torch.zeros((), device=self.job.device), 0
        self.model.train()
        for index in batches(len(self.samples.labels), job.recipe.batch_size, self.order, job.device):
            total += self.step(self.samples.images[index], self.samples.labels[index])
            steps += 1
            bar.update(len(index))
            if steps % job.log_interval == 0:
                bar.set_postfix(self.progress(self.finite(total.item() / steps)), refresh=False)
        return self.finite(total.item() / steps)

    def finite(self, loss: float) -> float:
        """That loss. Raises FloatingPointError where it is not finite."""
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {len(self.history) + 1}: try a smaller --lr")
        return loss

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One batch: images (N, 1, 28, 28) uint8, labels (N,) int64. Returns its loss, still on the device."""
        pixels = images.float() / 255
        if self.job.recipe.distortion:
            pixels = distort(pixels, self.distortion)
        with torch.autocast(self.job.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            log_probabilities = self.model(pixels)
        loss: Tensor = -(self.targets[labels] * log_probabilities).sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.detach()

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
            "history": self.history,
            "random": [torch.get_rng_state(), self.order.get_state(), self.distortion.get_state()],
            "states": [part.state_dict() for part in self._stateful()],
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_whole(self.job.checkpoint, buffer.getvalue())

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
        except (RuntimeError, LookupError, TypeError, ValueError):
            raise ValueError("the checkpoint is damaged or of another device: start anew without --resume") from None

    def _stateful(self) -> list[Any]:
        parts = [self.model, self.average, self.optimizer, self.schedule]
        return [part for part in parts if part is not None]


def build(job: Job) -> nn.Module:
    """The job's network, untrained."""
    if job.recipe.dropout is not None:
        return Net(dropout=job.recipe.dropout)
    return MODELS[job.model]()


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
    steps = recipe.epochs * math.ceil(count / recipe.batch_size)
    return optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps)


def train(job: Job, checkpoint: dict[str, Any] | None = None) -> Card:
    """Trains by the job and writes its output, once, at the end. Goes on from a checkpoint's content, if given.

    Raises ValueError or OSError where the data cannot be had or the output not be written, FloatingPointError
    where the loss is no longer finite; the output is as it was, then.
    """
    keep_freed_memory()
    mnist, held_out = load_mnist("train", job.data_dir).split(job.recipe.held_out)
    test = load_mnist("test", job.data_dir).to(job.device)
    watched, what = (held_out.to(job.device), "validation") if job.recipe.held_out else (test, "test")
    training = Training(job, training_samples(job.recipe, mnist, job.seed).to(job.device))
    if checkpoint is not None:
        training.restore(checkpoint)
    run_epochs(training, watched, what)
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
            scores = evaluate.log_probabilities(training.kept, watched.images, job.recipe.test_batch_size)
            watched_loss = evaluate.average_loss(scores, watched.labels)
            accuracy = evaluate.accuracy(scores, watched.labels)
            training.history.append({"loss": loss, f"{what}_loss": watched_loss, "accuracy": accuracy})
            training.save()
            bar.write(
                f"epoch {len(training.history)}/{job.recipe.epochs}: loss {loss:.4f}, {what} loss {watched_loss:.4f}, "
                f"{what} accuracy {100 * accuracy:.2f} %, {rate:,.0f} images/s"
            )


def describe(training: Training, held_out: Samples | None, test: Samples) -> Card:
    """The card of a finished run: where there are held-out samples, with the temperature and threshold they give."""
    job, temperature, threshold = training.job, 1.0, 0.0
    reader = HalfPixelShifts(training.kept)
    scores = evaluate.log_probabilities(reader, test.images, job.recipe.test_batch_size)
    if held_out is not None:
        known = evaluate.log_probabilities(reader, held_out.images, job.recipe.test_batch_size)
        temperature = evaluate.fit_temperature(known, held_out.labels)
        threshold = evaluate.choose_threshold(known, REFUSED)
    return Card(
        model=job.model,
        recipe=asdict(job.recipe),
        seed=job.seed,
        history=training.history,
        test_loss=evaluate.average_loss(scores, test.labels),
        test_accuracy=evaluate.accuracy(scores, test.labels),
        misread=evaluate.misread(scores, test.labels),
        temperature=temperature,
        threshold=threshold,
    )


def parser() -> argparse.ArgumentParser:
    """The command line: the tutorial's flags and ours. A flag left out is None, and the recipe's value holds."""
    p = argparse.ArgumentParser(prog="python -m mnist_demo.train", description="Trains a network on MNIST.")
    p.add_argument("--model", choices=MODELS, help="the network (default: convnet)")
    p.add_argument("--recipe", choices=("tutorial", "fast", "best"), help="how it is trained (default: best)")
    own = p.add_argument_group("values in place of the recipe's own")
    own.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    own.add_argument("--test-batch-size", type=int, metavar="N", help="images a step of testing")
    own.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    own.add_argument("--lr", type=float, metavar="LR", help="learning rate")
    own.add_argument("--momentum", type=float, metavar="M", help="momentum of SGD")
    p.add_argument("--seed", type=int, metavar="S", help="of all that is random (default: 1)")
    p.add_argument("--log-interval", type=int, default=10, metavar="N", help="steps between two looks at the loss")
    p.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default: the best there is)")
    p.add_argument("--no-cuda", action="store_true", help="train on the CPU even where there is a GPU")
    p.add_argument("--data-dir", type=Path, metavar="DIR", help="where MNIST's files are, or shall be")
    p.add_argument("--output", type=Path, metavar="FILE", help="weights file (default: weights/MODEL.safetensors)")
    p.add_argument(
        "--resume", type=Path, nargs="?", const=Path(), metavar="FILE",
        help="go on from a checkpoint (default: the one beside the output), writing beside it without --output",
    )  # fmt: skip
    return p


RECIPE_FLAGS = ("batch_size", "test_batch_size", "epochs", "lr", "momentum")


def job_from(options: argparse.Namespace) -> tuple[Job, dict[str, Any] | None]:
    """The job that a command line asks for, and the content of the checkpoint that it goes on from, if any.

    Raises ValueError or OSError, in one line, where that makes no sense or cannot be done.
    """
    if options.log_interval < 1:
        raise ValueError(f"--log-interval must be at least 1, not {options.log_interval}")
    if options.no_cuda and options.device not in ("auto", "cpu"):
        raise ValueError(f"--no-cuda and --device {options.device} contradict each other: leave one out")
    named = None if options.resume == Path() else options.resume
    output = options.output or (
        named.with_suffix(".safetensors") if named else default_path(options.model or "convnet")
    )
    values = {name: value for name in RECIPE_FLAGS if (value := getattr(options, name)) is not None}
    checkpoint = None
    if options.resume is not None:
        if fixed := [flag for flag in ("recipe", "seed", *values) if getattr(options, flag) is not None]:
            raise ValueError(f"--resume goes on as the run began: leave out --{fixed[0].replace('_', '-')}")
        path = named or output.with_suffix(".checkpoint")
        checkpoint = load_checkpoint(path)
        model, recipe, seed = checkpoint["model"], Recipe(**checkpoint["recipe"]), checkpoint["seed"]
        if options.model not in (None, model):
            raise ValueError(f"{path} is of a {model}: leave out --model {options.model}")
    else:
        model, seed = options.model or "convnet", 1 if options.seed is None else options.seed
        recipe = dataclasses.replace(RECIPES[model][options.recipe or "best"], **values)
    check_output(output)
    if not 0 <= seed < 2**63:
        raise ValueError(f"--seed must be at least 0 and under 2 to the 63rd, not {seed}")
    device = choose_device("cpu" if options.no_cuda else options.device)
    return Job(model, recipe, output, device, seed, options.data_dir, options.log_interval), checkpoint


def check_output(path: Path) -> None:
    """Raises OSError, in one line, where a weights file cannot be written at `path`."""
    if path.is_dir():
        raise OSError(f"--output {path} is a folder: name a file")
    if path.suffix == ".checkpoint":
        raise OSError(f"--output {path} is what the run's checkpoint is called: name a .safetensors file")
    if not path.parent.is_dir():
        raise OSError(f"--output {path}: there is no folder {path.parent}; make it first")
    probe = path.parent / f".{path.name}.probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f"--output {path} cannot be written: {error.strerror}") from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `Training.save` wrote. Raises ValueError, naming the file, where it cannot be read."""
    try:
        content = torch.load(path, weights_only=True)
        Recipe(**content["recipe"])
        return {key: content[key] for key in ("model", "recipe", "seed", "history", "random", "states")}
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {path}: start anew without --resume") from None
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError):
        raise ValueError(f"{path} is damaged or no checkpoint of ours: start anew without --resume") from None


def announce(job: Job) -> str:
    """The line that says what is about to be trained, by what, on what."""
    recipe, dtype = job.recipe, str(precision(job.device)).removeprefix("torch.")
    return (
        f"{job.model}, recipe {recipe.name}: {recipe.epochs} epochs, batches of {recipe.batch_size}, "
        f"{recipe.optimizer} at {recipe.lr:g}, seed {job.seed}, on {job.device.type} in {dtype}"
    )


def report(job: Job, card: Card, before: Card | None) -> str:
    """The line that says what was written, and what it replaced."""
    figures = f"test loss {card.test_loss:.4f}, test accuracy {100 * card.test_accuracy:.2f} %"
    line = f"wrote {job.output}: {figures}, as it reads drawings, each at four half-pixel shifts"
    if before is not None:
        line += f" (replaces a {before.model} of {before.date[:10]} with {100 * before.test_accuracy:.2f} %)"
    return line


def card_at(path: Path) -> Card | None:
    """The card of the weights file at `path`, if there is a sound one."""
    try:
        return load_weights(path)[1]
    except ValueError:
        return None


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 2 for what was asked wrong, 1 for a loss not finite, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    job = None
    try:
        job, checkpoint = job_from(options)
        before = card_at(job.output)
        print(announce(job))
        print(report(job, train(job, checkpoint), before))
    except KeyboardInterrupt:
        print(f"\nstopped; {job.output} is as it was. {how_to_go_on(job)}" if job else "\nstopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if isinstance(error, FloatingPointError) else 2
    return 0


def how_to_go_on(job: Job) -> str:
    """What a stopped run's user can do next."""
    if not job.checkpoint.exists():
        return "No epoch was finished: start anew."
    return f"Go on with: python -m mnist_demo.train --output {job.output} --resume"


if __name__ == "__main__":
    sys.exit(main())
