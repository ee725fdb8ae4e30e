"""Write a network as one ONNX file, for programs without PyTorch: `python -m mnist_demo.export --output FILE`.

The file does everything that `Classifier` does: the four half-pixel shifts, the temperature and the threshold. If its
input is the canvas, it does `preprocess.to_mnist` too. N, the number of inputs in a batch, can be any number.

`--input digits`: `digits` (N, 28, 28) float32 in [0, 1], as in MNIST, 1 = ink.
`--input canvas`: `ink` (N, 280, 280) uint8, 0 = paper and 255 = ink.

The outputs are `answer` (N,) int64, the digit, or -1 if it is not recognised as one; `probabilities` (N, 10) float32,
in both cases; and `certainty` (N,) float32 in [0, 1]. The canvas has another output, `digit` (N, 28, 28) float32 in
[0, 1], the network's input. For a blank canvas or a speck, the answer is -1 and everything else is 0.
"""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import importlib
import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mnist_demo.commandline import WRONG, complain
from mnist_demo.files import check_can_write, write_whole
from mnist_demo.ink.preprocess import BOX, CENTRE, FAINTEST, SIDE, SMALLEST_BOX, SPECK
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS, certainty

CANVAS = 280  # pixels, the side of the canvas that the graph takes: the page's
OPSET = 18  # the oldest version of ONNX's operators that torch's exporter writes
PACKAGES = "onnx onnxscript"  # needed by torch's exporter
WHAT, _, HOW = (__doc__ or "").rstrip().partition("\n\n")


class ReadsDigits(nn.Module):
    """`Classifier.read_images` in tensors: digits (N, 28, 28) to answer, probabilities, certainty."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.model = classifier.model
        self.temperature, self.threshold = classifier.card.temperature, classifier.card.threshold

    def forward(self, digits: Tensor) -> tuple[Tensor, ...]:
        log_probabilities = self.model(digits.unsqueeze(1))  # (N, 10)
        probabilities = (log_probabilities / self.temperature).softmax(1)
        certain = certainty(log_probabilities)  # (N,)
        return torch.where(certain >= self.threshold, probabilities.argmax(1), -1), probabilities, certain


class ReadsCanvas(nn.Module):
    """`Classifier.read` in tensors: ink (N, 280, 280) to answer, probabilities, certainty and the digit."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.reads_digits = ReadsDigits(classifier)

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        digit, is_drawn = to_mnist(ink.float())
        answer, probabilities, certain = self.reads_digits(digit)
        return torch.where(is_drawn, answer, -1), probabilities * is_drawn[:, None], certain * is_drawn, digit


class Graph(NamedTuple):
    """The computation of a file, and the names of its inputs and outputs."""

    reads: type[ReadsDigits | ReadsCanvas]
    takes: str
    gives: tuple[str, ...]
    example: Tensor  # a batch of two; batches of any size have this shape and type otherwise


GIVEN = ("answer", "probabilities", "certainty")
INPUTS = {
    "digits": Graph(ReadsDigits, "digits", GIVEN, torch.zeros(2, SIDE, SIDE)),
    "canvas": Graph(ReadsCanvas, "ink", (*GIVEN, "digit"), torch.zeros(2, CANVAS, CANVAS, dtype=torch.uint8)),
}


def to_mnist(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Return digits (N, 28, 28) float32 for ink (N, 280, 280) float32, 0 to 255: `preprocess.to_mnist` for a batch.

    Returns also which of them (N,) bool are drawn; the others are zeros. The ink is multiplied from both sides: first
    by matrices that average its box to 20 x 20, then by matrices that move its centre of mass to the middle.
    """
    columns, rows = ink.amax(1), ink.amax(2)  # (N, 280)
    faintest = FAINTEST * rows.amax(1, keepdim=True)
    (top, bottom), (left, right) = _extent(rows > faintest), _extent(columns > faintest)
    side = torch.maximum(bottom - top, right - left)  # (N,)
    is_drawn, side = side >= SPECK * CANVAS, side.clamp(min=SMALLEST_BOX)
    averaged = _averaging(top, bottom, side) @ ink @ _averaging(left, right, side).mT  # (N, 20, 20)
    scaled = averaged / averaged.amax((1, 2), keepdim=True).clamp(min=1e-6)  # zeros if nothing is drawn
    digits = _moving(scaled.sum(2)) @ scaled @ _moving(scaled.sum(1)).mT  # (N, 28, 28)
    return digits * is_drawn[:, None, None], is_drawn


def _extent(inked: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first index of `inked` (N, L) bool and the one after the last, (N,) float32; L and 0 if none."""
    length = inked.shape[1]
    places = torch.arange(length, dtype=torch.float32)
    return torch.where(inked, places, length).amin(1), torch.where(inked, places + 1, 0.0).amax(1)


def _averaging(first: Tensor, end: Tensor, side: Tensor) -> Tensor:
    """Return the weights (N, 20, 280) that average the pixels `first` to `end`, centred in `side`, to 20 that span it.

    Lengths are in twentieths of a pixel: whole numbers, which float32 holds exactly.
    """
    pixels = torch.arange(CANVAS, dtype=torch.float32)
    start = first - ((side - (end - first)) / 2).floor()
    edges = (BOX * start[:, None] + side[:, None] * torch.arange(BOX + 1, dtype=torch.float32))[..., None]
    overlap = torch.minimum(edges[:, 1:], BOX * (pixels + 1)) - torch.maximum(edges[:, :-1], BOX * pixels)
    is_inside = (pixels >= first[:, None]) & (pixels < end[:, None])  # (N, 280)
    return overlap.clamp(min=0) * is_inside[:, None] / side[:, None, None]


def _moving(profile: Tensor) -> Tensor:
    """Return the matrix (N, 28, 20) that moves 20 rows or columns to 28; `profile` (N, 20) is the ink in each."""
    places = torch.arange(BOX, dtype=torch.float32)
    first, end = _extent(profile > 0)
    centre = (profile * places).sum(1) / profile.sum(1).clamp(min=1e-6)
    shift = (CENTRE - (1000 * centre).round() / 1000).round()
    offset = torch.minimum((first + shift).clamp(min=0), SIDE - (end - first)) - first
    is_there = torch.arange(SIDE, dtype=torch.float32)[:, None] == places + offset[:, None, None]
    return is_there.float()


def to_onnx(classifier: Classifier, takes: str = "digits") -> bytes:
    """Return the content of an ONNX file: the classifier for that input, a key of INPUTS; see the module's docstring.

    The file's properties are those of the weights file: model, recipe, seed, accuracy, temperature and threshold.
    Raises ValueError, in one line, if the packages that torch's exporter needs are missing or too old.
    """
    check_packages()
    try:
        program = exported(INPUTS[takes], classifier)
    except ImportError as error:
        raise ValueError(
            f"torch {torch.__version__} needs newer packages ({error}): pip install -U {PACKAGES}"
        ) from None
    return bytes(introduced(program.model_proto, classifier).SerializeToString(deterministic=True))


def exported(graph: Graph, classifier: Classifier) -> Any:
    """Return the `torch.onnx.ONNXProgram` of the graph, for a batch of any size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of deprecated parts of torch itself
        return torch.onnx.export(
            graph.reads(classifier).eval(),
            (graph.example,),
            input_names=[graph.takes],
            output_names=list(graph.gives),
            dynamic_shapes=({0: torch.export.Dim("N")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )


def introduced(model: Any, classifier: Classifier) -> Any:
    """Return the `onnx.ModelProto` with a description, and without the source lines it was made from."""
    graph = model.graph
    graph.ClearField("value_info")  # shapes of intermediate results, which readers of the file infer
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.producer_name, model.doc_string, graph.name = "mnist_demo.export", HOW, classifier.card.model
    model.ClearField("producer_version")  # it would be the version of torch
    for name, value in properties(classifier).items():
        model.metadata_props.add(key=name, value=value)
    return model


def properties(classifier: Classifier) -> dict[str, str]:
    """Return the file's metadata."""
    card = classifier.card
    return {
        "model": card.model,
        "recipe": json.dumps(card.recipe),
        "seed": str(card.seed),
        "test_accuracy": str(card.test_accuracy),
        "temperature": str(card.temperature),
        "threshold": str(card.threshold),
        "trained": card.date,
        "produced_by": f"mnist_demo.export, torch {torch.__version__}",
    }


def check_packages() -> None:
    """Raise ValueError, in one line, if a package is missing that exporting needs."""
    for name in PACKAGES.split():
        try:
            importlib.import_module(name)
        except ImportError:
            raise ValueError(f"exporting needs {name}: pip install {PACKAGES}") from None


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = commandline.new_parser(
        commandline.command("export"),
        description=f"{WHAT.partition(':')[0]}.",
        epilog=HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = p.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network (default: convnet)")
    source.add_argument("--weights", type=Path, metavar="FILE", help="a weights file to export instead")
    p.add_argument("--format", choices=["onnx"], default="onnx", help="file format (default: onnx, the only one)")
    p.add_argument("--input", choices=INPUTS, default="digits", help="the graph's input (default: digits)")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Export a network. Return the exit code: 0, or 2 if weights or packages are missing or nothing can be written."""
    options = parser().parse_args(arguments)
    try:
        check_packages()
        check_can_write(options.output)
        classifier = Classifier.load(options.weights or options.model)
        content = to_onnx(classifier, options.input)
        write_whole(options.output, content)
    except (ValueError, OSError) as error:
        complain(error)
        return WRONG
    takes, gives = INPUTS[options.input].takes, ", ".join(INPUTS[options.input].gives)
    print(f"wrote {options.output}: a {classifier.card.model}, {takes} in, {gives} out; {len(content) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    commandline.run(main)
