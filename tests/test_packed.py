"""The file of a network for browsers."""

import gzip
import json

import numpy as np
import torch
from golden_networks import FILE, classifiers, made
from safetensors.torch import load

from mnist_demo.model.classifier import Classifier
from mnist_demo.model.packed import packed


def metadata(content: bytes) -> dict[str, str]:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return dict(header["__metadata__"])


def test_it_holds_the_weights_as_float16_and_what_suffices_to_run_them(classifier: Classifier) -> None:
    content = packed(classifier)
    tensors, about = load(content), metadata(content)
    state = classifier.model.network.state_dict()
    assert tensors.keys() == state.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == (torch.float16 if name.endswith("weight") else torch.float32)
        assert torch.equal(tensor, state[name].to(tensor.dtype))
    assert float(about["temperature"]) == classifier.card.temperature
    assert float(about["threshold"]) == classifier.card.threshold
    steps = json.loads(about["steps"])
    named = {step[part] for step in steps for part in ("weight", "bias") if part in step}
    assert named == set(tensors)
    assert sum(step["parameters"] for step in steps) == sum(tensor.numel() for tensor in state.values())


def test_the_same_network_is_always_the_same_file(classifier: Classifier) -> None:
    assert len({packed(classifier) for _ in range(5)}) == 1


def test_python_says_of_the_golden_digits_what_is_stored() -> None:
    stored, now = json.loads(gzip.decompress(FILE.read_bytes())), json.loads(json.dumps(made()))
    words = "run PYTHONPATH=. python tests/golden_networks.py"
    assert stored["digits"] == now["digits"], words
    assert stored["steps"] == now["steps"], words
    for name in classifiers():
        for one, other in zip(stored["networks"][name]["readings"], now["networks"][name]["readings"], strict=True):
            assert one["answer"] == other["answer"], words
            assert np.allclose(one["probabilities"], other["probabilities"], atol=1e-4), words
