"""Time the command that trains by the recipe `fast`, with its parts: `python -m benchmarks.command`.

Each run is a process of its own, which finds no unpacked data set. The whole is measured from outside; what the parts
leave is the start and end of Python and everything else. Medians of five runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

RUNS = 5
WHOLE = "the whole command"

spent = defaultdict[str, float](float)  # seconds, by part


@contextmanager
def part(name: str) -> Iterator[None]:
    """Add the time of a block to that part."""
    start = time.perf_counter()
    try:
        yield
    finally:
        spent[name] += time.perf_counter() - start


def watch(owner: Any, function: str, name: str, finish: Callable[[], object]) -> None:
    """Add the time of each call of the owner's function, until the device has finished it, to that part."""
    original = getattr(owner, function)

    def timed(*arguments: Any, **options: Any) -> Any:
        with part(name):
            result = original(*arguments, **options)
            finish()
            return result

    setattr(owner, function, timed)


def inside(model: str, device: str, output: str) -> None:
    """Run the command in this process. Print its parts as JSON, in the last line."""
    with part("import torch"):
        import torch
    with part("import torch's compiler, as its optimizers do"):
        import torch._dynamo
    with part("import the rest"):
        from mnist_demo import train
        from mnist_demo.model import metrics
        from mnist_demo.training import trainer
    finish = torch.cuda.synchronize if device == "cuda" else int
    with part("start the device"):
        torch.zeros(1, device=device)
        finish()
    for owner, function, name in (
        (trainer, "load_mnist", "unpack and read the data set"),
        (trainer.Training, "epoch", "train"),
        (metrics, "log_probabilities", "validate and test"),
        (trainer.Training, "save", "write"),
        (trainer, "save_weights", "write"),
    ):
        watch(owner, function, name, finish)
    train.main(["--model", model, "--recipe", "fast", "--device", device, "--output", output])
    print(json.dumps(spent))


def run(model: str, device: str) -> dict[str, float]:
    """Return the seconds of one run, by part."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.command", "--inside", model, device, f"{folder}/a.safetensors"]
        start = time.perf_counter()
        printed = subprocess.run(
            command, env=os.environ | {"MNIST_DEMO_DATA": folder}, check=True, capture_output=True, text=True
        ).stdout
        whole = time.perf_counter() - start
    parts: dict[str, float] = json.loads(printed.splitlines()[-1])
    return parts | {WHOLE: whole}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.command", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--inside", nargs=3, metavar=("MODEL", "DEVICE", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(*options.inside)
        return
    from benchmarks.report import machine, table
    from mnist_demo.model.networks import MODELS

    print(machine(options.device))
    runs = {model: [run(model, options.device) for _ in range(RUNS)] for model in MODELS}
    parts = next(iter(runs.values()))[0]
    rows = [[name, *(f"{median(one[name] for one in of):.2f}" for of in runs.values())] for name in parts]
    print(table(["seconds", *runs], rows))


if __name__ == "__main__":
    main()
