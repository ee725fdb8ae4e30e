"""Templates of digits, and of things people draw that are not digits: the shapes in `templates.txt`."""

from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).with_name("templates.txt")  # says what a shape looks like


def shapes() -> Iterator[tuple[str, str]]:
    """Yield the name of the section that each shape of the file stands in, and the shape."""
    section = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        content = line.partition("#")[0].strip()
        if content.startswith("["):
            section = content.strip("[]")
        elif content:
            yield section, content


DIGITS = {digit: tuple(shape for section, shape in shapes() if section == str(digit)) for digit in range(10)}
OTHERS = tuple(shape for section, shape in shapes() if section == "others")
