"""All command lines in one: `mnist-demo [COMMAND] ...`, or `python -m mnist_demo [COMMAND] ...`.

Knows: their names. Does not know: what they do; each has a module of its own, that is imported when it is asked for.
"""

import argparse
import importlib
import sys
from typing import NoReturn

from mnist_demo import commandline

COMMANDS = {
    "serve": "serve the page (what is done without a command)",
    "train": "train a network",
    "predict": "read a digit from each picture",
    "evaluate": "judge a network",
    "export": "write a network as an ONNX file",
}


def parser() -> argparse.ArgumentParser:
    """The command line, up to the command's name."""
    p = argparse.ArgumentParser(
        prog=commandline.INSTALLED,
        description="Draw a digit, see what two small convolutional networks make of it, live.",
        epilog="Each command has a --help of its own.",
    )
    commands = p.add_subparsers(metavar="COMMAND")
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=does, add_help=False)
    return p


def chosen(arguments: list[str]) -> tuple[str, list[str]]:
    """The command that those ask for, and what is for it. Ends the process where there is none such, or for --help."""
    if arguments and arguments[0] in COMMANDS:
        return arguments[0], arguments[1:]
    parser().parse_args(arguments)
    return "serve", []


def main() -> NoReturn:
    """Runs the command that is named first on the command line, with what follows, and ends the process."""
    commandline.end_quietly()
    name, arguments = chosen(sys.argv[1:])
    if name == "predict":
        commandline.end_with_the_reader()
    module = importlib.import_module(f"mnist_demo.{name}")
    commandline.run(lambda: module.main(arguments))


if __name__ == "__main__":
    main()
