"""Load the weights, build the page and serve it: `mnist-demo`, or `app.py` in a clone."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported: more threads compete with torch's

import argparse
import io
import sys
from pathlib import Path

import segno

from mnist_demo import commandline
from mnist_demo.data.mnist import VARIABLE, load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.model.weights import path_at_hand
from mnist_demo.server import zerogpu
from mnist_demo.server.address import address, find_temporary_folder, first_port, may_train, origin, urls

SETTINGS = {  # the environment variable that each option overrides
    "host": "GRADIO_SERVER_NAME",
    "port": "GRADIO_SERVER_PORT",
    "train": "MNIST_DEMO_TRAIN",
    "data_dir": VARIABLE,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser. An option left out is None; its environment variable applies."""
    is_app = Path(sys.argv[0]).name == "app.py"
    p = commandline.new_parser("app.py" if is_app else f"{commandline.INSTALLED} serve", description="Serve the page.")
    p.add_argument(
        "--host", metavar="ADDRESS",
        help="IP address or name to listen at: 127.0.0.1 (default) for this machine alone, 0.0.0.0 for the network; "
        f"overrides {SETTINGS['host']}",
    )  # fmt: skip
    p.add_argument(
        "--port", metavar="N",
        help=f"port to listen at (default: the first free one from 7860 on); overrides {SETTINGS['port']}",
    )  # fmt: skip
    p.add_argument(
        "--train", action=argparse.BooleanOptionalAction,
        help="let users train networks (default: only if the page is reachable from this machine alone); "
        f"overrides {SETTINGS['train']}=1 or 0",
    )  # fmt: skip
    p.add_argument(
        "--data-dir", type=Path, metavar="DIR",
        help=f"folder of MNIST's files (default: your cache folder, or memory if that cannot be written); "
        f"overrides {VARIABLE}",
    )  # fmt: skip
    p.add_argument(
        "--allow-origin", type=origin, action="append", default=[], metavar="URL",
        help="a site whose pages may use this server, or the public address that a proxy gives it; may be repeated",
    )  # fmt: skip
    return p


def set_environment(options: argparse.Namespace) -> None:
    """Set the environment variables that the options override; Gradio and training processes read them too."""
    for name, variable in SETTINGS.items():
        if (value := getattr(options, name)) is not None:
            os.environ[variable] = str(int(value) if isinstance(value, bool) else value)


def train_missing() -> int:
    """Train each network without a weights file, in seconds. Return the exit code of the first that failed, or 0."""
    for name in MODELS:
        if not path_at_hand(name).exists():
            from mnist_demo import train  # imported lazily: most starts train nothing

            device = "cpu" if zerogpu.IS_HERE else "auto"
            if code := train.main(["--model", name, "--recipe", "fast", "--device", device]):
                return code
    return 0


def announce(host: str, port: int) -> None:
    """Print the page's address on this machine and on its networks, with a QR code for phones if on a terminal."""
    here, elsewhere = urls(host, port)
    if here:
        print(f"The page is at {here}", flush=True)
    for url in elsewhere:
        print(f"On this network it is at {url}", flush=True)
    if elsewhere and sys.stdout.isatty() and sys.stdout.encoding.lower().startswith("utf"):
        print_code(elsewhere[0])


def print_code(url: str) -> None:
    """Print the address as a QR code, white on black whatever the terminal's colours are."""
    code = io.StringIO()
    segno.make(url).terminal(code, compact=True)
    for line in code.getvalue().splitlines():
        print(f"\033[97;40m{line}\033[0m")


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until stopped. Return the exit code: 0, or 2 if it cannot be served."""
    options = parser().parse_args(arguments)
    try:
        set_environment(options)
        host, port = address()
        trains = may_train(host)
        find_temporary_folder()
        if code := train_missing():
            return code
        classifiers = {name: Classifier.load(name) for name in MODELS}
        samples = load_mnist("test")
        if ":" in host:
            os.environ.pop(SETTINGS["host"], None)  # Gradio reads it when imported, and rejects IPv6
        from mnist_demo.server import serve  # after `address`, which checks variables that Gradio reads when imported
    except (ValueError, OSError, ImportError) as error:
        commandline.complain(error)
        return commandline.WRONG
    if port != first_port():
        print(f"port {first_port()} is in use: serving at {port}")
    serve(
        classifiers, samples, trains, lambda: announce(host, port), options.allow_origin,
        server_name=host, server_port=port,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    commandline.run(main)
