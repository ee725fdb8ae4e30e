import pytest
import torch

from mnist_demo.model.device import choose_device


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")


def test_an_unknown_device_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        choose_device("tpu")
