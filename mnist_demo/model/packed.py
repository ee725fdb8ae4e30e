"""A network as one file for browsers: float16 weights, and a description of its layers that suffices to run them.

The file is a safetensors file. Its metadata: "steps", those of `explain.trace` as JSON, each with its name, kind,
shape, number of parameters, its window, the names of its tensors, or the constants of a normalisation; "temperature"
and "threshold", as in `Classifier`.
"""

import json
from typing import Any

import numpy as np
from safetensors.torch import save
from torch import Tensor

from mnist_demo.ink.preprocess import SIDE
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.explain import Step, described, trace
from mnist_demo.model.networks import bare


def packed(classifier: Classifier) -> bytes:
    """Return the file's content. Biases stay float32: they are few.

    Raises ValueError if the network is not a chain of layers that `explain.trace` can follow.
    """
    network = bare(classifier.model)
    names = {id(layer): name for name, layer in network.named_modules()}
    steps: list[dict[str, Any]] = []
    tensors: dict[str, Tensor] = {}
    for step in trace(network, np.zeros((SIDE, SIDE), np.float32)):
        own = tensors_of(step, names.get(id(step.layer), ""))
        steps.append(described(step) | {name.rpartition(".")[2]: name for name in own})
        tensors |= own
    metadata = {"steps": json.dumps(steps)} | {
        name: repr(getattr(classifier.card, name)) for name in ("temperature", "threshold")
    }
    return in_order(save(tensors, metadata))


def in_order(content: bytes) -> bytes:
    """Return a safetensors file with its header sorted, so that the same network is always the same file."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the tensors stay aligned
    return len(header).to_bytes(8, "little") + header + content[end:]


def tensors_of(step: Step, layer: str) -> dict[str, Tensor]:
    """Return the weight and the bias of a step by name, if it has them; `layer` is the layer's name."""
    own = {} if step.layer is None else dict(step.layer.named_parameters())
    return {f"{layer}.{name}": (own[name].half() if name == "weight" else own[name]).detach().cpu() for name in own}
