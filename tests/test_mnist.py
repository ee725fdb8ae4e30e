import hashlib
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision import datasets

from mnist_demo.data import mnist
from mnist_demo.data.mnist import BOX, MD5, Samples, batches, load_mnist


def test_the_test_set_is_mnists(test_digits: Samples) -> None:
    assert test_digits.images.shape == (10_000, 1, 28, 28)
    assert test_digits.images.dtype == torch.uint8
    assert test_digits.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_the_training_set_has_the_mean_and_deviation_that_the_networks_normalise_with(training_digits: Samples) -> None:
    pixels = training_digits.images.double() / 255
    assert len(training_digits.labels) == 60_000
    assert round(pixels.mean().item(), 4) == 0.1307
    assert round(pixels.std().item(), 4) == 0.3081


@pytest.mark.parametrize("name", MD5)
def test_the_package_includes_the_published_files(name: str) -> None:
    assert hashlib.md5(lzma.decompress((BOX / f"{name}.xz").read_bytes())).hexdigest() == MD5[name]


def test_an_empty_root_is_filled_from_the_package(tmp_path: Path) -> None:
    assert load_mnist("test", tmp_path).labels.bincount().tolist()[:3] == [980, 1135, 1032]
    assert sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir()) == sorted(MD5)


def test_a_later_process_removes_partial_files_of_a_killed_one(tmp_path: Path) -> None:
    load_mnist("test", tmp_path)
    left = tmp_path / "MNIST" / "raw" / ".train-images-idx3-ubyte.12345678.part"
    left.touch()
    load_mnist("test", tmp_path)
    assert left.exists()  # it may be another's that is unpacking just now
    os.utime(left, (0, 0))
    load_mnist("test", tmp_path)
    assert not left.exists()


def test_the_environment_variable_names_the_datas_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DEMO_DATA", str(tmp_path / "elsewhere"))
    load_mnist("test")
    assert (tmp_path / "elsewhere" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").exists()


def test_a_tilde_in_the_environment_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("MNIST_DEMO_DATA", "~/mnist")
    assert mnist.default_root() == Path("/home/somebody/mnist")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be a user who is not known")
def test_without_a_home_directory_one_line_says_what_to_set(tmp_path: Path) -> None:
    code = """if True:
        import os; from mnist_demo.data.mnist import load_mnist; os.setuid(54321)
        print(len(load_mnist('test').labels))
        os.environ['MNIST_DEMO_DATA'] = '~/x'
        try: load_mnist('test')
        except OSError as error: print(error)"""
    unset = ("HOME", "MNIST_DEMO_DATA")
    variables = {k: v for k, v in os.environ.items() if k not in unset and not k.startswith("XDG_")}
    variables["PYTHONPATH"] = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path, check=True)
    told = "no home directory to keep the data set in: set MNIST_DEMO_DATA to a folder"
    assert run.stdout == f"10000\n{told}\n"


def test_in_a_home_that_cannot_be_written_the_samples_are_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(mnist, "user_cache_path", lambda name: tmp_path / "file" / name)
    monkeypatch.delenv("MNIST_DEMO_DATA", raising=False)
    assert torch.equal(load_mnist("test").images, test_digits.images)
    with pytest.raises(OSError, match="cannot be created"):
        mnist.mnist_files("test")


def test_a_folder_that_cannot_be_created_is_reported_with_what_to_set_instead(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        OSError, match=r"file/MNIST/raw cannot be created \(Not a directory\): choose another folder with MNIST_DEMO"
    ):
        load_mnist("test", tmp_path / "file")


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:-1] + b"\xff"])
def test_a_truncated_or_foreign_file_is_named_and_never_read(tmp_path: Path, damage) -> None:
    load_mnist("test", tmp_path)
    labels = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    labels.write_bytes(damage(labels.read_bytes()))
    with pytest.raises(ValueError, match=f"{labels} is damaged or not part of MNIST") as raised:
        load_mnist("test", tmp_path)
    assert "\n" not in str(raised.value)


def test_a_damaged_included_file_is_named_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shutil.copytree(BOX, tmp_path / "box")
    (box / "train-images-idx3-ubyte.xz").write_bytes(b"no xz file")
    monkeypatch.setattr(mnist, "BOX", box)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.xz is damaged"):
        load_mnist("train", tmp_path / "root")
    assert not list((tmp_path / "root" / "MNIST" / "raw").iterdir())


def test_without_included_files_and_network_the_error_says_which_files_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist, "BOX", tmp_path / "no box")
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # nothing listens there
    with pytest.raises(OSError, match="MNIST could not be downloaded") as raised:
        load_mnist("test", tmp_path)
    assert f"put {', '.join(MD5)} into {tmp_path / 'MNIST' / 'raw'}" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "MNIST" / "raw").iterdir())


def test_old_files_of_torchvision_beside_the_data_are_not_read(tmp_path: Path, test_digits: Samples) -> None:
    load_mnist("test", tmp_path)
    old = tmp_path / "MNIST" / "processed" / "test.pt"
    old.parent.mkdir()
    torch.save((torch.zeros(7, 28, 28, dtype=torch.uint8), torch.arange(7)), old)
    assert torch.equal(load_mnist("test", tmp_path).images, test_digits.images)


def test_the_samples_are_as_torchvision_reads_them(tmp_path: Path) -> None:
    samples, theirs = load_mnist("test", tmp_path), datasets.MNIST(str(tmp_path), train=False)
    assert torch.equal(samples.images.squeeze(1), theirs.data)
    assert torch.equal(samples.labels, theirs.targets)


def test_held_out_samples_are_the_last_ones(test_digits: Samples) -> None:
    kept, held_out = test_digits.split(3000)
    assert len(kept.labels) == 7000
    assert torch.equal(held_out.images, test_digits.images[7000:])


def test_an_epochs_batches_hold_each_index_once_in_an_order_set_by_the_seed() -> None:
    def epoch(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        parts = list(batches(1000, 64, generator, torch.device("cpu")))
        assert [len(part) for part in parts] == [64] * 15 + [40]
        return torch.cat(parts).tolist()

    assert sorted(epoch(1)) == list(range(1000))
    assert epoch(1) == epoch(1) != epoch(2)
