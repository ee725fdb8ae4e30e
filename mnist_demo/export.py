"""Writes a network as one ONNX file, for programs without PyTorch: `python -m mnist_demo.export --output FILE`.

The file holds all that lies between its input and what `Classifier` says: the four half-pixel shifts, the temperature
and the threshold; and, where its input is the canvas, `preprocess.to_mnist` too. N, how many are read at once, is free.

`--input digits`: `digits` (N, 28, 28) float32 in [0, 1], as MNIST has them, 1 = ink.
`--input canvas`: `ink` (N, 280, 280) uint8, 0 = paper and 255 = ink.

Both give `answer` (N,) int64, the digit, or -1 where it is none that the network knows; `probabilities` (N, 10)
float32, whether it is known or not; `certainty` (N,) float32 in [0, 1]. The canvas gives besides `digit` (N, 28, 28)
float32 in [0, 1], what the network saw. Where nothing or a speck is drawn, the answer is -1 and all else zeros.

Knows: how drawings are read, once more, in operations that ONNX has. Does not know: what runs the file.
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
OPSET = 18  # of ONNX's operators: the oldest that torch's exporter writes
PACKAGES = "onnx onnxscript"  # that torch's exporter needs
WHAT, _, HOW = (__doc__ or "").rpartition("\n\n")[0].partition("\n\n")


class ReadsDigits(nn.Module):
    """What `Classifier.read_images` says, in tensors: digits (N, 28, 28) to answer, probabilities, certainty."""

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
    """What `Classifier.read` says, in tensors: ink (N, 280, 280) to answer, probabilities, certainty and the digit."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.reads_digits = ReadsDigits(classifier)

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        digit, is_drawn = to_mnist(ink.float())
        answer, probabilities, certain = self.reads_digits(digit)
        return torch.where(is_drawn, answer, -1), probabilities * is_drawn[:, None], certain * is_drawn, digit


class Graph(NamedTuple):
    """What a file computes, and what its ends are called."""

    reads: type[ReadsDigits | ReadsCanvas]
    takes: str
    gives: tuple[str, ...]
    example: Tensor  # two inputs; any other number of them has that shape and type too


GIVEN = ("answer", "probabilities", "certainty")
INPUTS = {
    "digits": Graph(ReadsDigits, "digits", GIVEN, torch.zeros(2, SIDE, SIDE)),
    "canvas": Graph(ReadsCanvas, "ink", (*GIVEN, "digit"), torch.zeros(2, CANVAS, CANVAS, dtype=torch.uint8)),
}


def to_mnist(ink: Tensor) -> tuple[Tensor, Tensor]:
    """`preprocess.to_mnist` of many canvases: ink (N, 280, 280) float32, 0 to 255, to digits (N, 28, 28) float32.

    With them whether there is one (N,) bool; where not, it is zeros. The ink is multiplied from both sides: by
    matrices that average its box to 20 x 20, then by those that move that to where its centre of mass belongs.
    """
    columns, rows = ink.amax(1), ink.amax(2)  # (N, 280)
    faintest = FAINTEST * rows.amax(1, keepdim=True)
    (top, bottom), (left, right) = _extent(rows > faintest), _extent(columns > faintest)
    side = torch.maximum(bottom - top, right - left)  # (N,)
    is_drawn, side = side >= SPECK * CANVAS, side.clamp(min=SMALLEST_BOX)
    averaged = _averaging(top, bottom, side) @ ink @ _averaging(left, right, side).mT  # (N, 20, 20)
    scaled = averaged / averaged.amax((1, 2), keepdim=True).clamp(min=1e-6)  # nothing, where nothing is drawn
    digits = _moving(scaled.sum(2)) @ scaled @ _moving(scaled.sum(1)).mT  # (N, 28, 28)
    return digits * is_drawn[:, None, None], is_drawn


def _extent(inked: Tensor) -> tuple[Tensor, Tensor]:
    """From inked (N, L) bool the first place and the one after the last (N,) float32; L and 0 where there is none."""
    length = inked.shape[1]
    places = torch.arange(length, dtype=torch.float32)
    return torch.where(inked, places, length).amin(1), torch.where(inked, places + 1, 0.0).amax(1)


def _averaging(first: Tensor, end: Tensor, side: Tensor) -> Tensor:
    """(N, 20, 280): what the pixels from `first` to `end`, in the middle of `side`, give to each of 20 that span it.

    Lengths are in twentieths of a pixel: whole numbers, which float32 holds exactly.
    """
    pixels = torch.arange(CANVAS, dtype=torch.float32)
    start = first - ((side - (end - first)) / 2).floor()
    edges = (BOX * start[:, None] + side[:, None] * torch.arange(BOX + 1, dtype=torch.float32))[..., None]
    overlap = torch.minimum(edges[:, 1:], BOX * (pixels + 1)) - torch.maximum(edges[:, :-1], BOX * pixels)
    is_inside = (pixels >= first[:, None]) & (pixels < end[:, None])  # (N, 280)
    return overlap.clamp(min=0) * is_inside[:, None] / side[:, None, None]


def _moving(profile: Tensor) -> Tensor:
    """(N, 28, 20): which of 20 rows or columns, with that much ink each (N, 20), comes to be which of 28."""
    places = torch.arange(BOX, dtype=torch.float32)
    first, end = _extent(profile > 0)
    centre = (profile * places).sum(1) / profile.sum(1).clamp(min=1e-6)
    shift = (CENTRE - (1000 * centre).round() / 1000).round()
    offset = torch.minimum((first + shift).clamp(min=0), SIDE - (end - first)) - first
    is_there = torch.arange(SIDE, dtype=torch.float32)[:, None] == places + offset[:, None, None]
    return is_there.float()


def to_onnx(classifier: Classifier, takes: str = "digits") -> bytes:
    """An ONNX file's content: the classifier as a graph from that input, a key of INPUTS; see the module's docstring.

    The file's properties say what the weights file does, model, recipe, seed, accuracy, temperature and threshold.
    Raises ValueError, in one line, where the packages that torch's exporter needs are missing or too old.
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
    """The `torch.onnx.ONNXProgram` of the graph, which takes any number of inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of what is old in torch itself
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
    """The `onnx.ModelProto`, which says what it is, and no more from which lines of whose files it was made."""
    graph = model.graph
    graph.ClearField("value_info")  # shapes of what lies between, which whatever reads the file infers
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.producer_name, model.doc_string, graph.name = "mnist_demo.export", HOW, classifier.card.model
    model.ClearField("producer_version")  # it would be torch's
    for name, value in properties(classifier).items():
        model.metadata_props.add(key=name, value=value)
    return model


def properties(classifier: Classifier) -> dict[str, str]:
    """What the file says of itself."""
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
    """Raises ValueError, in one line, where a package is missing that exporting needs."""
    for name in PACKAGES.split():
        try:
            importlib.import_module(name)
        except ImportError:
            raise ValueError(f"exporting needs {name}: pip install {PACKAGES}") from None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = commandline.new_parser(
        commandline.command("export"),
        description=f"{WHAT.partition(':')[0]}.",
        epilog=HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = p.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network (default: convnet)")
    source.add_argument("--weights", type=Path, metavar="FILE", help="a weights file to export instead")
    p.add_argument("--format", choices=["onnx"], default="onnx", help="of the file (default: onnx, and no other yet)")
    p.add_argument("--input", choices=INPUTS, default="digits", help="what the graph takes (default: digits)")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to write it, as one file")
    return p


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0, or 2 where weights, packages or a place to write are missing."""
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
