"""Checkpoints: the state of a run after an epoch, in a file that is read to the bit or not at all."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from mnist_demo.files import read_whole, write_whole
from mnist_demo.model.networks import MODELS
from mnist_demo.model.recipes import Recipe
from mnist_demo.model.weights import is_whole

CHECKPOINT = ".checkpoint"  # suffix of a checkpoint's name, added to the output's name
FILES = ("extra", "start")  # fields of a job that name files to read
CHECKSUM = hashlib.sha256().digest_size  # bytes at the start of a checkpoint


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write the state of a run. Raises OSError if it cannot be written."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())


def fingerprint(path: Path) -> list[str]:
    """Return a file's path and checksum, so that a resumed run can check them. Raises OSError if it cannot be read."""
    return [str(path.resolve()), hashlib.sha256(read_whole(path)).hexdigest()]


def files_of(checkpoint: dict[str, Any]) -> dict[str, Path]:
    """Return the files, by their names in FILES, that a checkpoint's run reads. Raises ValueError if one changed."""
    for path, checksum in checkpoint["files"].values():
        if fingerprint(Path(path)) != [path, checksum]:
            raise ValueError(f"{path} has changed since the run began: start again without --resume")
    return {name: Path(path) for name, (path, _) in checkpoint["files"].items()}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return what `write_checkpoint` wrote. Raises ValueError, naming the file, if it cannot be read, its checksum
    differs, or this version has other recipes.
    """
    try:
        written = read_whole(path)
        if hashlib.sha256(written[CHECKSUM:]).digest() != written[:CHECKSUM]:
            raise ValueError("its checksum differs")
        content = torch.load(io.BytesIO(written[CHECKSUM:]), weights_only=True)
        if content["model"] not in MODELS or not is_whole(content["seed"], 0, 2**63 - 1):
            raise ValueError("invalid model or seed")
        if not all(name in FILES and list(map(type, said)) == [str, str] for name, said in content["files"].items()):
            raise ValueError("invalid files")
        state = {key: content[key] for key in ("model", "recipe", "seed", "files", "history", "random", "states")}
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {path}: start again without --resume") from None
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError):
        raise ValueError(f"{path} is damaged or not a valid checkpoint: start again without --resume") from None
    try:
        Recipe(**state["recipe"])
    except (TypeError, ValueError):
        raise ValueError(f"{path} is from another version of this program: start again without --resume") from None
    return state
