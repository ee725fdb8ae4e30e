import dataclasses

import pytest
import torch

from benchmarks.training import fast_run
from mnist_demo.data.mnist import Samples
from mnist_demo.model.networks import MODELS
from mnist_demo.model.recipes import RECIPES


def test_each_network_has_the_recipes_under_their_names() -> None:
    assert list(RECIPES) == list(MODELS)
    for recipes in RECIPES.values():
        assert list(recipes) == ["tutorial", "fast", "best", "teach"]
        assert all(recipe.name == name for name, recipe in recipes.items())


def test_the_tutorials_recipes_have_the_tutorials_values() -> None:
    convnet, net = (RECIPES[name]["tutorial"] for name in ("convnet", "net"))
    assert (convnet.optimizer, convnet.lr, convnet.batch_size, convnet.epochs) == ("adam", 1e-3, 512, 20)
    assert (net.optimizer, net.lr, net.momentum, net.batch_size, net.epochs) == ("sgd", 0.01, 0.5, 64, 10)
    assert net.test_batch_size == 1000
    assert net.held_out == convnet.held_out == 0


@pytest.mark.parametrize("name", ["fast", "best", "teach"])
def test_our_recipes_never_watch_the_test_set(name: str) -> None:
    assert all(recipes[name].held_out == 5000 for recipes in RECIPES.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, not 0"),
        ({"batch_size": -1}, "--batch-size must be at least 1, not -1"),
        ({"test_batch_size": 0}, "--test-batch-size must be at least 1, not 0"),
        ({"lr": float("nan")}, "--lr must be a number above 0, not nan"),
        ({"lr": float("inf")}, "--lr must be a number above 0, not inf"),
        ({"lr": -0.1}, "--lr must be a number above 0"),
        ({"momentum": 1.0}, "--momentum must be at least 0 and below 1, not 1.0"),
        ({"momentum": float("nan")}, "--momentum must be at least 0 and below 1, not nan"),
    ],
)
def test_an_invalid_value_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RECIPES["net"]["tutorial"], **change)


def test_momentum_is_refused_if_the_optimizer_does_not_use_it() -> None:
    with pytest.raises(ValueError, match="--momentum does not apply to adam"):
        dataclasses.replace(RECIPES["convnet"]["tutorial"], momentum=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_recipe_fast_brings_convnet_to_99_per_cent(dtype: torch.dtype, test_digits: Samples) -> None:
    assert fast_run("convnet", 1, torch.device("cpu"), test_digits, dtype).accuracy >= 0.99
