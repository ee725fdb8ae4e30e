"""MNIST as resident tensors: its files, their checksums, and shuffled batches without a DataLoader."""

import hashlib
import lzma
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from platformdirs import user_cache_path
from torch import Tensor

from mnist_demo.files import clear_away, open_regular, read_whole, write_whole

BOX = Path(__file__).parent / "mnist_files"  # the data set included in this package, one .xz per file
VARIABLE = "MNIST_DEMO_DATA"  # this environment variable names the data set's folder

MD5 = {  # of the unpacked files, as published with the data set
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class Samples(NamedTuple):
    """Images of digits and their labels."""

    images: Tensor  # (N, 1, 28, 28) uint8, 0 = paper, 255 = ink
    labels: Tensor  # (N,) int64, 0 to 9

    def to(self, device: torch.device) -> "Samples":
        """Return the same samples on that device."""
        return Samples(self.images.to(device), self.labels.to(device))

    def split(self, held_out: int) -> tuple["Samples", "Samples"]:
        """Return all but the last `held_out` samples, and the last `held_out`."""
        kept = len(self.labels) - held_out
        return Samples(self.images[:kept], self.labels[:kept]), Samples(self.images[kept:], self.labels[kept:])


def default_root() -> Path:
    """Return the folder that `MNIST_DEMO_DATA` names (~ is the home directory), or else a cache folder of the user.

    Raises OSError, in one line, if a home directory is needed and there is none.
    """
    try:
        return Path(os.environ.get(VARIABLE) or user_cache_path("mnist-demo")).expanduser()
    except RuntimeError:
        raise OSError(f"no home directory to keep the data set in: set {VARIABLE} to a folder") from None


def load_mnist(split: Literal["train", "test"], root: Path | None = None) -> Samples:
    """Return the 60,000 training or the 10,000 test samples, in the data set's own order.

    `root` (default: `default_root()`) is a folder laid out as torchvision does it, root/MNIST/raw/*-ubyte. Missing
    files are unpacked from this package or, if it does not include them, downloaded with torchvision, if that is
    installed. If no folder was named and the default one cannot be written (a read-only home, a full disk), the samples
    are unpacked in memory alone.

    Raises ValueError, naming the file, if one is damaged or not MNIST's, and OSError if a named folder cannot be
    written or a download fails.
    """
    images, labels = (
        torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)
        for content, header in zip(_contents(split, root), (16, 8), strict=True)
    )
    return Samples(images.view(-1, 1, 28, 28), labels.long())


def mnist_files(split: Literal["train", "test"], root: Path | None = None) -> tuple[Path, Path]:
    """Return the files of that split's images and labels, for callers that stream. Their checksums are verified.

    Each file is a header followed by one byte per pixel (digit by digit, row by row), or one byte per label. `root` and
    the errors are as for `load_mnist`, except that OSError is raised for any folder that cannot be written.
    """
    for path in (both := _at_hand(split, root)):
        with open_regular(path) as file:
            _check_sum(path.name, hashlib.file_digest(file, "md5").hexdigest(), path)
    return both


def batches(count: int, size: int, generator: torch.Generator, device: torch.device) -> Iterator[Tensor]:
    """Yield each index in [0, count) once, in random order, as (size,) int64 tensors; the last one may be shorter.

    `generator` is a CPU generator, so the order does not depend on the device of the indices.
    """
    yield from torch.randperm(count, generator=generator).to(device).split(size)


def ten_of_each(labels: Tensor) -> Tensor:
    """Return the indices (100,) of the first ten samples of each digit, 0 first, for labels (N,)."""
    return torch.cat([torch.nonzero(labels == digit).flatten()[:10] for digit in range(10)])


def _contents(split: Literal["train", "test"], root: Path | None) -> list[bytes]:
    """Return the contents of that split's two files."""
    try:
        return [_checked(path) for path in _at_hand(split, root)]
    except OSError:
        if root is not None or os.environ.get(VARIABLE) or not _is_included(names := _names(split)):
            raise
        return [_unpacked(name) for name in names]


def _names(split: Literal["train", "test"]) -> tuple[str, str]:
    prefix = "train" if split == "train" else "t10k"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _at_hand(split: Literal["train", "test"], root: Path | None) -> tuple[Path, Path]:
    """Return the paths of that split's two files, after unpacking or downloading any of the four that are missing."""
    raw = (default_root() if root is None else root) / "MNIST" / "raw"
    for name in MD5:
        clear_away(raw / name)
    if missing := [name for name in MD5 if not (raw / name).exists()]:
        _make(raw)
        if _is_included(missing):
            _unpack(missing, raw)
        else:
            _download(missing, raw)
    images, labels = _names(split)
    return raw / images, raw / labels


def _is_included(names: Sequence[str]) -> bool:
    return all((BOX / f"{name}.xz").exists() for name in names)


def _make(raw: Path) -> None:
    try:
        raw.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{raw} cannot be created ({error.strerror}): choose another folder with {VARIABLE} or --data-dir"
        ) from None


def _checked(path: Path) -> bytes:
    """Return the content of the data set's file at that path, after verifying its checksum."""
    content = read_whole(path)
    _check(path.name, content, path)
    return content


def _check(name: str, content: bytes, path: Path) -> None:
    _check_sum(name, hashlib.md5(content).hexdigest(), path)


def _check_sum(name: str, md5: str, path: Path) -> None:
    if md5 != MD5[name]:
        raise ValueError(f"{path} is damaged or not part of MNIST (MD5 differs): delete it and run again")


def _unpack(names: Sequence[str], raw: Path) -> None:
    for name in names:
        write_whole(raw / name, _unpacked(name))


def _unpacked(name: str) -> bytes:
    """Return the content of the file that this package includes under that name."""
    packed = BOX / f"{name}.xz"
    try:
        content = lzma.decompress(packed.read_bytes())
    except lzma.LZMAError:
        raise ValueError(f"{packed} is damaged: restore it from the repository") from None
    _check(name, content, packed)
    return content


def _download(names: list[str], raw: Path) -> None:
    try:
        from torchvision import datasets  # optional: needed only for this download
    except ImportError:
        raise OSError(f"MNIST's files are missing: put {', '.join(names)} into {raw}, or install torchvision") from None
    with tempfile.TemporaryDirectory(dir=raw) as staging:
        try:
            fetched = Path(datasets.MNIST(staging, download=True).raw_folder)
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).split())
            raise OSError(f"MNIST could not be downloaded ({reason}): put {', '.join(names)} into {raw}") from None
        for name in names:
            _check(name, (fetched / name).read_bytes(), fetched / name)
            os.replace(fetched / name, raw / name)
