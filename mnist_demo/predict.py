"""Reads a digit from each image file: `python -m mnist_demo.predict FILE...`.

Knows: the command line. Does not know: how a picture becomes ink, or how a network answers.
"""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import json
import signal
import sys
from pathlib import Path

from mnist_demo.classifier import Classifier, Reading
from mnist_demo.models import MODELS
from mnist_demo.pictures import ink_of, open_picture

__all__ = ["Classifier", "main"]  # where other programs have always found the classifier


def _describe(reading: Reading) -> str:
    if reading.image is None:
        return "nothing drawn"
    if reading.answer is None:
        return "not a digit I know"
    return f"{reading.answer}  {100 * reading.probabilities.max():.1f} %"


def _as_json(path: str, reading: Reading) -> dict[str, object]:
    probabilities = [round(float(p), 6) for p in reading.probabilities]
    return {"file": path, "answer": reading.answer, "probabilities": probabilities}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mnist_demo.predict", description="Reads a digit from each image.")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a picture of one digit: any size, dark on light or light on dark"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network that reads (default: convnet)")
    source.add_argument("--weights", type=Path, metavar="FILE", help="a weights file to read with instead")
    parser.add_argument("--json", action="store_true", help="print one JSON line per file, with all ten probabilities")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0, or 2 where a file or the weights could not be read."""
    options = _parser().parse_args(arguments)
    try:
        classifier = Classifier.load(options.weights or options.model)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    code = 0
    for path in options.files:
        try:
            reading = classifier.read(ink_of(open_picture(path)))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            code = 2
            continue
        print(json.dumps(_as_json(path, reading)) if options.json else f"{path}  {_describe(reading)}")
    return code


if __name__ == "__main__":
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `... | head -1` ends without a traceback
    commandline.run(main)
