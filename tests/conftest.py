"""Fixtures and settings that several test files share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from wire import LIMITED
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from benchmarks.pages import Server, started
from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS


def pytest_configure() -> None:
    """Give each program that a test starts one thread: threads that wait for each other are slow on few processors."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


ALONE = {  # test files that share neither the page nor the server: whichever process is free runs them
    "test_bad_input",
    "test_kills",
    "test_nearest",
    "test_notebook",
    "test_package",
    "test_readme",
    "test_recipes",
    "test_site",
    "test_train",
}


class TwoShares(LoadScopeScheduling):
    """A scheduler for two processes: one runs the tests that share a page, and mostly wait, the other those that share
    a server. The first to finish goes on with the files that are ALONE.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0])
        if file.stem in ALONE:
            return file.stem
        return "browser" if "browser" in file.parts else "rest"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TwoShares:
    """Distribute the tests if they run in several processes (`-n 2`)."""
    return TwoShares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move browser tests last: Playwright keeps an event loop in the tests' thread, where others start their own."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def test_digits() -> Samples:
    """Return the 10,000 test samples of MNIST."""
    return load_mnist("test")


@pytest.fixture(scope="session")
def training_digits() -> Samples:
    """Return the 60,000 training samples of MNIST."""
    return load_mnist("train")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Use one thread: small batches are faster with it, and results do not depend on the number of cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def classifiers() -> dict[str, Classifier]:
    """Return the shipped networks by name."""
    return {name: Classifier.load(name) for name in MODELS}


@pytest.fixture(scope="module", params=MODELS)
def classifier(classifiers: dict[str, Classifier], request: pytest.FixtureRequest) -> Classifier:
    """Return each shipped network in turn."""
    return classifiers[request.param]


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the server's folder for temporary files."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server(temporary: Path) -> Iterator[Server]:
    """Yield the app, for requests over HTTP; check at the end that it left no temporary file and reported no error."""
    places = {"TMPDIR": str(temporary), "GRADIO_TEMP_DIR": str(temporary)}
    with started("-c", LIMITED, environment=places) as server:
        yield server
        printed = server.printed()
    assert not [path for path in temporary.rglob("*") if path.is_file()]
    assert "Traceback" not in printed
    assert "error" not in printed.lower()
    assert str(Path(__file__).parent.parent) not in printed
    assert len(printed) < 2000
