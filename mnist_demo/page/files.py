"""The files that the browser gets: read from the folders of the page, put together.

Knows: where they lie. Does not know: what is in them.
"""

from pathlib import Path

HERE = Path(__file__).parent


def text(*names: str) -> str:
    """The content of those files, one after the other; each a path below this folder."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def script(*names: str) -> str:
    """Those files as one function body that may wait."""
    return "(async () => {\n" + text(*names) + "\n})();"
