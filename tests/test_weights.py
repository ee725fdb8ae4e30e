import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from mnist_demo import weights
from mnist_demo.models import MODELS, Net
from mnist_demo.recipes import RECIPES
from mnist_demo.weights import Card, default_path, load_named, load_weights, save_weights

CARD = Card(
    model="net",
    recipe={"name": "fast", "epochs": 2},
    seed=7,
    history=[{"loss": 0.5, "accuracy": 0.9}, {"loss": 0.25, "accuracy": 0.95}],
    test_loss=0.2,
    test_accuracy=0.96,
    misread=[[8, 6]],
    temperature=1.1,
    threshold=0.4,
)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, nn.Module]:
    """A weights file, and the network in it."""
    model = Net()
    save_weights(tmp_path / "some.safetensors", model, CARD)
    return tmp_path / "some.safetensors", model


def test_what_was_saved_comes_back(saved: tuple[Path, nn.Module]) -> None:
    path, model = saved
    loaded, card = load_weights(path)
    assert card == CARD
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_a_weights_file_describes_itself_to_any_safetensors_reader(saved: tuple[Path, nn.Module]) -> None:
    with safe_open(saved[0], framework="pt") as file:
        metadata = {name: json.loads(value) for name, value in file.metadata().items()}
    assert metadata["model"] == "net"
    assert metadata["epochs"] == 2
    assert metadata["test_accuracy"] == 0.96
    assert {"recipe", "seed", "history", "test_loss", "python", "torch", "date"} <= set(metadata)


def test_a_file_of_an_older_version_says_less_and_still_loads(saved: tuple[Path, nn.Module]) -> None:
    with safe_open(saved[0], framework="pt") as file:
        metadata = {name: said for name, said in file.metadata().items() if name not in ("evaluation", "checksum")}
    save_file(saved[1].state_dict(), saved[0], metadata)
    assert load_weights(saved[0])[1] == CARD
    save_file(saved[1].state_dict(), saved[0], {name: said for name, said in metadata.items() if name != "date"})
    with pytest.raises(ValueError, match="not a weights file of ours"):
        load_weights(saved[0])


def test_a_network_trained_channels_last_is_saved_too(tmp_path: Path) -> None:
    model = Net().to(memory_format=torch.channels_last)
    save_weights(tmp_path / "a.safetensors", model, CARD)
    assert torch.equal(load_weights(tmp_path / "a.safetensors")[0].conv2.weight, model.conv2.weight)


def test_a_missing_file_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.safetensors is missing: train it with python -m mnist_demo\.train"):
        load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"garbage that is no safetensors file", None])
def test_a_damaged_file_is_named_in_one_line(saved: tuple[Path, nn.Module], content: bytes | None) -> None:
    path = saved[0]
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ValueError, match=r"some\.safetensors is damaged or not a weights file of ours") as raised:
        load_weights(path)
    assert "\n" not in str(raised.value)


def test_a_file_of_another_make_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="not a weights file of ours"):
        load_weights(tmp_path / "foreign.safetensors")


def test_a_file_that_holds_another_network_is_refused_by_name(
    saved: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "FOLDER", saved[0].parent)
    saved[0].rename(default_path("convnet"))
    with pytest.raises(ValueError, match=r"holds a net: train it again with .* --model convnet"):
        load_named("convnet")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    saved: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = saved[0], saved[0].read_bytes()

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, Net(), CARD)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_weights_are_the_recipes_best_and_good(name: str) -> None:
    _, card = load_named(name)
    assert card.recipe == {**vars(RECIPES[name]["best"])}
    assert card.test_accuracy >= {"convnet": 0.99, "net": 0.988}[name]
    assert len(card.misread) == round(10_000 * (1 - card.test_accuracy))
