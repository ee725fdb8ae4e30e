"""Weights at hand, page built, page served: `mnist-demo`, and `app.py` in a clone.

Knows: what must be there before there is a page. Does not know: the page, or how networks are trained.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's, read when it is imported: they fight for the processor

import argparse

from mnist_demo import commandline, zerogpu
from mnist_demo.address import address, first_port, may_train, origin
from mnist_demo.classifier import Classifier
from mnist_demo.data import load_mnist
from mnist_demo.models import MODELS
from mnist_demo.weights import path_at_hand


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        description="Serves the demo's page until stopped.",
        epilog="Where it listens is said by the environment variables GRADIO_SERVER_NAME and GRADIO_SERVER_PORT; "
        "whether its visitors may train, by MNIST_DEMO_TRAIN=1 or 0 (default: where this machine alone can reach it).",
    )
    p.add_argument(
        "--allow-origin",
        type=origin,
        action="append",
        default=[],
        metavar="URL",
        help="a site whose pages may use this server, or the public address that a proxy gives it; may be repeated",
    )
    return p


def train_missing() -> int:
    """Trains, in seconds, each network without a weights file. Returns the exit code of the first that failed, or 0."""
    for name in MODELS:
        if not path_at_hand(name).exists():
            from mnist_demo import train  # here, for a start that trains nothing should not wait for it

            device = "cpu" if zerogpu.IS_HERE else "auto"
            if code := train.main(["--model", name, "--recipe", "fast", "--device", device]):
                return code
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Serves the page until stopped. Returns the exit code: 0, or not where weights or samples could not be had."""
    options = parser().parse_args(arguments)
    try:
        host, port = address()
        trains = may_train(host)
        if code := train_missing():
            return code
        classifiers = {name: Classifier.load(name) for name in MODELS}
        samples = load_mnist("test")
    except (ValueError, OSError) as error:
        commandline.complain(error)
        return commandline.WRONG
    if ":" in host:
        del os.environ["GRADIO_SERVER_NAME"]  # where Gradio, which reads it when it is imported, cannot take IPv6
    from mnist_demo.page import serve  # here, for Gradio reads what `address` checks when it is imported

    if port != first_port():
        print(f"port {first_port()} is in use: serving at {port}")
    serve(classifiers, samples, trains, options.allow_origin, server_name=host, server_port=port)
    return 0
