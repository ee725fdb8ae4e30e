"""All commands in one: `mnist-demo [COMMAND] ...`, or `python -m mnist_demo [COMMAND] ...`.

Each command has a module of its own, which is imported when it is called.
"""

import argparse
import importlib
import sys
from typing import NoReturn

from mnist_demo import commandline

COMMANDS = {
    "serve": "serve the page (the default)",
    "train": "train a network",
    "predict": "read a digit from each picture",
    "evaluate": "measure a network's accuracy",
    "export": "write a network as an ONNX file",
    "site": "write the page as a folder that needs no server",
}
OWN = ("-h", "--help", "--version")  # options that do not belong to serve


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line up to the command's name."""
    p = commandline.new_parser(
        commandline.INSTALLED,
        description="Draw a digit, and watch two small convolutional networks read it.",
        epilog="Each command has its own --help. Without a command, the options are those of serve.",
    )
    commands = p.add_subparsers(metavar="COMMAND")
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=does, add_help=False)
    return p


def chosen(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the chosen command and its arguments. Ends the process for an unknown command, --help or --version."""
    if arguments and arguments[0] in COMMANDS:
        return arguments[0], arguments[1:]
    if arguments and (arguments[0] in OWN or not arguments[0].startswith("-")):
        parser().parse_args(arguments)
    return "serve", arguments


def main() -> NoReturn:
    """Run the command that the command line names first with the arguments after it, and end the process."""
    commandline.end_quietly()
    name, arguments = chosen(sys.argv[1:])
    if name == "predict":
        commandline.end_with_the_reader()
    module = importlib.import_module(f"mnist_demo.{name}")
    commandline.run(lambda: module.main(arguments))


if __name__ == "__main__":
    main()
