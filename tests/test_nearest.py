import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_demo.data import mnist
from mnist_demo.data.mnist import Samples, default_root, load_mnist
from mnist_demo.model import nearest
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.explain import trace
from mnist_demo.model.nearest import Nearest


def folder_with_mnist(folder: Path) -> Path:
    load_mnist("train")
    (folder / "MNIST").symlink_to(default_root() / "MNIST")
    return folder


@pytest.fixture
def root(tmp_path, training_digits, monkeypatch) -> Path:
    """Return a folder for the features of the first 2,000 training digits alone."""
    few = [part[:2000].numpy().astype(np.uint8).reshape(2000, -1).squeeze() for part in training_digits]
    monkeypatch.setattr(nearest, "_training_digits", lambda root: few)
    return tmp_path


@pytest.fixture(scope="module", params=["net", pytest.param("convnet", marks=pytest.mark.slow)])
def ready(request, tmp_path_factory) -> tuple[nn.Module, Nearest]:
    """Return each shipped network with its training digits prepared."""
    torch.set_num_threads(1)
    model = Classifier.load(request.param).model
    return model, Nearest.load(model, folder_with_mnist(tmp_path_factory.mktemp("nearest")))


@pytest.fixture(scope="module")
def quick() -> nn.Module:
    """Return a network that computes features in no time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10), nn.LogSoftmax(1)).eval()


def kept_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("nearest-*"))


def digit(samples: Samples, index: int) -> NDArray[np.float32]:
    return (samples.images[index, 0] / 255).numpy()


def hidden(model: nn.Module, image: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(trace(model, image)[-3].values)  # what the last linear layer is given


def test_a_training_digit_finds_itself_first(ready, training_digits):
    for index in range(0, 60_000, 500):
        neighbours = ready[1].find(digit(training_digits, index))
        assert neighbours.indices[0] == index
        assert neighbours.similarities[0] == pytest.approx(1, abs=2e-4)


def test_eleven_of_twelve_neighbours_have_the_right_label(ready, test_digits):
    found = [ready[1].find(digit(test_digits, index)).labels for index in range(200)]
    right = np.array(found) == test_digits.labels[:200, None].numpy()
    assert right.shape == (200, 12)
    assert right.sum(axis=1).mean() >= 11


def test_a_truncated_feature_file_does_not_end_the_process(quick, root, training_digits):
    Nearest.load(quick, root)
    [kept], found = kept_in(root), Nearest.load(quick, root)
    with kept.open("r+b") as file:
        file.truncate(9)
    with pytest.raises(OSError, match=r"nearest-.* is shorter than it was$"):
        found.find(digit(training_digits, 0))


def test_a_pipe_in_place_of_the_data_set_is_reported(quick, tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    os.mkfifo(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte")
    with pytest.raises(OSError, match=r"train-images-idx3-ubyte is not a regular file$"):
        Nearest.load(quick, tmp_path)


def test_neighbours_come_nearest_first_with_their_own_labels_and_images(ready, training_digits, test_digits):
    neighbours = ready[1].find(digit(test_digits, 7), count=5)
    assert list(neighbours.similarities) == sorted(neighbours.similarities, reverse=True)
    assert 0.5 < neighbours.similarities[-1] <= neighbours.similarities[0] <= 1
    assert np.array_equal(neighbours.labels, training_digits.labels[neighbours.indices].numpy())
    assert np.array_equal(neighbours.images, training_digits.images[neighbours.indices, 0].numpy())
    assert neighbours.images.shape == (5, 28, 28)


def test_similarities_are_the_cosines_of_the_last_hidden_layers(ready, training_digits, test_digits):
    model, near = ready
    image = digit(test_digits, 3)
    neighbours = near.find(image)
    exact = [
        F.cosine_similarity(hidden(model, image), hidden(model, digit(training_digits, index)), dim=0)
        for index in neighbours.indices
    ]
    np.testing.assert_allclose(neighbours.similarities, exact, atol=5e-3)


def test_hardly_a_neighbour_is_lost_to_the_axes_and_the_bytes(ready, training_digits, test_digits):
    model, near = ready
    sample = training_digits.images[:12_000]
    with torch.inference_mode(), nearest._LastLinear() as last:
        model.network(sample.float() / 255)
    exact = F.normalize(last.given)
    lost = []
    for index in range(20):
        image = digit(test_digits, index)
        cosines = exact @ F.normalize(hidden(model, image), dim=0)
        found = near.find(image, count=400).indices
        within = found[found < len(sample)][:12]  # of a fifth of the digits, some 80 are among the nearest 400
        lost.append(cosines.topk(12).values.mean() - cosines[within].mean())
    assert np.mean(lost) < 1e-3


def test_stored_features_are_read_and_not_computed_again(quick, root, test_digits, monkeypatch):
    made = Nearest.load(quick, root).find(digit(test_digits, 0))
    monkeypatch.setattr(nearest, "_computed", lambda *_: pytest.fail("made again"))
    read = Nearest.load(quick, root).find(digit(test_digits, 0))
    assert all(np.array_equal(a, b) for a, b in zip(made, read, strict=True))


@pytest.mark.parametrize("damage", ["cut", "changed", "no safetensors", "foreign", "of other weights"])
def test_a_damaged_or_foreign_feature_file_is_computed_again(quick, root, test_digits, damage):
    made = Nearest.load(quick, root).find(digit(test_digits, 0))
    (path,) = kept_in(root)
    whole = path.read_bytes()
    path.unlink()
    if damage == "foreign":
        save_file({"something": torch.zeros(3)}, path)
    elif damage == "of other weights":
        empty = {"levels": torch.zeros(2000, 16, dtype=torch.int8), "strengths": torch.zeros(2000)}
        save_file(empty, path, {"seal": "another"})
    else:
        changed = whole[:20_000] + bytes([whole[20_000] ^ 1]) + whole[20_001:]
        path.write_bytes({"cut": whole[:-9], "changed": changed, "no safetensors": b"{" * 5_000}[damage])
    again = Nearest.load(quick, root).find(digit(test_digits, 0))
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))
    assert path.read_bytes() == whole
    assert kept_in(root) == [path]


def test_features_of_other_weights_are_stored_beside(quick, root):
    Nearest.load(quick, root)
    with torch.no_grad():
        other = nn.Sequential(*quick).eval()
        before = quick[1].bias.clone()
        quick[1].bias += 0.1
        Nearest.load(other, root)
        quick[1].bias.copy_(before)
    assert len(kept_in(root)) == 2


def test_without_a_place_to_store_features_it_still_works(quick, tmp_path, test_digits, monkeypatch):
    root = folder_with_mnist(tmp_path)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(nearest, "write_whole", full)
    from_memory = Nearest.load(quick, root).find(digit(test_digits, 0))
    assert kept_in(root) == []
    monkeypatch.undo()
    (root / "file").touch()
    monkeypatch.setattr(mnist, "user_cache_path", lambda name: root / "file" / name)
    monkeypatch.delenv("MNIST_DEMO_DATA", raising=False)
    without_a_folder = Nearest.load(quick).find(digit(test_digits, 0))
    from_file = Nearest.load(quick, root).find(digit(test_digits, 0))
    for a, b, c in zip(from_memory, without_a_folder, from_file, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_two_threads_may_load_and_query_at_once(quick, root, test_digits):
    found = []

    def visit() -> None:
        near = Nearest.load(quick, root)
        found.append([near.find(digit(test_digits, index)).indices.tolist() for index in range(20)])

    threads = [threading.Thread(target=visit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert len(kept_in(root)) == 1
