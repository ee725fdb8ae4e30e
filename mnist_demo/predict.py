"""Read a digit, or rows of digits, from each picture: `python -m mnist_demo.predict FILE...`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import glob
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw
from tqdm import tqdm

from mnist_demo.ink.picture import FORMATS, Step, cleaning_steps, open_picture
from mnist_demo.model.classifier import Classifier, NumberReading, Reading
from mnist_demo.model.networks import MODELS
from mnist_demo.model.reading import page_json

STANDARD_INPUT = "-"
MANY = 20  # files: for fewer, no progress is shown


def files_of(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the files that the arguments name: files, the pictures in a folder, and the matches of a pattern with * or
    ?.

    An argument that names none of these is yielded unchanged; opening it reports the error.
    """
    for argument in arguments:  # pathlib's functions would raise if a name is too long
        if os.path.isdir(argument):  # noqa: PTH112
            yield from (str(file) for file in sorted(Path(argument).iterdir()) if _is_picture(file))
        elif argument == STANDARD_INPUT or os.path.exists(argument):  # noqa: PTH110
            yield argument
        else:
            yield from sorted(glob.glob(argument, recursive=True)) or [argument]  # noqa: PTH207


def _is_picture(file: Path) -> bool:
    """Return if a file of a folder is a picture to read: not hidden, and with an extension of FORMATS."""
    format_name = Image.registered_extensions().get(file.suffix.lower())
    return file.is_file() and not file.name.startswith(".") and format_name in FORMATS


def _opened(file: str) -> Image.Image:
    if file == STANDARD_INPUT:
        return open_picture(io.BytesIO(sys.stdin.buffer.read()), "standard input")
    return open_picture(file)


def _explain(folder: Path, name: str, left: Iterable[Step], reading: Reading, rows: Sequence[NumberReading]) -> None:
    """Write a picture of each step's result, of the digits' boxes, and of the network's input."""
    pictures = [(step.name, Image.fromarray(step.left)) for step in left]
    if any(len(row.digits) > 1 for row in rows):
        pictures.append(("cuts", _cuts(pictures[-1][1], rows)))
    if reading.image is not None:
        digit = Image.fromarray((255 * reading.image).round().astype("uint8"))
        pictures.append(("seen", digit.resize((280, 280), Image.Resampling.NEAREST)))
    for number, (step, picture) in enumerate(pictures, start=1):
        picture.save(folder / f"{name}-{number}-{step}.png")


def _cuts(ink: Image.Image, rows: Iterable[NumberReading]) -> Image.Image:
    """Return the ink with a box around each digit."""
    picture = ink.convert("RGB")
    draw = ImageDraw.Draw(picture)
    for digit in (digit for row in rows for digit in row.digits):
        top, left, bottom, right = digit.box
        draw.rectangle((left, top, right, bottom), outline=(255, 80, 40), width=max(1, max(picture.size) // 400))
    return picture


def _names(files: Iterable[str]) -> list[str]:
    """Return a unique name for each file: its own, numbered if several share it."""
    own = ["standard-input" if file == STANDARD_INPUT else Path(file).name for file in files]
    return [f"{name}-{own[:at].count(name) + 1}" if own.count(name) > 1 else name for at, name in enumerate(own)]


def _describe(row: NumberReading) -> str:
    """Return a row of digits and how likely it is right."""
    if row.text is None:
        return "not recognised as a digit"
    [first, *others] = row.digits
    share = row.certainty if others else first.reading.probabilities.max()
    return f"{row.text}  {100 * share:.1f} %"


def _as_json(path: str, reading: Reading, rows: Sequence[NumberReading]) -> dict[str, object]:
    probabilities = [round(float(p), 6) for p in reading.probabilities]
    return {"file": path, "answer": reading.answer, "probabilities": probabilities} | page_json(rows)


def _parser() -> argparse.ArgumentParser:
    about = "Read a digit, or rows of digits, from each picture."
    parser = commandline.new_parser(commandline.command("predict"), description=about)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a picture of a digit or of rows of digits, dark on light or light on dark; a folder of pictures; or - "
        "for standard input",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network that reads (default: convnet)")
    source.add_argument("--weights", type=Path, metavar="FILE", help="a weights file to read with instead")
    parser.add_argument("--json", action="store_true", help="print a JSON line per file, with probabilities and boxes")
    parser.add_argument(
        "--explain", type=Path, metavar="FOLDER", help="write the result of each step for each picture into this folder"
    )
    return parser


def _read(classifier: Classifier, file: str, explain: Path | None, name: str) -> tuple[Reading, list[NumberReading]]:
    """Read the picture as one digit, and as rows of digits.

    Raises ValueError, in one line, if it cannot be read or its steps cannot be written.
    """
    left = cleaning_steps(_opened(file))
    reading, rows = classifier.read(left[-1].left), classifier.read_page(left[-1].left)
    if explain is not None:
        try:
            _explain(explain, name, left, reading, rows)
        except OSError as error:
            raise ValueError(f"{explain}: {error.strerror or error}") from None
    return reading, rows


def _lines(file: str, reading: Reading, rows: Sequence[NumberReading], is_json: bool) -> str:
    """Return what is printed of a picture: a line, or one for each of several rows."""
    if is_json:
        return json.dumps(_as_json(file, reading, rows))
    return "\n".join(f"{file}  {_describe(row)}" for row in rows) or f"{file}  nothing drawn"


def main(arguments: list[str] | None = None) -> int:
    """Read the pictures. Return the exit code: 0, or 2 if a file or the weights cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        classifier = Classifier.load(options.weights or options.model)
        if options.explain is not None:
            options.explain.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        commandline.complain(error)
        return commandline.WRONG
    code, files = 0, list(files_of(options.files))
    if not files:
        commandline.complain(ValueError(f"{', '.join(options.files)}: contains no pictures"))
        return commandline.WRONG
    shown = tqdm(files, unit=" pictures", disable=None if len(files) >= MANY else True, leave=False)
    for file, name in zip(shown, _names(files), strict=True):
        try:
            reading, rows = _read(classifier, file, options.explain, name)
        except ValueError as error:
            tqdm.write(f"error: {error}", file=sys.stderr)
            code = commandline.WRONG
            continue
        tqdm.write(_lines(file, reading, rows, options.json))
    return code


if __name__ == "__main__":
    commandline.end_with_the_reader()
    commandline.run(main)
