"""Write the page as a folder for any web server, which runs no Python: `python -m mnist_demo.site FOLDER`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
from pathlib import Path

from mnist_demo.commandline import WRONG, complain
from mnist_demo.data.mnist import load_mnist
from mnist_demo.files import write_folder
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.server.static_site import MARK, site


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = commandline.new_parser(
        commandline.command("site"),
        description="Write the page as a folder that needs no server: browsers read digits themselves, also offline.",
        epilog="An older site in the same folder is replaced, once the new one is complete.",
    )
    p.add_argument("folder", type=Path, metavar="FOLDER", help="where to write it")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return the exit code: 0, or 2 if the folder cannot be written or weights are missing."""
    folder = parser().parse_args(arguments).folder
    try:
        files = site({name: Classifier.load(name) for name in MODELS}, load_mnist("test"), load_mnist("train"))
        write_folder(folder, files, MARK)
    except (ValueError, OSError) as error:
        complain(error)
        return WRONG
    print(f"wrote {folder}: {len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    commandline.run(main)
