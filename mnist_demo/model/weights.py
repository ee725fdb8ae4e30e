"""Weights files: one self-describing safetensors file per network, written atomically and read without pickle."""

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_data_path
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mnist_demo.commandline import command
from mnist_demo.files import read_whole, write_whole
from mnist_demo.model.metrics import Evaluation
from mnist_demo.model.networks import MODELS

SHIPPED = Path(__file__).parents[1] / "shipped"  # the weights in an installed package; clones have no such folder
FOLDER = user_data_path("mnist-demo") / "weights" if SHIPPED.is_dir() else Path(__file__).parents[2] / "weights"
MAX_WEIGHT = 1e5  # the largest absolute weight: up to this, no digit makes a network's output overflow
NEWER = {"evaluation"}  # fields missing from older cards


def default_path(model_name: str) -> Path:
    """Return where to write that network's weights.

    In a clone, this is in the repository; in an installed package, in the user's data folder.
    """
    return FOLDER / f"{model_name}.safetensors"


def path_at_hand(model_name: str) -> Path:
    """Return where to read that network's weights: `default_path`, or the installed file if there is none yet."""
    own, shipped = default_path(model_name), SHIPPED / f"{model_name}.safetensors"
    return shipped if shipped.exists() and not own.exists() else own


def make_folder() -> None:
    """Create the folder for weights. Raises OSError, in one line, if it cannot be created."""
    if FOLDER.parts[0] == "~":
        raise OSError("no home directory to keep weights in: name a file")
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{FOLDER} cannot be created ({error.strerror}): name another file") from None


@dataclass(frozen=True)
class Card:
    """Metadata of a weights file. Losses are in nats, accuracies are shares in [0, 1].

    The history describes the network in a single pass. The fields after it describe it with test-time augmentation
    (four half-pixel shifts), as `Classifier` uses it.
    """

    model: str  # a key of MODELS
    recipe: dict[str, Any]  # the recipe's name and all its values
    seed: int
    history: list[dict[str, float]]  # one entry per epoch
    test_loss: float  # average over the test set
    test_accuracy: float
    misread: list[list[int]]  # [index in the test set, answer] of each misread test digit
    temperature: float = 1.0  # probabilities are the softmax of log-probabilities divided by it
    threshold: float = 0.0  # drawings read with a lower certainty (`networks.certainty`) are rejected
    evaluation: Evaluation | None = None  # on the test set; None in older files
    python: str = field(default_factory=platform.python_version)
    torch: str = field(default_factory=lambda: str(torch.__version__))
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """Raise ValueError, in one line that names the field, if a value is invalid."""
        makes_sense = {
            "model": isinstance(self.model, str) and self.model in MODELS,
            "recipe": isinstance(self.recipe, dict) and isinstance(self.recipe.get("name"), str),
            "seed": is_whole(self.seed, 0, 2**63 - 1),
            "history": isinstance(self.history, list) and all(map(_is_epoch, self.history)),
            "test_loss": _is_number(self.test_loss, 0),
            "test_accuracy": _is_number(self.test_accuracy, 0, 1),
            "misread": isinstance(self.misread, list) and all(map(_is_answer, self.misread)),
            "temperature": _is_number(self.temperature, 0.01, 100),
            "threshold": _is_number(self.threshold, 0, 1),
            "evaluation": self.evaluation is None or isinstance(self.evaluation, dict),
            "python": isinstance(self.python, str),
            "torch": isinstance(self.torch, str),
            "date": _is_date(self.date),
        }
        if wrong := [name for name, is_sound in makes_sense.items() if not is_sound]:
            raise ValueError(f"invalid {wrong[0]}")

    @property
    def epochs(self) -> int:
        return len(self.history)


def is_whole(value: object, least: int, most: int) -> bool:
    """Return if `value` is a whole number from `least` to `most`."""
    return type(value) is int and least <= value <= most


def _is_number(value: object, least: float, most: float = math.inf) -> bool:
    return type(value) in (int, float) and least <= value <= min(most, 1e30)  # type: ignore[operator]


def _is_epoch(entry: object) -> bool:
    return isinstance(entry, dict) and all(_is_number(value, 0) for value in entry.values())


def _is_answer(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and is_whole(entry[0], 0, 9_999) and is_whole(entry[1], 0, 9)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def save_weights(path: Path, model: nn.Module, card: Card) -> None:
    """Write the weights file in one rename, so that readers find the old file or the new one, never part of one.

    Raises OSError if it cannot be written, and ValueError if the weights are too large or not finite.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    _check_weights(tensors)
    said = asdict(card) | {"epochs": card.epochs}
    metadata = {name: json.dumps(value) for name, value in said.items()}
    write_whole(path, save(tensors, metadata | {"checksum": _checksum(tensors, metadata)}))


def load_weights(path: Path) -> tuple[nn.Module, Card]:
    """Return the network in that file, on the CPU and in eval mode, and the file's card.

    A file with a checksum must match it to the bit. For a file without one, from an older version, only the values of
    the card and finite weights of the right shapes are checked.

    Raises ValueError, in one line that names the file, if it is missing, damaged, or not a valid weights file.
    """
    try:
        content = read_whole(path)
        tensors, metadata = load(content), _metadata(content)
        _check_metadata(tensors, metadata)
        said = [f.name for f in fields(Card) if f.name in metadata or f.name not in NEWER]
        card = Card(**{name: json.loads(metadata[name]) for name in said})
        _check_weights(tensors)
        model = MODELS[card.model]()
        model.load_state_dict(tensors)
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: train it with {train_command(path)}") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        advice = f"train it again with {train_command(path)}" if path.suffix == ".safetensors" else "name another file"
        raise ValueError(f"{path} is damaged or not a valid weights file ({reason}): {advice}") from None
    return model.eval(), card


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file that is known to be valid."""
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return metadata


def _check_metadata(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Raise ValueError if the metadata has unknown fields or its checksum differs."""
    known = {f.name for f in fields(Card)} | {"epochs", "checksum"}
    if strange := set(metadata) - known:
        raise ValueError(f"unknown field {min(strange)!r}")
    said = {name: value for name, value in metadata.items() if name != "checksum"}
    if "checksum" in metadata and metadata["checksum"] != _checksum(tensors, said):
        raise ValueError("its checksum differs")


def _check_weights(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError, naming the tensor, if weights are not float32 numbers up to MAX_WEIGHT."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not (tensor.abs() <= MAX_WEIGHT).all():
            raise ValueError(f"{name} must hold float32 numbers up to {MAX_WEIGHT:g}")


def digest(tensors: Mapping[str, Tensor], *words: str) -> str:
    """Return the SHA-256, in hexadecimal, of the words and of the tensors' names, types, shapes and values."""
    summed = hashlib.sha256(repr(words).encode())
    for name, tensor in sorted(tensors.items()):
        summed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        summed.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().data)
    return summed.hexdigest()


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    return json.dumps(digest(tensors, *(f"{name} {value}" for name, value in sorted(metadata.items()))))


def load_named(model_name: str) -> tuple[nn.Module, Card]:
    """Return `load_weights` of that network's file, found by `path_at_hand`.

    Raises ValueError as `load_weights` does, and if the file holds another network.
    """
    path = path_at_hand(model_name)
    model, card = load_weights(path)
    if card.model != model_name:
        raise ValueError(f"{path} holds a {card.model}: train it again with {train_command(path)}")
    return model, card


def train_command(path: Path) -> str:
    """Return the command line that trains the weights file `path` again."""
    if path.stem in MODELS and path.parent in (FOLDER, SHIPPED):
        return f"{command('train')} --model {path.stem}"
    return f"{command('train')} --output {path}"
