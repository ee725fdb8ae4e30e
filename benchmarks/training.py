"""Compare training with the tutorial's loop, in one run on one machine: `python -m benchmarks.training`.

Both train the same networks on the same images. The time covers training and testing, without imports and reading
files; the test that ends a race is not timed. `--accuracy` instead trains both by the tutorial's full recipe, over five
seeds, and compares their accuracy (about an hour on two cores). `--fast` instead trains by the recipe `fast`, over ten
seeds (30 on CUDA), in float32 and in bfloat16 (minutes).
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks.report import json_file, machine, table, write_json
from benchmarks.tutorial import Tutorial
from mnist_demo import commandline
from mnist_demo.data.mnist import Samples, default_root, load_mnist
from mnist_demo.model import metrics
from mnist_demo.model.device import choose_device
from mnist_demo.model.networks import MODELS, HalfPixelShifts
from mnist_demo.model.recipes import RECIPES, Recipe
from mnist_demo.training.samples import training_samples
from mnist_demo.training.trainer import Job, Training, keep_freed_memory, precision

RUNS = 3
FAST_SEEDS = {"cpu": range(1, 11), "cuda": range(1, 31)}  # by device
GOAL = 0.99  # test accuracy that ends a race
BATCH_SIZES = (64, 128, 256, 512, 1024, 2048)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return how long that work takes, until the device has finished it."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def ours(model: str, recipe: Recipe, device: torch.device, seed: int = 1) -> Training:
    """Return our loop, ready for its first epoch."""
    mnist, _ = load_mnist("train").split(recipe.held_out)
    samples = training_samples(recipe, mnist, seed).to(device)
    return Training(Job(model, recipe, Path("unwritten"), device, seed), samples)


def epoch(training: Training) -> float:
    """Train one epoch of ours, without a progress bar. Return its loss."""
    with tqdm(disable=True) as bar:
        return training.epoch(bar)


def accuracy(training: Training, test: Samples) -> float:
    """Return our network's current accuracy on the test set."""
    return metrics.accuracy(metrics.log_probabilities(training.result, test.images), test.labels)


def apart(work: Callable[..., Any], *arguments: object) -> Any:
    """Return the result of the function, run in a process of its own with its own memory settings."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def tutorial_seconds(model: str, device: torch.device) -> tuple[float, float]:
    """Return the tutorial's seconds per epoch, for training and for testing: medians over RUNS epochs."""
    tutorial = Tutorial(model, default_root(), device)
    timed = [(seconds(tutorial.epoch, device), seconds(tutorial.test, device)) for _ in range(RUNS)]
    return medians(timed)


def our_seconds(model: str, device: torch.device, test: Samples) -> tuple[float, float]:
    """Return ours by the same recipe, likewise."""
    training = ours(model, RECIPES[model]["tutorial"], device)
    epoch(training)  # warms up
    return medians(
        [
            (seconds(lambda: epoch(training), device), seconds(lambda: accuracy(training, test), device))
            for _ in range(RUNS)
        ]
    )


def medians(timed: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median of each column."""
    first, second = zip(*timed, strict=True)
    return statistics.median(first), statistics.median(second)


def tutorial_race(seed: int, device: torch.device) -> float:
    """Return the seconds of training until the tutorial's ConvNet reaches GOAL; infinity if its 20 epochs do not."""
    tutorial, spent = Tutorial("convnet", default_root(), device, seed), 0.0
    for _ in range(20):
        spent += seconds(tutorial.epoch, device)
        if tutorial.test() >= GOAL:
            return spent
    return float("inf")


class FastRun(NamedTuple):
    """A run of the recipe `fast`."""

    seconds: float  # of training
    accuracy: float  # on the test set, at four half-pixel shifts, as the weights file and the page report it


def fast_run(model: str, seed: int, device: torch.device, test: Samples, dtype: torch.dtype) -> FastRun:
    """Train by the recipe `fast` in that precision."""
    training = ours(model, RECIPES[model]["fast"], device, seed)
    training.dtype = dtype
    spent = sum(seconds(lambda: epoch(training), device) for _ in range(training.job.recipe.epochs))
    scores = metrics.log_probabilities(HalfPixelShifts(training.result), test.images)
    return FastRun(spent, metrics.accuracy(scores, test.labels))


def fast_runs(model: str, device: torch.device, test: Samples, dtype: torch.dtype) -> list[FastRun]:
    """Return a run for each of the device's FAST_SEEDS."""
    return [fast_run(model, seed, device, test, dtype) for seed in FAST_SEEDS[device.type]]


def seconds_to_goal(runs: list[FastRun]) -> float:
    """Return the median of their seconds; infinity if their mean accuracy is short of GOAL."""
    reached = statistics.mean(run.accuracy for run in runs) >= GOAL
    return statistics.median(run.seconds for run in runs) if reached else float("inf")


def fast_rows(figures: dict[str, dict[str, list[FastRun]]]) -> list[list[str]]:
    """Return a row for each network and precision."""
    rows = []
    for model, by_precision in figures.items():
        for name, runs in by_precision.items():
            accuracies = [100 * run.accuracy for run in runs]
            mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
            spent = statistics.median(run.seconds for run in runs)
            rows.append([model, name, f"{mean:.3f}", f"{deviation:.3f}", f"{min(accuracies):.2f}", f"{spent:.3f}"])
    return rows


def compare_precisions(device: torch.device) -> dict[str, dict[str, list[FastRun]]]:
    """Return the runs of the recipe `fast`, by network and precision."""
    test = load_mnist("test").to(device)
    return {
        model: {str(dtype): fast_runs(model, device, test, dtype) for dtype in (torch.float32, torch.bfloat16)}
        for model in MODELS
    }


def flops_per_image(model: str) -> float:
    """Return the floating point operations of one image's forward and backward pass, as PyTorch counts them."""
    network = MODELS[model]()
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 1, 28, 28)).sum().backward()
    return float(counter.get_total_flops())


def matrix_peak(device: torch.device) -> float:
    """Return the FLOP/s of a 2048 x 2048 matrix product in the precision of our training."""
    a = torch.rand(2048, 2048, device=device).to(precision(device))
    return 2 * 2048**3 / min(seconds(lambda: a @ a, device) for _ in range(10))


def batch_size_seconds(model: str, size: int, device: torch.device) -> float:
    """Return our seconds per epoch at that batch size, from the best of two fifths of one."""
    training = ours(model, dataclasses.replace(RECIPES[model]["tutorial"], batch_size=size), device)
    training.samples = Samples(training.samples.images[:12_000], training.samples.labels[:12_000])
    epoch(training)
    return 5 * min(seconds(lambda: epoch(training), device) for _ in range(2))


def resident(kind: str) -> int:
    """Return the bytes of this process in memory: now ("VmRSS") or at its peak ("VmHWM"). Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(kind))


def peak_memory(model: str) -> int:
    """Return the peak bytes of an epoch on the CPU, beyond torch and the data set. Run it in a process of its own."""
    keep_freed_memory()
    device = torch.device("cpu")
    test = load_mnist("test")
    training = ours(model, RECIPES[model]["tutorial"], device)
    before = resident("VmRSS")
    epoch(training)
    accuracy(training, test)
    return resident("VmHWM") - before


def measure(model: str, device: torch.device, test: Samples, peak: float) -> dict[str, Any]:
    """Return all results of one network except accuracy; `peak` is the matrix peak in FLOP/s."""
    tutorial_training, tutorial_testing = apart(tutorial_seconds, model, device)
    our_training, our_testing = our_seconds(model, device, test)
    rate = 60_000 / our_training
    return {
        "tutorial_training": tutorial_training,
        "tutorial_testing": tutorial_testing,
        "our_training": our_training,
        "our_testing": our_testing,
        "images_per_second": rate,
        "share_of_peak": rate * flops_per_image(model) / peak,
        "fast": fast_runs(model, device, test, precision(device)),
        "peak_memory": apart(peak_memory, model) if device.type == "cpu" and sys.platform == "linux" else None,
        "batch_sizes": {size: batch_size_seconds(model, size, device) for size in BATCH_SIZES},
    }


def compare_speed(device: torch.device) -> dict[str, Any]:
    """Return all results except accuracy."""
    test, peak = load_mnist("test").to(device), matrix_peak(device)
    return {
        "matrix_peak": peak,
        "tutorial_seconds_to_goal": [apart(tutorial_race, seed, device) for seed in range(1, RUNS + 1)],
        **{model: measure(model, device, test, peak) for model in MODELS},
    }


def compared(what: str, tutorial: float, ours: float) -> list[str]:
    """Return a row with both results and their ratio."""
    return [what, f"{tutorial:.3f}", f"{ours:.3f}", f"{tutorial / ours:.1f}"]


def speed_rows(figures: dict[str, Any], model: str) -> list[list[str]]:
    """Return the rows of one network."""
    f, epochs = figures[model], RECIPES[model]["tutorial"].epochs
    to_goal = f"seconds to {100 * GOAL:.1f} % test accuracy (ours: recipe fast, mean of {len(f['fast'])} seeds)"
    reached, fast_accuracy = seconds_to_goal(f["fast"]), statistics.mean(run.accuracy for run in f["fast"])
    rows = [
        compared("seconds an epoch, training", f["tutorial_training"], f["our_training"]),
        compared("seconds an epoch, testing", f["tutorial_testing"], f["our_testing"]),
        compared(f"seconds for {epochs} epochs, training", epochs * f["tutorial_training"], epochs * f["our_training"]),
        compared(to_goal, statistics.median(figures["tutorial_seconds_to_goal"]), reached)
        if model == "convnet"
        else [to_goal, "", f"{reached:.3f}", ""],
        ["recipe fast: test accuracy, mean of these seeds, %", "", f"{100 * fast_accuracy:.3f}", ""],
        ["images a second", f"{60_000 / f['tutorial_training']:,.0f}", f"{f['images_per_second']:,.0f}", ""],
        ["share of the matrix peak, %", "", f"{100 * f['share_of_peak']:.0f}", ""],
        ["peak memory over torch and data, MB", "", f"{f['peak_memory'] / 1e6:.0f}" if f["peak_memory"] else "", ""],
        *([f"seconds an epoch at batch {size}", "", f"{s:.3f}", ""] for size, s in f["batch_sizes"].items()),
    ]
    return [[model, *row] for row in rows]


def compare_accuracy(device: torch.device, seeds: range = range(1, 6)) -> dict[str, dict[str, list[float]]]:
    """Return the test accuracy after the tutorial's full recipe, one per seed: the tutorial's, ours, and ours in
    bfloat16.
    """
    test = load_mnist("test").to(device)
    return {
        model: {
            "tutorial": [tutorial_accuracy(model, seed, device) for seed in seeds],
            "ours, float32": [our_accuracy(model, seed, device, test, torch.float32) for seed in seeds],
            "ours, bfloat16": [our_accuracy(model, seed, device, test, torch.bfloat16) for seed in seeds],
        }
        for model in MODELS
    }


def tutorial_accuracy(model: str, seed: int, device: torch.device) -> float:
    """Return the accuracy of the tutorial's loop on the test set after all its epochs."""
    tutorial = Tutorial(model, default_root(), device, seed)
    for _ in range(RECIPES[model]["tutorial"].epochs):
        tutorial.epoch()
    return tutorial.test()


def our_accuracy(model: str, seed: int, device: torch.device, test: Samples, dtype: torch.dtype) -> float:
    """Return our accuracy by the same recipe, in that precision."""
    training = ours(model, RECIPES[model]["tutorial"], device, seed)
    training.dtype = dtype
    for _ in range(training.job.recipe.epochs):
        epoch(training)
    return accuracy(training, test)


def accuracy_rows(figures: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Return mean and standard deviation over seeds, a row for each network and loop."""
    return [
        [model, name, f"{100 * statistics.mean(values):.2f}", f"{100 * statistics.stdev(values):.2f}"]
        for model, loops in figures.items()
        for name, values in loops.items()
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--accuracy", action="store_true", help="compare accuracy over five seeds instead of speed")
    what.add_argument("--fast", action="store_true", help="measure the recipe fast instead, over many seeds")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
    except ValueError as error:
        parser.error(str(error))
    keep_freed_memory()
    print(machine(device.type), f"training in {precision(device)}")
    if options.accuracy:
        accuracies = compare_accuracy(device)
        print(table(["network", "loop", "test accuracy, mean of 5 seeds, %", "SD"], accuracy_rows(accuracies)))
        write_json(options.json, accuracies)
    elif options.fast:
        runs = compare_precisions(device)
        mean = f"test accuracy, mean of {len(FAST_SEEDS[device.type])} seeds, %"
        header = ["recipe fast", "precision", mean, "SD", "lowest", "median seconds"]
        print(table(header, fast_rows(runs)))
        write_json(options.json, runs)
    else:
        figures = compare_speed(device)
        rows = [row for model in MODELS for row in speed_rows(figures, model)]
        print(table(["network", "what", "tutorial", "ours", "ratio"], rows))
        write_json(options.json, figures)


if __name__ == "__main__":
    commandline.run(main)
