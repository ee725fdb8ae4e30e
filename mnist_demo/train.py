"""The command line of training: `python -m mnist_demo.train`.

Knows: what a run may be asked for, and what is said of it. Does not know: the loop.
"""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from mnist_demo.commandline import STOPPED, WRONG, complain, said
from mnist_demo.data.stroke_file import read_written
from mnist_demo.files import check_can_write
from mnist_demo.model.device import DEVICES, choose_device
from mnist_demo.model.networks import MODELS
from mnist_demo.model.recipes import COMMON, RECIPES, TEACH, Recipe
from mnist_demo.model.weights import SHIPPED, Card, default_path, load_weights, make_folder, path_at_hand
from mnist_demo.training.progress import awaited, check_own, followed
from mnist_demo.training.trainer import CHECKPOINT, Job, begun, files_of, load_checkpoint, precision, train


def parser() -> argparse.ArgumentParser:
    """The command line: the tutorial's flags and ours. A flag left out is None, and the recipe's value holds."""
    p = commandline.new_parser(commandline.command("train"), description="Trains a network on MNIST.")
    p.add_argument("--model", choices=MODELS, help="the network (default: convnet)")
    p.add_argument("--recipe", choices=COMMON, help="how it is trained (default: best)")
    own = p.add_argument_group("values in place of the recipe's own")
    own.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    own.add_argument("--test-batch-size", type=int, metavar="N", help="images a step of testing")
    own.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    own.add_argument("--lr", type=float, metavar="LR", help="learning rate")
    own.add_argument("--momentum", type=float, metavar="M", help="momentum of SGD")
    p.add_argument("--seed", type=int, metavar="S", help="of all that is random (default: 1)")
    p.add_argument("--log-interval", type=int, default=10, metavar="N", help="steps between two looks at the loss")
    p.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default: the best there is)")
    p.add_argument("--no-cuda", action="store_true", help="train on the CPU even where there is a GPU")
    p.add_argument("--data-dir", type=Path, metavar="DIR", help="where MNIST's files are, or shall be")
    p.add_argument(
        "--output", type=Path, metavar="FILE",
        help="weights file (default: MODEL.safetensors in the repository's weights/, or where this is installed, in "
        "your own folder for data)",
    )  # fmt: skip
    p.add_argument(
        "--extra", type=Path, metavar="FILE",
        help="digits that somebody wrote, to learn from too; needed by recipe teach. JSON lines: "
        '{"label": 4, "strokes": [[[x, y], ...], ...]}, y down, at any scale',
    )  # fmt: skip
    p.add_argument(
        "--from", type=Path, dest="start", metavar="FILE",
        help="weights to go on from (default: random ones; recipe teach: those of weights/MODEL.safetensors)",
    )  # fmt: skip
    p.add_argument(
        "--resume", type=Path, nargs="?", const=Path(), metavar="FILE",
        help="go on from a checkpoint (default: the one beside the output), writing beside it without --output",
    )  # fmt: skip
    page = p.add_argument_group("how the page trains")
    page.add_argument(
        "--follow", type=Path, metavar="FOLDER",
        help="tell in that folder, which is removed in the end, how it is getting on; end with standard input",
    )  # fmt: skip
    page.add_argument(
        "--ready", action="store_true",
        help="load all, then wait for the other arguments: a JSON list, a line on standard input",
    )  # fmt: skip
    return p


RECIPE_FLAGS = ("batch_size", "test_batch_size", "epochs", "lr", "momentum")


def job_from(options: argparse.Namespace) -> tuple[Job, dict[str, Any] | None]:
    """The job that a command line asks for, and the content of the checkpoint that it goes on from, if any.

    Raises ValueError or OSError, in one line, where that makes no sense or cannot be done.
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
        raise ValueError(f"--seed must be at least 0 and under 2 to the 63rd, not {job.seed}")
    check_output(job)
    if options.follow is not None:
        check_own(options.follow, job.extra)
    return job, checkpoint


def asked_for(options: argparse.Namespace) -> dict[str, Any]:
    """The recipe's values that the command line gives."""
    return {name: value for name in RECIPE_FLAGS if (value := getattr(options, name)) is not None}


def begun_job(options: argparse.Namespace) -> Job:
    """A job that begins. Raises ValueError or OSError where its recipe or the files it reads make no sense."""
    model, seed = options.model or "convnet", 1 if options.seed is None else options.seed
    recipe = dataclasses.replace(RECIPES[model][options.recipe or "best"], **asked_for(options))
    output, start = options.output or default_path(model), options.start
    if recipe.name == TEACH:
        if options.extra is None:
            raise ValueError("recipe teach learns from digits of your own: name their file by --extra FILE")
        if options.output is None:
            raise ValueError("recipe teach makes a network of your own: name its file by --output FILE")
        start = start or path_at_hand(model)
    device = choose_device("cpu" if options.no_cuda else options.device)
    job = Job(model, recipe, output, device, seed, options.data_dir, options.log_interval, options.extra, start)
    check_input(job)
    return job


def check_input(job: Job) -> None:
    """Raise ValueError or OSError, in one line, if digits or weights that a job reads are missing or invalid."""
    if job.extra is not None:
        try:
            read_written(job.extra)
        except OSError as error:
            raise OSError(f"--extra {said(error)}") from None
    if job.start is not None:
        begun(job.start, job.model)


def resumed(options: argparse.Namespace) -> tuple[Job, dict[str, Any]]:
    """Return a job that goes on, and its checkpoint. Raises ValueError or OSError if it cannot go on as asked."""
    named = None if options.resume == Path() else options.resume
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
        raise ValueError(f"--resume goes on as the run began, {how}: leave out {flag} {given}")


def output_of(checkpoint: Path) -> Path:
    """Which weights file a checkpoint was on the way to, by its name; where it has another name, one beside it."""
    return checkpoint.with_suffix("" if checkpoint.suffix == CHECKPOINT else ".safetensors")


def check_output(job: Job) -> None:
    """Raises OSError, in one line, where a job's weights and checkpoint cannot be written. Makes our own folder."""
    path = job.output
    if path.suffix == CHECKPOINT:
        raise OSError(f"--output {path} is what a run's checkpoint is called: name a .safetensors file")
    if path in map(default_path, MODELS):
        make_folder()
    if not path.parent.is_dir():
        raise OSError(f"--output {path}: there is no folder {path.parent}; make it first")
    for what, written in (("--output", path), ("the checkpoint", job.checkpoint)):
        try:
            check_can_write(written)
        except OSError as error:
            raise OSError(f"{what} {error}") from None


def announce(job: Job) -> str:
    """The line that says what is about to be trained, by what, on what."""
    recipe, dtype = job.recipe, str(precision(job.device)).removeprefix("torch.")
    return (
        f"{job.model}, recipe {recipe.name}: {recipe.epochs} epochs, batches of {recipe.batch_size}, "
        f"{recipe.optimizer} at {recipe.lr:g}, seed {job.seed}, on {job.device.type} in {dtype}"
    )


def warning(job: Job) -> str | None:
    """Return the line that says that a clone's shipped weights will be replaced; None if no such file will be."""
    is_shipped = job.output.resolve() in [default_path(name).resolve() for name in MODELS] and not SHIPPED.is_dir()
    if not is_shipped or not job.output.exists():
        return None
    return f"{job.output} will be replaced at the end; to restore the shipped file: git checkout weights/"


def report(job: Job, card: Card, before: Card | None) -> str:
    """Return the line that says what was written, and what it replaced."""
    figures = f"test loss {card.test_loss:.4f}, test accuracy {100 * card.test_accuracy:.2f} %"
    line = f"wrote {job.output}: {figures}, as it reads drawings, each at four half-pixel shifts"
    if before is not None:
        line += f" (replaces a {before.model} of {before.date[:10]} with {100 * before.test_accuracy:.2f} %)"
    return line


def card_at(path: Path) -> Card | None:
    """The card of the weights file at `path`, if there is a sound one."""
    try:
        return load_weights(path)[1]
    except ValueError:
        return None


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 2 for what was asked wrong, 1 for a loss not finite, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    job = left = None
    try:
        if options.ready:
            options = parser().parse_args(awaited())
        job, checkpoint = job_from(options)
        before, left = card_at(job.output), version_of(job.checkpoint)
        if left and checkpoint is None:
            print(f"{job.checkpoint} is an older run's: the first epoch replaces it, or --resume goes on with it")
        if line := warning(job):
            print(line)
        print(announce(job))
        with followed(options.follow) as watch:
            print(report(job, train(job, checkpoint, watch), before))
    except KeyboardInterrupt:
        print(f"\nstopped{'; ' + how_it_stands(job, options.resume, left) if job else ''}", file=sys.stderr)
        return STOPPED
    except (ValueError, OSError, FloatingPointError) as error:
        way_on = how_to_go_on(job, options.resume, left) if job and isinstance(error, OSError) else None
        complain(OSError(f"{said(error)}. {way_on}") if way_on else error)
        return 1 if isinstance(error, FloatingPointError) else WRONG
    return 0


def version_of(file: Path) -> tuple[int, int] | None:
    """What changes where the file is written anew; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def how_it_stands(job: Job, resumed: Path | None, left: tuple[int, int] | None) -> str:
    """Return what to say of a run that was stopped; see `how_to_go_on`."""
    state = "is as it was" if job.output.exists() else "was not written"
    return f"{job.output} {state}. {how_to_go_on(job, resumed, left) or 'No epoch was finished: start anew.'}"


def how_to_go_on(job: Job, resumed: Path | None, left: tuple[int, int] | None) -> str | None:
    """How to go on where a run stopped; None where it finished no epoch.

    `resumed` is what --resume said, and `left` the version of the checkpoint that lay there when the run began.
    """
    if version_of(job.checkpoint) not in (None, left):
        resumed = Path()
    if resumed is None:
        return None
    named = "" if resumed == Path() else f" {resumed}"
    return f"Go on with: {commandline.command('train')} --output {job.output} --resume{named}"


if __name__ == "__main__":
    commandline.run(main)
