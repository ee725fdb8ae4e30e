import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file
from torch import nn

from mnist_demo.model import weights
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS, Net
from mnist_demo.model.recipes import RECIPES
from mnist_demo.model.weights import Card, default_path, load_named, load_weights, path_at_hand, save_weights

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
    """Return a weights file, and the network in it."""
    model = Net()
    save_weights(tmp_path / "some.safetensors", model, CARD)
    return tmp_path / "some.safetensors", model


def test_saved_weights_are_loaded_unchanged(saved: tuple[Path, nn.Module]) -> None:
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


def test_a_file_of_an_older_version_with_fewer_fields_still_loads(saved: tuple[Path, nn.Module]) -> None:
    with safe_open(saved[0], framework="pt") as file:
        metadata = {name: said for name, said in file.metadata().items() if name not in ("evaluation", "checksum")}
    save_file(saved[1].state_dict(), saved[0], metadata)
    assert load_weights(saved[0])[1] == CARD
    save_file(saved[1].state_dict(), saved[0], {name: said for name, said in metadata.items() if name != "date"})
    with pytest.raises(ValueError, match="not a valid weights file"):
        load_weights(saved[0])


def test_a_network_trained_channels_last_is_saved_too(tmp_path: Path) -> None:
    model = Net().to(memory_format=torch.channels_last)
    save_weights(tmp_path / "a.safetensors", model, CARD)
    assert torch.equal(load_weights(tmp_path / "a.safetensors")[0].conv2.weight, model.conv2.weight)


def test_a_missing_file_is_named_with_the_command_that_trains_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.safetensors is missing: train it with python -m mnist_demo\.train"):
        load_weights(tmp_path / "none.safetensors")


def test_a_damaged_file_and_a_foreign_one_are_named_in_one_line(saved: tuple[Path, nn.Module]) -> None:
    path, whole = saved[0], saved[0].read_bytes()
    for content in (b"", b"garbage that is no safetensors file", whole[:-100], save({"x": torch.zeros(1)})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"some\.safetensors is damaged or not a valid weights file") as raised:
            load_weights(path)
        assert "\n" not in str(raised.value)


def test_nobody_is_told_to_train_over_a_file_of_another_kind(tmp_path: Path) -> None:
    for path, reason in ((Path(__file__), "header too large"), (tmp_path, "Is a directory")):
        with pytest.raises(ValueError, match=f"{reason}\\): name another file$"):
            load_weights(path)


def test_a_file_that_holds_another_network_is_refused_by_name(
    saved: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "FOLDER", saved[0].parent)
    saved[0].rename(default_path("convnet"))
    with pytest.raises(ValueError, match=r"holds a net: train it again with .* --model convnet"):
        load_named("convnet")


NAN, INF = float("nan"), float("inf")
NONSENSE: dict[str, tuple[Any, ...]] = {
    "temperature": (0, -1.0, NAN, INF, 1e-300, "abc", None, True),
    "threshold": (NAN, -0.1, 1.1, "0.5"),
    "test_accuracy": (NAN, 99.5, "0.99", []),
    "misread": (None, "12", [3], [[1]], [[1, 10]], [[-1, 3]], [[0.5, 3]], {"1": 2}),
    "model": ("resnet", None, ["net"]),
    "recipe": (None, "fast", {}, {"name": 3}),
    "history": (None, {}, [3], [{"loss": None}], [{"loss": NAN}]),
    "date": (None, 2026, "some day"),
    "test_loss": (INF, 10**400),
    "seed": ("1", -1),
    "python": (None,),
    "torch": (2.14,),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_an_invalid_card_is_neither_created_nor_read(saved: tuple[Path, nn.Module], name: str) -> None:
    for value in NONSENSE[name]:
        with pytest.raises(ValueError, match=f"^invalid {name}$"):
            dataclasses.replace(CARD, **{name: value})
    said = {key: json.dumps(one) for key, one in (dataclasses.asdict(CARD) | {name: NONSENSE[name][0]}).items()}
    saved[0].write_bytes(save(saved[1].state_dict(), said))
    with pytest.raises(ValueError, match=rf"some\.safetensors is damaged .* \(invalid {name}\)") as raised:
        load_weights(saved[0])
    assert "\n" not in str(raised.value)


def without_checksum(path: Path, model: nn.Module, **tensors: torch.Tensor) -> None:
    """Write a file as older versions did, with those tensors replaced."""
    said = {key: json.dumps(value) for key, value in dataclasses.asdict(CARD).items()}
    path.write_bytes(save(model.state_dict() | tensors, said | {"epochs": "2"}))


def test_invalid_weights_and_other_types_are_refused_by_name(saved: tuple[Path, nn.Module]) -> None:
    weight, bias = (saved[1].state_dict()[name].clone() for name in ("conv2.weight", "fc1.bias"))
    broken = {"conv2.weight": (NAN, -INF, 1e38), "fc1.bias": (torch.int8, torch.float64, torch.bool)}
    for name, value in [(name, value) for name, values in broken.items() for value in values]:
        weight[3, 2, 1, 0] = value if isinstance(value, float) else 0
        tensor = weight if isinstance(value, float) else bias.to(value)
        without_checksum(*saved, **{name: tensor})
        with pytest.raises(ValueError, match=rf"some\.safetensors is damaged .* \({name} must hold float32"):
            load_weights(saved[0])


def test_weights_that_could_not_be_loaded_are_not_saved(saved: tuple[Path, nn.Module]) -> None:
    path, before = saved[0], saved[0].read_bytes()
    broken = Net()
    torch.nn.init.constant_(broken.fc2.bias, float("nan"))
    with pytest.raises(ValueError, match=r"fc2\.bias"):
        save_weights(path, broken, CARD)
    assert path.read_bytes() == before


def test_a_single_changed_bit_anywhere_is_detected(saved: tuple[Path, nn.Module]) -> None:
    path, content = saved[0], saved[0].read_bytes()
    header = int.from_bytes(content[:8], "little") + 8
    for place in (0, 8, header // 2, header - 1, header, (header + len(content)) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ValueError, match="is damaged or not a valid weights file") as raised:
            load_weights(path)
        assert "\n" not in str(raised.value)


def test_the_largest_weights_that_load_give_finite_answers() -> None:
    for name, kind in MODELS.items():
        model = kind()
        for tensor in model.state_dict().values():
            tensor.fill_(weights.MAX_WEIGHT)
        card = dataclasses.replace(CARD, model=name, temperature=0.01)
        probabilities = Classifier(model, card, torch.device("cpu")).probabilities(np.ones((1, 28, 28), np.float32))
        assert np.isfinite(probabilities).all()


def test_a_classifier_is_unchanged_when_its_file_is_replaced_or_overwritten(saved: tuple[Path, nn.Module]) -> None:
    path, images = saved[0], np.random.default_rng(0).random((5, 28, 28), np.float32)
    classifier = Classifier.load(path)
    before = classifier.probabilities(images)
    save_weights(path, Net(), CARD)
    np.testing.assert_array_equal(classifier.probabilities(images), before)
    again = Classifier.load(path)
    assert not np.array_equal(again.probabilities(images), before)
    with path.open("r+b") as file:  # in place, as `cp` does
        file.write(bytes(path.stat().st_size))
    assert np.isfinite(again.probabilities(images)).all()
    np.testing.assert_array_equal(classifier.probabilities(images), before)


def test_a_path_that_is_not_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / ("a" * 300), Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(ValueError, match=r"is damaged or not|is missing") as raised:
            load_weights(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_weights_come_from_the_recipe_best_and_are_accurate(name: str) -> None:
    _, card = load_named(name)
    said = vars(RECIPES[name]["best"])  # with what recipes may say since
    assert card.recipe == {value: said[value] for value in card.recipe}
    assert card.test_accuracy >= {"convnet": 0.99, "net": 0.988}[name]
    assert len(card.misread) == round(10_000 * (1 - card.test_accuracy))
    with safe_open(path_at_hand(name), framework="pt") as file:
        assert "checksum" in file.metadata()
