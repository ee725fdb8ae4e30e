"""Compare exported networks with PyTorch's: `python -m benchmarks.export`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.redrawn import CANVAS, REDRAWN
from benchmarks.report import machine, table
from mnist_demo.data.mnist import load_mnist
from mnist_demo.export import INPUTS, to_onnx
from mnist_demo.ink.preprocess import SIDE
from mnist_demo.model.classifier import Classifier, Reading
from mnist_demo.model.networks import MODELS

TOGETHER = 250  # inputs per batch of the exported network
BATCH = 100  # digits per batch of PyTorch's network

Images = NDArray[Any]  # digits (N, 28, 28) float32 in [0, 1], or ink (N, 280, 280) uint8


class Differences(NamedTuple):
    """The differences between an exported network and PyTorch's."""

    inputs: int
    digit: float  # the largest difference of a pixel, in [0, 1]; 0 if the digit is the input
    probability: float  # the largest difference of a probability
    answers: int  # the number that differ
    exported: float  # milliseconds per input
    ours: float


def digits(count: int) -> Images:
    """Return the first test digits."""
    images: Images = np.divide(load_mnist("test").images[:count, 0].numpy(), 255, dtype=np.float32)
    return images


def drawings(count: int) -> Images:
    """Return the first test digits, each redrawn in the next way, a blank canvas, a speck, and the largest speck."""
    samples = load_mnist("test").images[:count, 0].numpy()
    ways = list(REDRAWN.values())
    inks = [ways[at % len(ways)](sample, np.random.default_rng(at)) for at, sample in enumerate(samples)]
    blank, speck, smallest = np.zeros((3, CANVAS, CANVAS), np.uint8)
    speck[100:127, 40:67], smallest[252:, :3] = 255, 1
    return np.stack([*inks, blank, speck, smallest])


def session(content: bytes) -> Any:
    """Load an ONNX file's content, to run on one thread. Raises ValueError if onnxruntime is missing."""
    try:
        import onnxruntime
    except ImportError:
        raise ValueError("running an exported network needs onnxruntime: pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(session: Any, inputs: Images) -> dict[str, Images]:
    """Return the exported network's outputs, by name, for any number of inputs."""
    [takes], names = session.get_inputs(), [output.name for output in session.get_outputs()]
    parts = [session.run(names, {takes.name: inputs[at : at + TOGETHER]}) for at in range(0, len(inputs), TOGETHER)]
    return {name: np.concatenate(part) for name, part in zip(names, zip(*parts, strict=True), strict=True)}


def ours(classifier: Classifier, takes: str, inputs: Images) -> list[Reading]:
    """Return PyTorch's readings of the same inputs."""
    if takes == "canvas":
        return [classifier.read(ink) for ink in inputs]
    batches = (inputs[at : at + BATCH] for at in range(0, len(inputs), BATCH))
    return [reading for batch in batches for reading in classifier.read_images(batch)]


def compared(exported: Any, classifier: Classifier, takes: str, inputs: Images) -> Differences:
    """Return how an exported classifier, in a session, differs from the original on those inputs."""
    start = time.perf_counter()
    found, middle = run(exported, inputs), time.perf_counter()
    readings, end = ours(classifier, takes, inputs), time.perf_counter()
    nothing = np.zeros((SIDE, SIDE), np.float32)
    seen = np.stack([nothing if reading.image is None else reading.image for reading in readings])
    answers = np.array([-1 if reading.answer is None else reading.answer for reading in readings])
    return Differences(
        len(inputs),
        float(np.abs(found.get("digit", seen) - seen).max()),
        float(np.abs(found["probabilities"] - np.stack([reading.probabilities for reading in readings])).max()),
        int((found["answer"] != answers).sum()),
        1000 * (middle - start) / len(inputs),
        1000 * (end - middle) / len(inputs),
    )


def rows(count: dict[str, int]) -> Iterator[list[str]]:
    """Yield a row for each network and each input."""
    inputs = {"digits": digits(count["digits"]), "canvas": drawings(count["canvas"])}
    for name in MODELS:
        for takes in INPUTS:
            classifier = Classifier.load(name)
            found = compared(session(to_onnx(classifier, takes)), classifier, takes, inputs[takes])
            figures = (f"{found.digit:.1e}", f"{found.probability:.1e}", str(found.answers))
            yield [name, takes, f"{found.inputs:,}", *figures, f"{found.exported:.2f}", f"{found.ours:.2f}"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.export", description="Exported networks beside PyTorch's.")
    p.add_argument("--digits", type=int, default=10_000, metavar="N", help="test digits to read (default: all)")
    p.add_argument("--drawings", type=int, default=1000, metavar="N", help="drawings to read (default: 1000)")
    options = p.parse_args(arguments)
    torch.set_num_threads(1)
    if not all(1 <= count <= 10_000 for count in (options.digits, options.drawings)):
        raise ValueError("--digits and --drawings must be from 1 to 10000")
    header = ["network", "input", "inputs", "digit", "probability", "answers that differ", "its ms", "PyTorch, ms"]
    lines = list(rows({"digits": options.digits, "canvas": options.drawings}))
    print(f"{machine()}; largest differences, and time an input\n\n{table(header, lines)}")
    return 0


if __name__ == "__main__":
    commandline.run(main)
