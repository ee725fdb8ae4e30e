"""Captured training passes: on CUDA if there is a device, and on the CPU with a stand-in for CUDA's graph alone."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from tqdm import tqdm

from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.recipes import RECIPES
from mnist_demo.training.checkpoint import load_checkpoint
from mnist_demo.training.cuda_graph import WARM_UP, Graph, GraphedPass
from mnist_demo.training.samples import training_samples
from mnist_demo.training.trainer import Job, Training

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
SIZE, FULL = 64, 11  # images in a full batch, and full batches in an epoch, whose last batch is shorter

on_each_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NO_CUDA)])
# with dropout; with distortion, a schedule and averaging; with a schedule alone
of_each_kind = pytest.mark.parametrize(("name", "recipe"), [("net", "tutorial"), ("net", "best"), ("convnet", "fast")])


class OnCpu(Graph):
    """A graph on the CPU: a replay repeats the work and overwrites the results of the capture, and nothing else."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.weights, self.replays = weights, 0

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        return work()

    def capture(self, work: Callable[[], list[Tensor]]) -> list[Tensor]:
        self.work = work
        with torch.random.fork_rng(devices=[]):
            self.results = work()
        for result in self.results:
            result.fill_(torch.nan)
        return self.results

    def replay(self) -> None:
        self.replays += 1
        gradients = [weight.grad for weight in self.weights]
        for result, new in zip(self.results, self.work(), strict=True):
            result.copy_(new)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient


def run_of(name: str, recipe: str, device: str, folder: Path, is_eager: bool = False) -> Training:
    """Return a run of two epochs, whose passes are captured or all eager."""
    values = dataclasses.replace(RECIPES[name][recipe], batch_size=SIZE, epochs=2, handwriting=20, non_digits=10)
    mnist = Samples(*(part[: FULL * SIZE] for part in load_mnist("train")))
    job = Job(name, values, folder / "a", torch.device(device))
    training = Training(job, training_samples(values, mnist, job.seed).to(job.device))
    if is_eager:
        training.run_pass = training.eager_pass
    elif device == "cpu":
        weights = list(training.model.parameters())
        training.run_pass = GraphedPass(training.eager_pass, weights, SIZE, OnCpu(weights))
    if device == "cpu":
        training.distortion = torch.default_generator  # as on CUDA
    return training


def epoch(training: Training) -> float:
    """Train for an epoch. Return its loss."""
    with tqdm(disable=True) as bar:
        training.history.append({"loss": training.epoch(bar), "accuracy": 0.0})
    return training.history[-1]["loss"]


def assert_same(one: Training, other: Training) -> None:
    """Check that networks and losses are equal: to the bit, except on CUDA, where sums are formed in any order."""
    loose = {"rtol": 0.0, "atol": 0.0} if one.job.device.type == "cpu" else {"rtol": 1e-2, "atol": 1e-3}
    for weights, others in zip(one.result.parameters(), other.result.parameters(), strict=True):
        torch.testing.assert_close(weights, others, **loose)
    for told, others_told in zip(one.history, other.history, strict=True):
        assert told == pytest.approx(others_told, rel=loose["rtol"], abs=0)


@on_each_device
@of_each_kind
def test_captured_passes_train_as_eager_ones(name: str, recipe: str, device: str, tmp_path: Path) -> None:
    eager, captured = (run_of(name, recipe, device, tmp_path, is_eager) for is_eager in (True, False))
    for training in (eager, captured):
        torch.manual_seed(1)
        assert epoch(training) > epoch(training)
    assert_same(eager, captured)
    assert isinstance(captured.run_pass, GraphedPass)
    assert captured.run_pass.count == 2 * FULL
    if isinstance(graph := captured.run_pass.graph, OnCpu):
        assert graph.replays == 2 * FULL - WARM_UP


@on_each_device
@of_each_kind
def test_a_captured_run_resumed_from_its_checkpoint_goes_on_as_it_would_have(
    name: str, recipe: str, device: str, tmp_path: Path
) -> None:
    whole = run_of(name, recipe, device, tmp_path)
    epoch(whole)
    whole.save()
    epoch(whole)
    torch.rand(1, device=device)
    resumed = run_of(name, recipe, device, tmp_path)
    resumed.restore(load_checkpoint(whole.job.checkpoint))
    epoch(resumed)
    assert_same(whole, resumed)


@NO_CUDA
def test_on_cuda_an_epoch_does_not_wait_for_the_device_but_at_its_end(tmp_path: Path) -> None:
    training = run_of("net", "best", "cuda", tmp_path)
    epoch(training)
    indices = torch.arange(len(training.samples.labels), device="cuda").split(SIZE)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for index in indices:
            training.step(index)
    finally:
        torch.cuda.set_sync_debug_mode("default")
