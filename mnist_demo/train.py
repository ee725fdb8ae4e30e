"""Train a network: `python -m mnist_demo.train`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from mnist_demo.commandline import STOPPED, WRONG, complain, message_of
from mnist_demo.data.stroke_file import read_written
from mnist_demo.files import check_can_write
from mnist_demo.model.device import DEVICES, choose_device
from mnist_demo.model.networks import MODELS
from mnist_demo.model.recipes import COMMON, RECIPES, TEACH, Recipe
from mnist_demo.model.weights import SHIPPED, Card, default_path, load_weights, make_folder, path_at_hand
from mnist_demo.training.checkpoint import CHECKPOINT, files_of, load_checkpoint
from mnist_demo.training.progress import awaited, check_own, followed
from mnist_demo.training.trainer import Job, precision, starting_weights, train


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser: the tutorial's flags and more. A flag left out is None; the recipe's value
    applies.
    """
    p = commandline.new_parser(commandline.command("train"), description="Train a network on MNIST.")
    p.add_argument("--model", choices=MODELS, help="the network (default: convnet)")
    p.add_argument("--recipe", choices=COMMON, help="the training recipe (default: best)")
    own = p.add_argument_group("override the recipe's values")
    own.add_argument("--batch-size", type=int, metavar="N", help="images per step")
    own.add_argument("--test-batch-size", type=int, metavar="N", help="images per step when testing")
    own.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    own.add_argument("--lr", type=float, metavar="LR", help="learning rate")
    own.add_argument("--momentum", type=float, metavar="M", help="momentum of SGD")
    p.add_argument("--seed", type=int, metavar="S", help="random seed (default: 1)")
    p.add_argument("--log-interval", type=int, default=10, metavar="N", help="steps between updates of the loss")
    p.add_argument("--device", choices=DEVICES, default="auto", help="device to train on (default: the fastest)")
    p.add_argument("--no-cuda", action="store_true", help="train on the CPU even if there is a GPU")
    p.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with MNIST's files; missing ones are put there")
    p.add_argument(
        "--output", type=Path, metavar="FILE",
        help="weights file to write (default: MODEL.safetensors in the repository's weights/, or, if the package is "
        "installed, in your user data folder)",
    )  # fmt: skip
    p.add_argument(
        "--extra", type=Path, metavar="FILE",
        help="stroke file of handwritten digits to learn too; recipe teach needs it. JSON lines: "
        '{"label": 4, "strokes": [[[x, y], ...], ...]}, y down, at any scale',
    )  # fmt: skip
    p.add_argument(
        "--from", type=Path, dest="start", metavar="FILE",
        help="weights to continue from (default: random ones; recipe teach: those of weights/MODEL.safetensors)",
    )  # fmt: skip
    p.add_argument(
        "--resume", type=Path, nargs="?", const=True, metavar="FILE",
        help="continue from a checkpoint (default: OUTPUT.checkpoint); without --output, write the weights beside FILE",
    )  # fmt: skip
    page = p.add_argument_group("used by the page")
    page.add_argument(
        "--follow", type=Path, metavar="FOLDER",
        help="write the progress into this folder, which is removed at the end; stop when standard input ends",
    )  # fmt: skip
    page.add_argument(
        "--ready", action="store_true",
        help="load everything, then read the other arguments from standard input: one line with a JSON list",
    )  # fmt: skip
    return p


RECIPE_FLAGS = ("batch_size", "test_batch_size", "epochs", "lr", "momentum")


def job_from(options: argparse.Namespace) -> tuple[Job, dict[str, Any] | None]:
    """Return the job that a command line asks for, and the content of the checkpoint it resumes from, if any.

    Raises ValueError or OSError, in one line, if an option is invalid or a file cannot be used.
    """
    if options.log_interval < 1:
        raise ValueError(f"--log-interval must be at least 1, not {options.log_interval}")
    if options.no_cuda and options.device not in ("auto", "cpu"):
        raise ValueError(f"--no-cuda and --device {options.device} contradict each other: leave one out")
    if options.resume is not None:
        job, checkpoint = resumed(options)
    else:
        job, checkpoint = begun_job(options), None
    if not 0 <= job.seed < 2**63:
        raise ValueError(f"--seed must be at least 0 and below 2**63, not {job.seed}")
    check_output(job)
    if options.follow is not None:
        check_own(options.follow, job.extra)
    return job, checkpoint


def asked_for(options: argparse.Namespace) -> dict[str, Any]:
    """Return the recipe's values that the command line overrides."""
    return {name: value for name in RECIPE_FLAGS if (value := getattr(options, name)) is not None}


def begun_job(options: argparse.Namespace) -> Job:
    """Return a new job. Raises ValueError or OSError if its recipe or the files it reads are invalid."""
    model, seed = options.model or "convnet", 1 if options.seed is None else options.seed
    recipe = dataclasses.replace(RECIPES[model][options.recipe or "best"], **asked_for(options))
    output, start = options.output or default_path(model), options.start
    if recipe.name == TEACH:
        if options.extra is None:
            raise ValueError("recipe teach learns from your own digits: name their file with --extra FILE")
        if options.output is None:
            raise ValueError("recipe teach makes your own network: name its file with --output FILE")
        start = start or path_at_hand(model)
    device = choose_device("cpu" if options.no_cuda else options.device)
    job = Job(model, recipe, output, device, seed, options.data_dir, options.log_interval, options.extra, start)
    check_input(job)
    return job


def check_input(job: Job) -> None:
    """Raise ValueError or OSError, in one line, if a file that a job reads is missing or invalid."""
    if job.extra is not None:
        try:
            read_written(job.extra)
        except OSError as error:
            raise OSError(f"--extra {message_of(error)}") from None
    if job.start is not None:
        starting_weights(job.start, job.model)


def resumed(options: argparse.Namespace) -> tuple[Job, dict[str, Any]]:
    """Return a job that resumes, and its checkpoint. Raises ValueError or OSError if it cannot resume as asked."""
    named = None if options.resume is True else options.resume
    output = options.output or (output_of(named) if named else default_path(options.model or "convnet"))
    checkpoint = load_checkpoint(named or Path(f"{output}{CHECKPOINT}"))
    model, recipe = checkpoint["model"], Recipe(**checkpoint["recipe"])
    files = files_of(checkpoint)
    began = {"model": model, "recipe": recipe.name, "seed": checkpoint["seed"]} | files
    check_unchanged(options, began | {name: getattr(recipe, name) for name in RECIPE_FLAGS})
    device = choose_device("cpu" if options.no_cuda else options.device)
    job = Job(model, recipe, output, device, checkpoint["seed"], options.data_dir, options.log_interval, **files)
    return job, checkpoint


def check_unchanged(options: argparse.Namespace, began: dict[str, Any]) -> None:
    """Raise ValueError, in one line, if an option differs from the value that the run began with."""
    for name in ("model", "recipe", "seed", "extra", "start", *RECIPE_FLAGS):
        given, value = getattr(options, name), began.get(name)
        if given is None or (given.resolve() if isinstance(given, Path) else given) == value:
            continue
        flag = "--from" if name == "start" else f"--{name.replace('_', '-')}"
        how = f"without {flag}" if value is None else f"with {flag} {value}"
        raise ValueError(f"--resume continues as the run began, {how}: leave out {flag} {given}")


def output_of(checkpoint: Path) -> Path:
    """Return the weights file that a checkpoint belongs to, by its name; for any other name, one beside it."""
    return checkpoint.with_suffix("" if checkpoint.suffix == CHECKPOINT else ".safetensors")


def check_output(job: Job) -> None:
    """Raise OSError, in one line, if a job's weights or checkpoint cannot be written. Creates the default folder."""
    path = job.output
    if path.suffix == CHECKPOINT:
        raise OSError(f"--output must not end in {CHECKPOINT}, got {path}: name a .safetensors file")
    if path in map(default_path, MODELS):
        make_folder()
    if not path.parent.is_dir():
        raise OSError(f"--output {path}: there is no folder {path.parent}; create it first")
    for what, written in (("--output", path), ("the checkpoint", job.checkpoint)):
        try:
            check_can_write(written)
        except OSError as error:
            raise OSError(f"{what} {error}") from None


def announce(job: Job) -> str:
    """Return the line that names the network, its recipe, and the device."""
    recipe, dtype = job.recipe, str(precision(job.device)).removeprefix("torch.")
    return (
        f"{job.model}, recipe {recipe.name}: {recipe.epochs} epochs, batches of {recipe.batch_size}, "
        f"{recipe.optimizer} at {recipe.lr:g}, seed {job.seed}, on {job.device.type} in {dtype}"
    )


def warning(job: Job) -> str | None:
    """Return a warning that a clone's shipped weights will be replaced, or None if they will not."""
    is_shipped = job.output.resolve() in [default_path(name).resolve() for name in MODELS] and not SHIPPED.is_dir()
    if not is_shipped or not job.output.exists():
        return None
    return f"{job.output} will be replaced at the end; to restore the shipped file: git checkout weights/"


def report(job: Job, card: Card, before: Card | None) -> str:
    """Return the line that says which file was written, and which network it replaced."""
    figures = f"test loss {card.test_loss:.4f}, test accuracy {100 * card.test_accuracy:.2f} %"
    line = f"wrote {job.output}: {figures}, with test-time augmentation (four half-pixel shifts)"
    if before is not None:
        line += f" (replaces a {before.model} of {before.date[:10]} with {100 * before.test_accuracy:.2f} %)"
    return line


def card_at(path: Path) -> Card | None:
    """Return the card of the weights file at `path`, or None if there is no valid one."""
    try:
        return load_weights(path)[1]
    except ValueError:
        return None


def main(arguments: list[str] | None = None) -> int:
    """Train a network. Return the exit code: 2 for an error, 1 for a loss that is not finite, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    job = left = None
    try:
        if options.ready:
            options = parser().parse_args(awaited())
        job, checkpoint = job_from(options)
        before, left = card_at(job.output), version_of(job.checkpoint)
        if left and checkpoint is None:
            print(f"{job.checkpoint} is from an earlier run: the first epoch replaces it; --resume continues it")
        if line := warning(job):
            print(line)
        print(announce(job))
        with followed(options.follow) as observer:
            print(report(job, train(job, checkpoint, observer), before))
    except KeyboardInterrupt:
        print(f"\nstopped{'; ' + how_it_stands(job, options.resume, left) if job else ''}", file=sys.stderr)
        return STOPPED
    except (ValueError, OSError, FloatingPointError) as error:
        way_on = how_to_go_on(job, options.resume, left) if job and isinstance(error, OSError) else None
        complain(OSError(f"{message_of(error)}. {way_on}") if way_on else error)
        return 1 if isinstance(error, FloatingPointError) else WRONG
    return 0


def version_of(file: Path) -> tuple[int, int] | None:
    """Return a value that changes whenever the file is written, or None if there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def how_it_stands(job: Job, resumed: Path | bool | None, left: tuple[int, int] | None) -> str:
    """Return what to print about a stopped run; see `how_to_go_on`."""
    state = "is unchanged" if job.output.exists() else "was not written"
    return f"{job.output} {state}. {how_to_go_on(job, resumed, left) or 'No epoch was finished: start again.'}"


def how_to_go_on(job: Job, resumed: Path | bool | None, left: tuple[int, int] | None) -> str | None:
    """Return how to continue a stopped run, or None if it finished no epoch.

    `resumed` is the value of --resume, and `left` the version of the checkpoint when the run began.
    """
    if version_of(job.checkpoint) not in (None, left):
        resumed = True
    if resumed is None:
        return None
    named = "" if resumed is True else f" {resumed}"
    return f"Continue with: {commandline.command('train')} --output {job.output} --resume{named}"


if __name__ == "__main__":
    commandline.run(main)
