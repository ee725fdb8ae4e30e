"""The demo: weights at hand, page built, page served. `python app.py`."""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's, read when it is imported: they fight for the processor

from mnist_demo.classifier import Classifier
from mnist_demo.data import load_mnist
from mnist_demo.models import MODELS
from mnist_demo.page import serve
from mnist_demo.weights import default_path


def train_missing() -> int:
    """Trains, in seconds, each network without a weights file. Returns the exit code of the first that failed, or 0."""
    for name in MODELS:
        if not default_path(name).exists():
            from mnist_demo import train  # here, for a start that trains nothing should not wait for it

            if code := train.main(["--model", name, "--recipe", "fast"]):
                return code
    return 0


def main() -> int:
    """Serves the page until stopped. Returns the exit code: 0, or not where weights or samples could not be had."""
    if code := train_missing():
        return code
    try:
        classifiers = {name: Classifier.load(name) for name in MODELS}
        samples = load_mnist("test")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    serve(classifiers, samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
