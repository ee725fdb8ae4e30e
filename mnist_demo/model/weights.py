"""One self-describing safetensors file per trained network.

Knows: how weights and what is to be said of them are written, whole or not at all, and read back without pickle.
Does not know: how they were trained, or what they are used for.
"""

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

SHIPPED = Path(__file__).parents[1] / "shipped"  # where an installed package carries them; no clone has it
FOLDER = user_data_path("mnist-demo") / "weights" if SHIPPED.is_dir() else Path(__file__).parents[2] / "weights"
LARGEST = 1e5  # of a weight's size: up to there no digit can make a network's answer overflow
NEWER = {"evaluation"}  # what the cards of older files do not say


def default_path(model_name: str) -> Path:
    """Where the weights of that network are written: in the repository or, where the package is installed, in the
    user's own folder.
    """
    return FOLDER / f"{model_name}.safetensors"


def path_at_hand(model_name: str) -> Path:
    """Where the weights of that network are read: `default_path`, or what was installed where nothing is there yet."""
    own, shipped = default_path(model_name), SHIPPED / f"{model_name}.safetensors"
    return shipped if shipped.exists() and not own.exists() else own


def make_folder() -> None:
    """Makes the folder that weights are written to. Raises OSError, in one line, where that cannot be."""
    if FOLDER.parts[0] == "~":
        raise OSError("there is no home directory to keep weights in: name a file")
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{FOLDER} cannot be made ({error.strerror}): name another file") from None


@dataclass(frozen=True)
class Card:
    """What a weights file says of itself. Losses are in nats, accuracies shares in [0, 1].

    Those of the history are the network's alone; all below it are the network's at four half-pixel shifts, which is
    how `predict.Classifier` asks it.
    """

    model: str  # a key of MODELS
    recipe: dict[str, Any]  # the recipe's name and all its values
    seed: int
    history: list[dict[str, float]]  # one entry per epoch
    test_loss: float  # average over the test set
    test_accuracy: float
    misread: list[list[int]]  # [index in the test set, answer] of each test digit that was read wrong
    temperature: float = 1.0  # probabilities are the softmax of log-probabilities over it
    threshold: float = 0.0  # what is read with less certainty (`networks.certainty`) is no digit the network knows
    evaluation: Evaluation | None = None  # on the test set, asked once and at four shifts; None in older files
    python: str = field(default_factory=platform.python_version)
    torch: str = field(default_factory=lambda: str(torch.__version__))
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """Raises ValueError, in one line that names it, where a value makes no sense."""
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
            raise ValueError(f"its {wrong[0]} makes no sense")

    @property
    def epochs(self) -> int:
        return len(self.history)


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether that is a whole number from `least` to `most`."""
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
    """Writes `path` in one rename: whoever reads it finds the old file or the new one, each whole.

    Raises OSError where it cannot be written, and ValueError where the weights are none that could be loaded.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    _check_weights(tensors)
    said = asdict(card) | {"epochs": card.epochs}
    metadata = {name: json.dumps(value) for name, value in said.items()}
    write_whole(path, save(tensors, metadata | {"checksum": _checksum(tensors, metadata)}))


def load_weights(path: Path) -> tuple[nn.Module, Card]:
    """The network in that file, on the CPU and ready to answer, and the file's card.

    A file with a checksum is the one that was written, to the bit. One without, of an older version, is asked no more
    than to make sense: all that a card says, and finite weights of the right shapes.

    Raises ValueError, in one line that names the file, where it is missing, damaged, or not one of ours.
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
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{path} is damaged or not a weights file of ours ({reason}): train it again with {train_command(path)}"
        ) from None
    return model.eval(), card


def _metadata(content: bytes) -> dict[str, str]:
    """What a safetensors file, known to be a sound one, says of itself."""
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return metadata


def _check_metadata(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Raises ValueError where there is more than we write, or the checksum is of something else."""
    known = {f.name for f in fields(Card)} | {"epochs", "checksum"}
    if strange := set(metadata) - known:
        raise ValueError(f"it says {min(strange)!r}, which none of ours does")
    said = {name: value for name, value in metadata.items() if name != "checksum"}
    if "checksum" in metadata and metadata["checksum"] != _checksum(tensors, said):
        raise ValueError("its checksum differs")


def _check_weights(tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError, naming the tensor, where weights are no float32 numbers up to LARGEST."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not (tensor.abs() <= LARGEST).all():
            raise ValueError(f"{name} holds more than float32 numbers up to {LARGEST:g}")


def digest(tensors: Mapping[str, Tensor], *words: str) -> str:
    """SHA-256, as hexadecimal digits, of the words and of tensors by name, with their types and shapes."""
    summed = hashlib.sha256(repr(words).encode())
    for name, tensor in sorted(tensors.items()):
        summed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        summed.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().data)
    return summed.hexdigest()


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    return json.dumps(digest(tensors, *(f"{name} {value}" for name, value in sorted(metadata.items()))))


def load_named(model_name: str) -> tuple[nn.Module, Card]:
    """`load_weights` of `path_at_hand` for that network.

    Raises ValueError as `load_weights` does, and where the file holds another network.
    """
    path = path_at_hand(model_name)
    model, card = load_weights(path)
    if card.model != model_name:
        raise ValueError(f"{path} holds a {card.model}: train it again with {train_command(path)}")
    return model, card


def train_command(path: Path) -> str:
    """The command line that writes the weights file `path` anew."""
    if path.stem in MODELS and path.parent in (FOLDER, SHIPPED):
        return f"{command('train')} --model {path.stem}"
    return f"{command('train')} --output {path}"
