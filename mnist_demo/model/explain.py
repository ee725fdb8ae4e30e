"""How a network reaches its answer: its layers, their arithmetic, and the evidence for the answer.

Everything here is about a single pass of the network. `Classifier` averages its answers over four half-pixel shifts, so
now and then the two answers differ; a caller that shows both must say so.
"""

import base64
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mnist_demo.ink.preprocess import SIDE, Box
from mnist_demo.model.networks import Normalize, bare

SHOWN_TERMS = 10  # of a unit's sum, listed one by one
FEW = 64  # up to this many values are written as numbers, more as bytes
PATCH = 5  # pixels a side of what `occlusion` hides
PLACES = SIDE + 1 - PATCH  # of a patch, in each direction

Kind = Literal["image", "normalize", "conv", "relu", "max-pool", "linear", "log-softmax"]
KINDS: dict[str, Kind] = {  # by PyTorch's name for the function, however it is called
    "conv2d": "conv",
    "relu": "relu",
    "max_pool2d": "max-pool",
    "linear": "linear",
    "log_softmax": "log-softmax",
}
UNCHANGED = {"flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous", "dropout", "dropout2d"}  # in eval mode

Floats = NDArray[np.float32]
Cell = tuple[int, ...]  # an index into a step's values
Region = tuple[tuple[int, int], ...]  # start and end (exclusive) along each axis of a step's values
Pair = tuple[int, int]  # vertically, horizontally


class Window(NamedTuple):
    """The window of a convolution or a pool on a map of the step before: its size and stride in pixels."""

    size: Pair
    stride: Pair
    padding: Pair  # rows and columns of zeros around the map (a pool ignores them)


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a network on a digit, and its result."""

    name: str  # to show: the layer's own name, such as "conv1", or the operation, such as "max-pool 2"
    kind: Kind
    values: Floats  # (C, H, W) or (N,)
    layer: nn.Module | None = None  # the layer whose parameters or constants it uses
    window: Window | None = None  # only for conv and max-pool steps

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values: (C, H, W) for maps, (N,) for units."""
        return self.values.shape

    @property
    def parameters(self) -> int:
        """Number of trained parameters in this step."""
        return 0 if self.layer is None else sum(parameter.numel() for parameter in self.layer.parameters())

    @property
    def weight(self) -> Floats:
        """Kernels (out, in, height, width) of a conv step, weights (out, in) of a linear one; else empty."""
        return _array(getattr(self.layer, "weight", None))

    @property
    def bias(self) -> Floats:
        """Bias (out,) of a conv or a linear step, zeros if it has none; else empty."""
        bias = _array(getattr(self.layer, "bias", None))
        return bias if bias.size else np.zeros(len(self.weight), np.float32)


def _array(tensor: Tensor | None) -> Floats:
    return np.zeros(0, np.float32) if tensor is None else tensor.detach().cpu().numpy()


@torch.inference_mode()
def trace(model: nn.Module, image: Floats) -> list[Step]:
    """Return the output of each layer for an image (28, 28) in [0, 1], starting with the image itself.

    `model` must be in eval mode and a chain of Conv2d (dilation 1, one group), MaxPool2d, ReLU, Linear, LogSoftmax and
    `Normalize`, as modules or functions. Reshaping and dropout, which change no value in eval mode, are not steps. The
    steps are in the order in which the network runs them. For a `HalfPixelShifts`, the network within it is traced.

    Raises ValueError if the image has another shape, or the network is not such a chain.
    """
    network = bare(model)
    if network.training:
        raise ValueError("a network in training mode drops values: call its eval() first")
    pixels = _pixels(network, _checked(image)[np.newaxis])
    recorder = _Recorder(network, pixels)
    with recorder:
        network(pixels)
    return recorder.steps


def _checked(image: Floats) -> Floats:
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"image must be ({SIDE}, {SIDE}), not {image.shape}")
    return np.ascontiguousarray(image, dtype=np.float32)


def _pixels(network: nn.Module, images: Floats) -> Tensor:
    """Return images (N, 28, 28) as the network's input (N, 1, 28, 28), on its device."""
    return torch.from_numpy(images).unsqueeze(1).to(next(network.parameters()).device)


class _Recorder(TorchFunctionMode):
    """A recorder of the PyTorch operations in this thread, as steps."""

    def __init__(self, network: nn.Module, pixels: Tensor) -> None:
        super().__init__()
        self.owners = {
            id(tensor): (path, layer)
            for path, layer in network.named_modules()
            for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
        }
        self.current = pixels
        self.steps = [Step("digit", "image", _first(pixels))]

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            name = function.__name__.strip("_")
            if not args or args[0] is not self.current:
                raise ValueError(f"not a plain chain of layers: {name} does not take the output of the layer before it")
            self._note(name, args, kwargs or {}, output)
            self.current = output
        return output

    def _note(self, function: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        path, layer = next((self.owners[id(argument)] for argument in args if id(argument) in self.owners), ("", None))
        kind = "normalize" if isinstance(layer, Normalize) else KINDS.get(function)
        if kind is None:
            if function in UNCHANGED:
                return
            raise ValueError(f"this layer cannot be shown: {function}")
        values = _first(output)
        if kind in ("relu", "normalize"):
            values = values.reshape(self.steps[-1].shape)  # undo a flatten, which moves no value
        if kind == "normalize" == self.steps[-1].kind:
            self.steps.pop()  # Normalize is two operations: the second one's output replaces the first one's
        window = WINDOWS[kind](*args, **kwargs) if kind in WINDOWS else None
        self.steps.append(Step(_name(kind, path, window), kind, values, layer, window))


def _first(batch: Tensor) -> Floats:
    """Return a copy of the first sample, which later in-place operations do not change."""
    return batch[0].cpu().numpy().copy()


def _name(kind: Kind, path: str, window: Window | None) -> str:
    if path:
        return f"{kind} {path}" if path.split(".")[-1].isdigit() else path
    if kind == "max-pool" and window is not None:
        height, width = window.size
        return f"max-pool {height}" if height == width else f"max-pool {height} x {width}"
    return "ReLU" if kind == "relu" else kind


def _pair(value: Any) -> Pair:
    height, width = (value, value) if isinstance(value, int) else tuple(value)
    return height, width


def _conv_window(
    before: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Window:
    if groups != 1 or _pair(dilation) != (1, 1):
        raise ValueError("this layer cannot be shown: a convolution with groups or dilation")
    size = _pair(weight.shape[2:])
    if isinstance(padding, str):
        padding = [(length - 1) // 2 if padding == "same" else 0 for length in size]
    return Window(size, _pair(stride), _pair(padding))


def _pool_window(
    before: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, **rest: bool
) -> Window:
    if _pair(dilation) != (1, 1):
        raise ValueError("this layer cannot be shown: a pool with dilation")
    return Window(_pair(kernel_size), _pair(stride or kernel_size), _pair(padding))


WINDOWS: dict[Kind, Callable[..., Window]] = {"conv": _conv_window, "max-pool": _pool_window}


class Normalized(NamedTuple):
    """(pixel - mean) / standard deviation."""

    pixel: float
    mean: float
    standard_deviation: float


class Convolved(NamedTuple):
    """A cell of a convolution: the sum of `sums` and the bias."""

    patch: Floats  # (C, height, width): the part of each map that the cell sees, zeros beyond its edge
    kernel: Floats  # (C, height, width)
    sums: Floats  # (C,), of patch x kernel in each map
    bias: float


class Rectified(NamedTuple):
    """max(0, before)."""

    before: float


class Pooled(NamedTuple):
    """The largest of the candidates."""

    candidates: Floats  # (height, width)
    winner: Pair  # row and column of the largest in the map of the step before


class Term(NamedTuple):
    """One input of a unit: activation x weight = product."""

    cell: Cell  # in the step before
    number: int  # the index of its weight in the unit
    activation: float
    weight: float
    product: float


class Weighted(NamedTuple):
    """A unit: the sum of the terms' products, `others` and the bias."""

    terms: list[Term]  # those with the ten products farthest from 0, farthest first
    others: float  # the sum of all other products
    bias: float


class LogSoftmaxed(NamedTuple):
    """before - log_sum."""

    before: float
    log_sum: float  # the logarithm of the sum of exp(unit) over all units of the step before


class Work(NamedTuple):
    """How one value of a step is computed."""

    value: float
    seen: Region  # the region of the step before that it is computed from; () for the image
    pixels: Box  # the part of the 28 x 28 image that can influence it
    arithmetic: Normalized | Convolved | Rectified | Pooled | Weighted | LogSoftmaxed | None  # None for the image


def work(steps: Sequence[Step], index: int, cell: Sequence[int]) -> Work:
    """Return the arithmetic behind the value at `cell`, (channel, row, column) or (unit,), of step `index` of a trace.

    Its numbers give the value, up to float32 rounding. Raises ValueError for an unknown cell.
    """
    cell = tuple(int(at) for at in cell)
    if not 0 <= index < len(steps) or not _within(cell, steps[index].shape):
        raise ValueError(f"there is no cell {cell} in step {index}")
    value = float(steps[index].values[cell])
    regions: list[Region] = [tuple((at, at + 1) for at in cell)]
    for step, before in itertools.pairwise(reversed(steps[: index + 1])):
        regions.append(_seen(step, before.shape, regions[-1]))
    (_, (top, bottom), (left, right)) = regions[-1]
    pixels = Box(top, left, bottom, right)
    if index == 0:
        return Work(value, (), pixels, None)
    return Work(value, regions[1], pixels, ARITHMETIC[steps[index].kind](steps[index], steps[index - 1], cell))


def _within(cell: Cell, shape: tuple[int, ...]) -> bool:
    return len(cell) == len(shape) and all(0 <= at < length for at, length in zip(cell, shape, strict=True))


def _seen(step: Step, before: tuple[int, ...], region: Region) -> Region:
    """Return the region of a step, of shape `before`, that goes into a region of the step after it."""
    if step.window is not None:
        channels = (0, before[0]) if step.kind == "conv" else region[0]
        spans = zip(region[1:], before[1:], *step.window, strict=True)
        return channels, *(
            (max(start * stride - padding, 0), min((stop - 1) * stride - padding + size, length))
            for (start, stop), length, size, stride, padding in spans
        )
    return tuple((0, length) for length in before) if step.kind in ("linear", "log-softmax") else region


def _normalized(step: Step, before: Step, cell: Cell) -> Normalized:
    assert isinstance(step.layer, Normalize)
    return Normalized(float(before.values[cell]), float(step.layer.mean), float(step.layer.standard_deviation))


def _convolved(step: Step, before: Step, cell: Cell) -> Convolved:
    assert step.window is not None
    (height, width), (down, across), (rows, columns) = step.window
    padded = np.pad(before.values, ((0, 0), (rows, rows + 1), (columns, columns + 1)))  # + 1: "same" of even sizes
    top, left = cell[1] * down, cell[2] * across
    patch, kernel = padded[:, top : top + height, left : left + width], step.weight[cell[0]]
    return Convolved(patch, kernel, (patch * kernel).sum(axis=(1, 2)), float(step.bias[cell[0]]))


def _rectified(step: Step, before: Step, cell: Cell) -> Rectified:
    return Rectified(float(before.values[cell]))


def _pooled(step: Step, before: Step, cell: Cell) -> Pooled:
    region = _seen(step, before.shape, tuple((at, at + 1) for at in cell))
    (_, (top, bottom), (left, right)) = region
    candidates = before.values[cell[0], top:bottom, left:right]
    row, column = np.unravel_index(candidates.argmax(), candidates.shape)
    return Pooled(candidates, (top + int(row), left + int(column)))


def _weighted(step: Step, before: Step, cell: Cell) -> Weighted:
    activations, weights = before.values.ravel(), step.weight[cell[0]]
    products = activations * weights
    order = np.abs(products).argsort()[::-1]
    terms = [
        Term(
            tuple(int(at) for at in np.unravel_index(index, before.shape)),
            int(index),
            float(activations[index]),
            float(weights[index]),
            float(products[index]),
        )
        for index in order[:SHOWN_TERMS]
    ]
    return Weighted(terms, float(products[order[SHOWN_TERMS:]].sum()), float(step.bias[cell[0]]))


def _log_softmaxed(step: Step, before: Step, cell: Cell) -> LogSoftmaxed:
    return LogSoftmaxed(float(before.values[cell]), float(np.logaddexp.reduce(before.values)))


ARITHMETIC: dict[Kind, Callable[[Step, Step, Cell], Any]] = {
    "normalize": _normalized,
    "conv": _convolved,
    "relu": _rectified,
    "max-pool": _pooled,
    "linear": _weighted,
    "log-softmax": _log_softmaxed,
}


class Place(NamedTuple):
    """The place where hiding a patch of the digit moves the log-odds most."""

    row: int  # of the patch's middle, pixels
    column: int
    vertical: Literal["top", "middle", "bottom"]  # the third of the ink's box that it is in
    horizontal: Literal["left", "middle", "right"]
    move: float  # nats: how far the log-odds fall, negative if they rise


class Occlusion(NamedTuple):
    """The parts of a digit that are evidence for the answer, and for its rival."""

    log_odds: float  # of the answer over the rival, nats, with nothing hidden
    moves: Floats  # (29 - side, 29 - side) nats: how far log_odds falls if the patch with this top left pixel is hidden
    speaks_for: Place | None  # where log_odds falls most; None if it never falls
    speaks_against: Place | None  # where log_odds rises most; None if it never rises


@torch.inference_mode()
def occlusion(model: nn.Module, image: Floats, answer: int, rival: int) -> Occlusion:
    """Return how far the log-odds of `answer` over `rival` move when a patch of the image is hidden, for each position.

    This is figure 7 of Zeiler & Fergus 2014 (arXiv:1311.2901) for two answers at once: a patch of 5 x 5 pixels of paper
    covers part of the image (28, 28) in [0, 1]. A positive move means that the covered part is evidence for the answer.
    The network runs in a single pass per position, since four half-pixel shifts would take four times as long. The
    log-odds are those of the last step of `trace`, before the temperature of `Classifier`.

    Raises ValueError if the image has another shape, or a digit is out of range.
    """
    network, image = bare(model), _checked(image)
    if not {answer, rival} <= set(range(10)):
        raise ValueError(f"invalid digits: {answer}, {rival}")
    patches = _patches()
    touched = (patches & (image > 0)).any(axis=(1, 2))  # other patches hide no ink
    images = np.concatenate([image[np.newaxis], np.where(patches[touched], np.float32(0), image)])
    log_probabilities = network(_pixels(network, images)).cpu().numpy()
    log_odds = log_probabilities[:, answer] - log_probabilities[:, rival]
    moves = np.zeros((PLACES, PLACES), np.float32)
    moves[touched.reshape(moves.shape)] = log_odds[0] - log_odds[1:]
    return Occlusion(float(log_odds[0]), moves, _place(moves, image, 1), _place(moves, image, -1))


@functools.cache
def _patches() -> NDArray[np.bool_]:
    """Return the pixels of the patch at each position, row by row: (positions, 28, 28)."""
    lines = np.arange(SIDE)
    starts = np.arange(PLACES)[:, np.newaxis]
    covered = (lines >= starts) & (lines < starts + PATCH)  # (24, 28)
    return (covered[:, np.newaxis, :, np.newaxis] & covered[np.newaxis, :, np.newaxis, :]).reshape(-1, SIDE, SIDE)


def _place(moves: Floats, image: Floats, sign: int) -> Place | None:
    if (sign * moves).max() <= 0:
        return None
    top, left = (int(at) for at in np.unravel_index((sign * moves).argmax(), moves.shape))
    middle = (SIDE - len(moves)) // 2
    vertical = _third(np.flatnonzero(image.any(axis=1)), top + middle)
    horizontal = _third(np.flatnonzero(image.any(axis=0)), left + middle)
    return Place(
        top + middle,
        left + middle,
        ("top", "middle", "bottom")[vertical],
        ("left", "middle", "right")[horizontal],
        float(moves[top, left]),
    )


def _third(inked: NDArray[np.intp], at: int) -> int:
    """Return 0, 1 or 2: the third that `at` is in, of the lines from the first to the last with ink."""
    first, last = int(inked[0]), int(inked[-1])
    return min(max(3 * (at - first) // (last + 1 - first), 0), 2)


def packed(steps: Sequence[Step]) -> dict[str, Any]:
    """Return a trace as compact JSON: {"steps": [...]}, each with "name", "kind", "shape", "parameters" and its values.

    A step with a window has "window": [size, stride, padding], each [vertical, horizontal]. The values are in the order
    of the shape, the last axis fastest, and are given in one of these ways:

    - "numbers": the values rounded to four decimals, if there are at most 64;
    - "bytes": base64 of one byte per value, with "low" and "unit": value = low + byte * unit. The error is at most
      unit / 2, which is 1/510 of the range of the step's values;
    - neither, if the browser can compute them from the step before. "relu" is max(0, value); "max-pool" is the largest
      value of each window, without padding. Both keep the error. "normalize" is (value - "mean") /
      "standard_deviation", and divides the error by the standard deviation.
    """
    return {"steps": [_packed(step) for step in steps]}


def packed_kernels(steps: Sequence[Step]) -> list[dict[str, Any] | None]:
    """Return the kernels of each conv step, and None for any other: {"shape", "bytes", "low", "unit", "bias"}.

    The shape is [out, in, height, width], the bytes are as in `packed`, and the bias is a list of numbers. The kernels
    are the same for all digits.
    """
    return [
        {"shape": step.weight.shape, **_as_bytes(step.weight), "bias": _as_numbers(step.bias)}
        if step.kind == "conv"
        else None
        for step in steps
    ]


def described(step: Step) -> dict[str, Any]:
    """Return a step's name, kind, shape, number of parameters, window, and constants of a normalisation."""
    content = {"name": step.name, "kind": step.kind, "shape": step.shape, "parameters": step.parameters}
    if step.window is not None:
        content["window"] = step.window
    if isinstance(step.layer, Normalize):
        content |= {"mean": float(step.layer.mean), "standard_deviation": float(step.layer.standard_deviation)}
    return content


def _packed(step: Step) -> dict[str, Any]:
    content = described(step)
    if step.kind in ("normalize", "relu", "max-pool"):
        return content
    if step.values.size <= FEW:
        return content | {"numbers": _as_numbers(step.values)}
    return content | _as_bytes(step.values)


def _as_numbers(values: Floats) -> list[float]:
    return [round(value, 4) for value in values.ravel().tolist()]


def _as_bytes(values: Floats) -> dict[str, Any]:
    low = float(values.min())
    unit = (float(values.max()) - low) / 255 or 1.0
    levels = np.rint((values - low) / unit).astype(np.uint8)
    return {"bytes": base64.b64encode(levels.tobytes()).decode(), "low": low, "unit": unit}
