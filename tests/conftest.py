"""What several test files share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from benchmarks.pages import Server, started
from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS


def pytest_configure() -> None:
    """One thread for each program that a test starts: threads that wait for each other suffer where processors lack."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


class TwoShares(LoadScopeScheduling):
    """Of two processes one has the tests in browsers, which wait, and the other all that reckon."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else "rest"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TwoShares:
    """Shares the tests out where they are run in several processes (`-n 2`)."""
    return TwoShares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers come last: Playwright keeps an event loop running in the tests' thread, where others start their own."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def test_digits() -> Samples:
    """The 10,000 test samples of MNIST."""
    return load_mnist("test")


@pytest.fixture(scope="session")
def training_digits() -> Samples:
    """The 60,000 training samples of MNIST."""
    return load_mnist("train")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small batches are faster without a second thread, and results then do not hang on the number of cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=MODELS)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    """Each shipped network in turn."""
    return Classifier.load(request.param)


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's folder for temporary files."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server(temporary: Path) -> Iterator[Server]:
    """The app, asked over HTTP; in the end it has left no temporary file, and has told of no error."""
    places = {"TMPDIR": str(temporary), "GRADIO_TEMP_DIR": str(temporary)}
    with started("app.py", environment=places) as server:
        yield server
        assert not [path for path in temporary.rglob("*") if path.is_file()]
        assert "Traceback" not in server.printed()
        assert "error" not in server.printed().lower()
