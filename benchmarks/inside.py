"""Measure the cost of seeing inside the networks: `python -m benchmarks.inside`.

Times are in milliseconds on one thread, on test digits. The features of the training digits are computed into a folder
of their own and then read again, and their memory is measured in processes that do nothing else.
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import json_file, machine, table, write_json
from benchmarks.training import apart, resident
from mnist_demo import commandline
from mnist_demo.data.mnist import load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.explain import occlusion, packed, packed_kernels, trace, work
from mnist_demo.model.nearest import Nearest
from mnist_demo.model.networks import MODELS

DIGITS = 200  # the first of the test set
WARM_UP = 10  # calls that are not timed

Images = NDArray[np.float32]
Figures = dict[str, Any]


def milliseconds(call: Callable[[Images], object], images: Images) -> tuple[float, float]:
    """Return the time of a call for one image: median and 95th percentile."""
    times = []
    for image in (*images[:WARM_UP], *images):
        start = time.perf_counter()
        call(image)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times[WARM_UP:])), float(np.percentile(times[WARM_UP:], 95))


def sent(model: torch.nn.Module, image: Images) -> int:
    """Return the bytes of an update of all layers."""
    return len(json.dumps(packed(trace(model, image))))


def a_cell_of_each_step(model: torch.nn.Module, image: Images) -> None:
    steps = trace(model, image)
    for index, step in enumerate(steps):
        work(steps, index, [length // 2 for length in step.shape])


def asked_once_answers_otherwise(classifier: Classifier, images: Images) -> float:
    """Return the share of images with another answer in a single pass than with four half-pixel shifts."""
    parts = np.array_split(images, 100)
    averaged = np.concatenate([classifier.probabilities(part).argmax(1) for part in parts])
    with torch.inference_mode():
        pixels = torch.from_numpy(images).unsqueeze(1).split(100)
        once = torch.cat([classifier.model.network(part).argmax(1) for part in pixels]).numpy()
    return float(np.mean(averaged != once))


def of_a_network(name: str, images: Images, labels: NDArray[np.int64], root: Path) -> Figures:
    """Return all results of one network except the time and memory of preparing it."""
    classifier = Classifier.load(name)
    model, nearest = classifier.model, Nearest.load(classifier.model, root)
    few = images[:DIGITS]
    found = np.array([nearest.find(image).labels for image in few])
    return {
        "trace": milliseconds(functools.partial(trace, model), few),
        "packed": milliseconds(functools.partial(sent, model), few),
        "work": milliseconds(functools.partial(a_cell_of_each_step, model), few),
        "occlusion": milliseconds(lambda image: occlusion(model, image, 4, 9), few),
        "find": milliseconds(nearest.find, few),
        "bytes": max(sent(model, image) for image in few),
        "kernel_bytes": len(json.dumps(packed_kernels(trace(model, few[0])))),
        "right_of_twelve": float((found == labels[:DIGITS, None]).sum(axis=1).mean()),
        "otherwise": asked_once_answers_otherwise(classifier, images),
    }


def got_ready(root: Path) -> Figures:
    """Return the time and memory to load both networks' nearest digits from that folder. Run it in a process of its
    own.
    """
    torch.set_num_threads(1)
    models = [Classifier.load(name).model for name in MODELS]
    images = np.random.default_rng(0).random((DIGITS, 28, 28), dtype=np.float32)
    for model in models:
        trace(model, images[0])
    before, started, clock = resident("VmRSS"), time.process_time(), time.perf_counter()
    nearest = [Nearest.load(model, root) for model in models]
    seconds = {"processor": time.process_time() - started, "clock": time.perf_counter() - clock}
    for image in images:
        for one in nearest:
            one.find(image)
    return {**seconds, "memory": resident("VmRSS") - before, "peak": resident("VmHWM") - before}


def measure() -> Figures:
    """Return all results by network, and those of preparing both, "computed" and "read"."""
    torch.set_num_threads(1)
    test = load_mnist("test")
    images: Images = np.divide(test.images[:, 0].numpy(), 255, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        load_mnist("train", root)
        ready = {how: apart(got_ready, root) for how in ("computed", "read")} if sys.platform == "linux" else {}
        networks = {name: of_a_network(name, images, test.labels.numpy(), root) for name in MODELS}
        kept = sum(path.stat().st_size for path in root.glob("nearest-*"))
    return {**networks, "ready": ready, "kept": kept}


def rows(figures: Figures) -> list[list[str]]:
    """Return a row for each result, with a column for each network and one for the target."""
    networks = [figures[name] for name in MODELS]
    timed = {
        "trace": ("the layers, ms, median / 95th percentile", "3"),
        "packed": ("the layers as JSON, ms", ""),
        "work": ("the layers and the arithmetic of a cell of each, ms", ""),
        "occlusion": ("why, ms", "60"),
        "find": ("nearest, ms", "5"),
    }
    return [
        *(
            [what, *("{:.2f} / {:.2f}".format(*network[key]) for network in networks), target]
            for key, (what, target) in timed.items()
        ),
        ["bytes an update, at most", *(f"{network['bytes']:,}" for network in networks), "24,000"],
        ["bytes of the kernels, once", *(f"{network['kernel_bytes']:,}" for network in networks), ""],
        ["neighbours of the right label, of 12", *(f"{network['right_of_twelve']:.2f}" for network in networks), "11"],
        ["asked once, answers otherwise, %", *(f"{100 * network['otherwise']:.2f}" for network in networks), ""],
    ]


def ready_rows(figures: Figures) -> list[list[str]]:
    """Return a row for each result of preparing, with columns for computed, read and the target."""
    ways = figures["ready"].values()
    return [
        ["getting ready, processor seconds", *(f"{way['processor']:.1f}" for way in ways), "20"],
        ["memory, after 200 finds, MB", *(f"{way['memory'] / 1e6:.0f}" for way in ways), "60"],
        ["memory at its peak, MB", *(f"{way['peak'] / 1e6:.0f}" for way in ways), ""],
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside", description=__doc__)
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    figures = measure()
    print(f"{machine()}; {DIGITS} test digits\n")
    print(table(["what", *MODELS, "target"], rows(figures)))
    if figures["ready"]:
        print("", table(["both networks", *figures["ready"], "target"], ready_rows(figures)), sep="\n")
    print(f"\nkept in the cache folder: {figures['kept'] / 1e6:.0f} MB")
    write_json(options.json, figures)


if __name__ == "__main__":
    commandline.run(main)
