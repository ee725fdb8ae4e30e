"""The output of every benchmark: the machine, one table, and the results as JSON on request."""

import argparse
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import torch


def machine(device: str = "cpu") -> str:
    """Return processor, threads and versions, in one line."""
    if device == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        processor = f"{has.get('cpu_name', platform.processor())}, {torch.get_num_threads()} threads"
    return f"{processor}, torch {torch.__version__}, Python {platform.python_version()}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def json_file(argument: str) -> Path:
    """Return the path of a --json argument. Raises ArgumentTypeError early if no file can be written there."""
    path = Path(argument)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder, or its folder does not exist: name a file")
    return path


def write_json(path: Path | None, figures: object) -> None:
    """Write the results to `path`, unless it is None."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
