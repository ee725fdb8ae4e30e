"""The training digits most similar to a digit, by the activations of a network's last hidden layer.

The activations for all 60,000 training digits are computed once and kept in a file.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self
from weakref import finalize

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mnist_demo.data.mnist import default_root, load_mnist, mnist_files
from mnist_demo.files import open_regular, write_whole
from mnist_demo.ink.preprocess import SIDE
from mnist_demo.model.networks import bare
from mnist_demo.model.weights import digest

FORMAT = "1"  # of the feature files; files of another format are computed again
BATCH = 64  # digits at a time: about 5 ms of work, so that other threads never wait longer
LEVELS = 127  # activations are stored as whole numbers from -127 to 127, in a byte
AXES = 64  # the most axes along which all digits are compared first
SURVEYED = 5_000  # the first digits of the training set, used to choose the axes
CANDIDATES = 400  # digits nearest along the axes, then compared unit by unit
TIE = 1e-3  # of cosine, subtracted for each unit of difference in log strength when candidates are chosen

Bytes = NDArray[np.uint8]


class Neighbours(NamedTuple):
    """Training digits, the most similar first."""

    indices: NDArray[np.int64]  # (N,), in the training set's own order
    similarities: NDArray[np.float32]  # (N,) cosines, at most 1
    labels: Bytes  # (N,), 0 to 9
    images: Bytes  # (N, 28, 28), 0 = paper, 255 = ink


class Nearest:
    """The 60,000 training digits as a network's last hidden layer represents them. Threads may share it.

    It holds at most 15 MB per network: the position of each digit along 64 axes. Units and pixels are read from their
    files.
    """

    def __init__(
        self, network: nn.Module, features: "_Features", units: "_Rows | Bytes", images: "_Rows | Bytes", labels: Bytes
    ) -> None:
        self._network = network
        self._axes, self._places = _surveyed(features.levels)
        self._strengths = features.strengths.clone()  # a copy, which does not keep the file's memory
        self._units, self._images, self._labels = units, images, labels

    @classmethod
    def load(cls, model: nn.Module, root: Path | None = None) -> Self:
        """Load the features kept for a network with these very weights, or compute and keep them, which takes seconds.

        `model` is in eval mode, on any device; for a `HalfPixelShifts`, the network within it is used. `root` (default:
        `mnist.default_root()`) is the folder of MNIST and of the features: nearest-*.safetensors, 60 kB for each hidden
        unit. A damaged or foreign file is replaced; if none can be written, the features stay in memory. Several
        threads and processes may load at once. Computing works in small batches, so that other threads get their turn.

        Raises ValueError and OSError as `mnist.load_mnist` does.
        """
        network = bare(model)
        images, labels = _training_digits(root)
        key = _key(network)
        path = _folder(root) / f"nearest-{key[:16]}.safetensors"
        if (features := _read(path, key)) is None:
            features = _computed(network, images)
            try:
                write_whole(path, save(features._asdict(), {"seal": digest(features._asdict(), key)}))
            except OSError:  # kept in memory, and computed again next time
                return cls(network, features, features.levels.numpy().view(np.uint8), images, labels)
        return cls(network, features, _Rows(path, *features.levels.shape), images, labels)

    @torch.inference_mode()
    def find(self, image: NDArray[np.float32], count: int = 12) -> Neighbours:
        """Return the `count` training digits, at most 400, that are most similar to an image (28, 28) in [0, 1].

        Similarity is the cosine of the activations of the last hidden layer, to four decimals. Equally similar digits
        are ordered by how close the strengths of their activations are, because with a single active unit many digits
        have the same cosine. If there are more than 64 units, only the 400 digits nearest along the 64 principal axes
        are compared in full.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]
        levels, strengths = _hidden(self._network, pixels)
        hidden = F.normalize(levels[0].float(), dim=0)
        apart = (self._strengths - strengths).abs_()
        nearness = (self._places @ F.normalize(hidden @ self._axes, dim=0)).sub_(apart, alpha=TIE)
        candidates = nearness.topk(CANDIDATES).indices
        units = torch.from_numpy(self._units[candidates.numpy()].view(np.int8)).float()
        similarities = (F.normalize(units) @ hidden).clamp(max=1).numpy().round(4)
        order = np.lexsort((apart[candidates].numpy(), -similarities))[:count]
        indices = candidates.numpy()[order]
        images = self._images[indices].reshape(-1, SIDE, SIDE)
        return Neighbours(indices, similarities[order], self._labels[indices], images)

    def packed(self) -> bytes:
        """Return all features for browsers: strengths (60000,) float32, labels (60000,), units (60000, units) int8."""
        units = self._units[0 : len(self._units)]
        return self._strengths.numpy().tobytes() + self._labels.tobytes() + units.tobytes()


class _Features(NamedTuple):
    """Activations of a network's last hidden layer for N digits."""

    levels: Tensor  # (N, units) int8, the strongest unit of each digit at 127
    strengths: Tensor  # (N,) float32, the logarithm of that unit's activation


class _Rows:
    """Rows of bytes at the end of a file, read when they are needed and not held in memory.

    The file is not mapped into memory: truncating a mapped file would crash the process.
    """

    def __init__(self, path: Path, count: int, width: int) -> None:
        self._file, self._lock, self._shape = open_regular(path), Lock(), (count, width)
        finalize(self, self._file.close)
        self._header = os.fstat(self._file.fileno()).st_size - count * width

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, where: slice | NDArray[np.int64]) -> Bytes:
        """Read those rows. Raises OSError if the file has become shorter."""
        count, width = self._shape
        starts = [where.start] if isinstance(where, slice) else where.tolist()
        rows = np.empty((len(range(count)[where]) if isinstance(where, slice) else len(starts), width), np.uint8)
        with self._lock:
            for start, part in zip(starts, np.split(rows, len(starts)), strict=True):
                self._file.seek(self._header + start * width)
                if self._file.readinto(part.data) != part.nbytes:
                    raise OSError(f"{self._file.name} is shorter than it was")
        return rows


def _training_digits(root: Path | None) -> tuple[_Rows | Bytes, Bytes]:
    """Return the images (60000, 784), from their file or else in memory, and the labels (60000,)."""
    try:
        images_file, labels_file = mnist_files("train", root)
        labels = np.frombuffer(labels_file.read_bytes(), np.uint8, offset=8)
        return _Rows(images_file, len(labels), SIDE * SIDE), labels
    except OSError:
        samples = load_mnist("train", root)
        return samples.images.numpy().reshape(-1, SIDE * SIDE), samples.labels.numpy().astype(np.uint8)


def _folder(root: Path | None) -> Path:
    """Return the folder for features; without a home directory, one that cannot be written."""
    try:
        return default_root() if root is None else root
    except OSError:
        return Path(os.devnull)


class _LastLinear(TorchFunctionMode):
    """A recorder of the input to the last linear layer run in this thread: the hidden layer before the outputs."""

    given: Tensor

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.linear:
            self.given = args[0]
        return function(*args, **(kwargs or {}))


def _hidden(network: nn.Module, pixels: Tensor) -> _Features:
    """Return the features of pixels (N, 1, 28, 28) in [0, 1], on the CPU."""
    pixels = pixels.to(next(network.parameters()).device)
    with _LastLinear() as last:
        network(pixels)
    strongest = last.given.abs().amax(1).clamp(min=1e-9)
    levels = last.given * (LEVELS / strongest[:, None])
    return _Features(levels.round().to(torch.int8).cpu(), strongest.log().cpu())


@torch.inference_mode()
def _computed(network: nn.Module, images: _Rows | Bytes) -> _Features:
    """Return the features of all the images."""
    width = _hidden(network, torch.zeros(1, 1, SIDE, SIDE)).levels.shape[1]
    features = _Features(torch.empty(len(images), width, dtype=torch.int8), torch.empty(len(images)))
    for start in range(0, len(images), BATCH):
        pixels = torch.from_numpy(images[start : start + BATCH]).view(-1, 1, SIDE, SIDE)
        for whole, part in zip(features, _hidden(network, pixels.float() / 255), strict=True):
            whole[start : start + BATCH] = part
    return features


@torch.inference_mode()
def _surveyed(levels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the axes (units, K) that keep most of the digits' cosines, and the position (60000, K) of each digit on
    them.

    They are the principal axes of the hidden layers, scaled to unit length but not centred, as the cosine requires.
    """
    sample = F.normalize(levels[:SURVEYED].float())
    axes = torch.linalg.eigh(sample.T @ sample).eigenvectors.flip(1)[:, :AXES].contiguous()
    places = torch.empty(len(levels), axes.shape[1])
    for part, place in zip(levels.split(BATCH), places.split(BATCH), strict=True):
        place.copy_(F.normalize(part.float() @ axes))
    return axes, places


def _read(path: Path, key: str) -> _Features | None:
    """Return the features stored in a file under that key, or None if there are none or they are damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            seal = (file.metadata() or {}).get("seal")
            features = _Features(*(file.get_tensor(name) for name in _Features._fields))
    except (SafetensorError, OSError):
        return None
    return features if seal == digest(features._asdict(), key) else None


def _key(network: nn.Module) -> str:
    """Return a key that depends on the weights and on the format of the stored features."""
    return digest(network.state_dict(), FORMAT)
