"""One self-describing safetensors file per trained network.

Knows: how weights and what is to be said of them are written, whole or not at all, and read back without pickle.
Does not know: how they were trained, or what they are used for.
"""

import json
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from mnist_demo.data import write_whole
from mnist_demo.figures import Evaluation
from mnist_demo.models import MODELS

FOLDER = Path(__file__).parent.parent / "weights"
NEWER = {"evaluation"}  # what the cards of older files do not say


def default_path(model_name: str) -> Path:
    """Where the weights of that network lie in the repository."""
    return FOLDER / f"{model_name}.safetensors"


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
    threshold: float = 0.0  # what is read with less certainty (`models.certainty`) is no digit the network knows
    evaluation: Evaluation | None = None  # on the test set, asked once and at four shifts; None in older files
    python: str = field(default_factory=platform.python_version)
    torch: str = field(default_factory=lambda: str(torch.__version__))
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def epochs(self) -> int:
        return len(self.history)


def save_weights(path: Path, model: nn.Module, card: Card) -> None:
    """Writes `path` in one rename: whoever reads it finds the old file or the new one, each whole.

    Raises OSError where it cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {name: json.dumps(value) for name, value in asdict(card).items()}
    write_whole(path, save(tensors, metadata | {"epochs": json.dumps(card.epochs)}))


def load_weights(path: Path) -> tuple[nn.Module, Card]:
    """The network in that file, on the CPU and ready to answer, and the file's card.

    Raises ValueError, in one line that names the file, where it is missing, damaged, or not one of ours.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing: train it with {train_command(path)}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        said = [f.name for f in fields(Card) if f.name in metadata or f.name not in NEWER]
        card = Card(**{name: json.loads(metadata[name]) for name in said})
        model = MODELS[card.model]()
        model.load_state_dict(tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{path} is damaged or not a weights file of ours ({reason}): train it again with {train_command(path)}"
        ) from None
    return model.eval(), card


def load_named(model_name: str) -> tuple[nn.Module, Card]:
    """`load_weights` of the repository's own file for that network.

    Raises ValueError as `load_weights` does, and where the file holds another network.
    """
    path = default_path(model_name)
    model, card = load_weights(path)
    if card.model != model_name:
        raise ValueError(f"{path} holds a {card.model}: train it again with {train_command(path)}")
    return model, card


def train_command(path: Path) -> str:
    """The command line that writes the weights file `path` anew."""
    if path in map(default_path, MODELS):
        return f"python -m mnist_demo.train --model {path.stem}"
    return f"python -m mnist_demo.train --output {path}"
