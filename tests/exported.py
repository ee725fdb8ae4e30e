"""Networks exported once for all tests."""

import contextlib
import functools
import io

import pytest

from mnist_demo.export import PACKAGES, to_onnx
from mnist_demo.model.classifier import Classifier


@functools.cache
def exported(name: str, takes: str) -> bytes:
    """Return the network's ONNX file for that input. Skips the test if the exporter's packages are missing."""
    for package in PACKAGES.split():
        pytest.importorskip(package)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        content = to_onnx(Classifier.load(name), takes)
    assert printed.getvalue() == ""
    return content
