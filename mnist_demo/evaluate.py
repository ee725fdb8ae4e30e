"""Measure a network's accuracy: `python -m mnist_demo.evaluate [--model NAME | --weights FILE]`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mnist_demo.commandline import WRONG, complain
from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.metrics import Evaluation, Figures, evaluation, log_probabilities
from mnist_demo.model.networks import MODELS, HalfPixelShifts
from mnist_demo.model.weights import (
    Card,
    default_path,
    load_named,
    load_weights,
    make_folder,
    path_at_hand,
    save_weights,
)

BATCH = 100  # images per step of the progress bar; larger batches take up to twice the time
SAVED_BY_TORCH = (b"PK\3\4", b"\x80\2\x8a")  # first bytes of torch.save files, today and before torch 1.6


class Judged(NamedTuple):
    """A network to evaluate, with its file and card."""

    name: str  # a key of MODELS
    path: Path
    model: nn.Module
    card: Card | None  # None for a plain state dict

    @property
    def temperature(self) -> float:
        return self.card.temperature if self.card else 1.0

    @property
    def threshold(self) -> float:
        return self.card.threshold if self.card else 0.0


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = commandline.new_parser(commandline.command("evaluate"), description="Measure a network's accuracy.")
    source = p.add_mutually_exclusive_group()
    source.add_argument("--model", choices=MODELS, default="convnet", help="the network (default: convnet)")
    source.add_argument(
        "--weights", type=Path, metavar="FILE", help="a weights file instead, or a state dict written by torch.save"
    )
    p.add_argument(
        "--split", choices=("test", "train", "validation"), default="test",
        help="the 10,000 test digits (default), all 60,000 training digits, or those that training held out",
    )  # fmt: skip
    p.add_argument("--json", action="store_true", help="print the metrics as JSON")
    p.add_argument("--write", action="store_true", help="save the metrics in the weights file, for the page to show")
    return p


def load(options: argparse.Namespace) -> Judged:
    """Return the network that the command line names. Raises ValueError, in one line, if its file is invalid."""
    path: Path = options.weights or path_at_hand(options.model)
    if options.weights and _was_saved_by_torch(path):
        return load_state_dict(path)
    model, card = load_weights(path) if options.weights else load_named(options.model)
    return Judged(card.model, path, model, card)


def load_state_dict(path: Path) -> Judged:
    """Return the network whose state dict `torch.save` wrote to that file.

    It is read with `weights_only=True`, so that no code in the file runs. Raises ValueError, in one line that names the
    file, if it is damaged or not a state dict of one of MODELS.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # for a damaged file, torch raises errors of many types
        raise ValueError(f"{path} is damaged, or holds more than weights: save model.state_dict()") from None
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} is not a state dict: save model.state_dict()")
    shapes = {name: value.shape for name, value in content.items()}
    for name, build in MODELS.items():
        model = build()
        if shapes == {key: value.shape for key, value in model.state_dict().items()}:
            model.load_state_dict(content)
            if not all(bool(value.isfinite().all()) for value in model.state_dict().values()):
                raise ValueError(f"{path} holds weights that are not finite numbers")
            return Judged(name, path, model.eval(), None)
    raise ValueError(f"{path} is not the state dict of a {' or '.join(MODELS)}")


def _was_saved_by_torch(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(SAVED_BY_TORCH)
    except OSError:
        return False  # `load_weights` will report the error


def samples_of(split: str, judged: Judged) -> Samples:
    """Return the digits of a split. Raises ValueError if training held none out, and as `load_mnist` does."""
    if split != "validation":
        return load_mnist("test" if split == "test" else "train")
    held_out = judged.card.recipe.get("held_out", 0) if judged.card else 0
    if not held_out:
        raise ValueError(f"no validation split: {judged.path} names no digits held out of training")
    return load_mnist("train").split(held_out)[1]


def evaluate(judged: Judged, samples: Samples) -> Evaluation:
    """Return the network's metrics on those samples, with a progress bar on a terminal.

    Each thread runs the network on its own batches: two threads then take half the time, which sharing the work of each
    layer between them does not achieve.
    """
    network = judged.model.to(memory_format=torch.channels_last)  # a quarter faster
    reader = HalfPixelShifts(network).eval()
    with (
        tqdm(total=2 * len(samples.labels), unit=" images", unit_scale=True, disable=None) as bar,
        ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        once, shifts = (_asked(model, samples.images, pool, bar) for model in (network, reader))
    return evaluation(once, shifts, samples.labels, judged.temperature, judged.threshold)


def _asked(model: nn.Module, images: Tensor, pool: ThreadPoolExecutor, bar: tqdm) -> Tensor:
    parts = []
    for part in pool.map(functools.partial(log_probabilities, model), images.split(BATCH)):
        parts.append(part)
        bar.update(len(part))
    return torch.cat(parts)


def metrics_json(judged: Judged, split: str, found: Evaluation) -> dict[str, Any]:
    """Return the result as one JSON object."""
    return {"weights": str(judged.path), "model": judged.name, "split": split, **found}


def told(judged: Judged, split: str, found: Evaluation) -> str:
    """Return the result as text."""
    shifts = found["shifts"]
    parts = [
        f"{described(judged)}\n{split}: {shifts['count']:,} digits",
        table(["", "single pass", "four shifts"], _summary(found)),
        f"At four half-pixel shifts, with probabilities calibrated by a temperature of {judged.temperature:.3f}:",
        table(["digit", "precision %", "recall %"], _per_digit(shifts)),
        table(["label", *(f"as {digit}" for digit in range(10))], _confusion(shifts)),
        table(["probability %", "digits", "mean %", "right %"], _reliability(shifts)),
    ]
    if shifts["worst"]:
        parts.append(table(["worst mistakes", "label", "answer", "probability %"], _worst(shifts)))
    return "\n\n".join(parts)


def described(judged: Judged) -> str:
    """Return the line that names the network and its file."""
    if judged.card is None:
        return f"{judged.path}: a {judged.name}, a plain state dict"
    card = judged.card
    trained = f"recipe {card.recipe['name']}, seed {card.seed}, {card.date[:10]}, torch {card.torch}"
    return f"{judged.path}: a {judged.name}, {trained}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows of words, the first column aligned left, the others right."""
    lines = [header, *rows]
    first, *others = (max(len(line[column]) for line in lines) for column in range(len(header)))
    return "\n".join(
        "  ".join([line[0].ljust(first), *(word.rjust(width) for word, width in zip(line[1:], others, strict=True))])
        for line in lines
    )


def percent(share: float | None) -> str:
    """Return a share in [0, 1] in per cent with two decimals, or a dash for None."""
    return "-" if share is None else f"{100 * share:.2f}"


def _summary(found: Evaluation) -> list[list[str]]:
    both = (found["once"], found["shifts"])
    return [
        ["accuracy, %", *(percent(one["accuracy"]) for one in both)],
        ["95 % interval (Wilson)", *(" to ".join(map(percent, one["interval"])) for one in both)],
        ["average loss, nats", *(f"{one['loss']:.4f}" for one in both)],
        ["expected calibration error, points", *(percent(one["calibration_error"]) for one in both)],
        [f"rejected (certainty below {both[0]['threshold']:.3f}), %", *(percent(one["refused"]) for one in both)],
    ]


def _per_digit(one: Figures) -> list[list[str]]:
    shares = zip(one["precision"], one["recall"], strict=True)
    return [[str(digit), percent(precise), percent(recalled)] for digit, (precise, recalled) in enumerate(shares)]


def _confusion(one: Figures) -> list[list[str]]:
    return [[str(label), *(str(count or ".") for count in row)] for label, row in enumerate(one["confusion"])]


def _reliability(one: Figures) -> list[list[str]]:
    bins = one["reliability"]
    return [
        [
            f"{100 * at / len(bins):.1f} to {100 * (at + 1) / len(bins):.1f}", f"{each['count']:,}",
            percent(each["confidence"]), percent(each["accuracy"]),
        ]
        for at, each in enumerate(bins) if each["count"]
    ]  # fmt: skip


def _worst(one: Figures) -> list[list[str]]:
    return [[f"digit {m['index']}", str(m["label"]), str(m["answer"]), percent(m["probability"])] for m in one["worst"]]


def card_to_write(judged: Judged, split: str) -> Card:
    """Return the card to save the metrics in. Raises ValueError if there is none or the split is not the test set."""
    if judged.card is None or split != "test":
        raise ValueError("--write needs the test set and a weights file written by training")
    return judged.card


def place_to_write(options: argparse.Namespace) -> Path:
    """Return the file to save metrics in: the one that was measured, but for an installed one the user's copy.

    Raises OSError if the default folder cannot be created.
    """
    if options.weights:
        named: Path = options.weights
        return named
    make_folder()
    return default_path(options.model)


def main(arguments: list[str] | None = None) -> int:
    """Evaluate a network. Return the exit code: 0, or 2 if the weights or digits cannot be loaded."""
    options = parser().parse_args(arguments)
    try:
        judged = load(options)
        card = card_to_write(judged, options.split) if options.write else None
        found = evaluate(judged, samples_of(options.split, judged))
        if card:
            save_weights(place_to_write(options), judged.model, dataclasses.replace(card, evaluation=found))
    except (ValueError, OSError) as error:
        complain(error)
        return WRONG
    said = (
        json.dumps(metrics_json(judged, options.split, found)) if options.json else told(judged, options.split, found)
    )
    print(said)
    return 0


if __name__ == "__main__":
    commandline.run(main)
