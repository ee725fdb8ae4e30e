"""Requests of the lens "Learn": to start, follow and stop training, as JSON."""

import base64
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mnist_demo.data.mnist import Samples, ten_of_each
from mnist_demo.data.stroke_file import CANVAS, MAX_COORDINATE, MAX_DIGIT_POINTS, digits_of
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.model.recipes import RECIPES, TEACH, Recipe
from mnist_demo.server.engine import Function, Functions, Question, RefusalError
from mnist_demo.server.training_jobs import MAX_WAITING, Run, TrainingJobs
from mnist_demo.server.user_models import UserModels

OFFERED = ("tutorial", "fast", TEACH)  # recipes
MAX_CORRECTIONS = 200  # within MAX_BODY_BYTES of a request
LIMITS = {  # of the settings, for memory, time and JavaScript's numbers
    "epochs": (1, 100),
    "batch_size": (1, 2048),
    "lr": (1e-6, 1e6),
    "momentum": (0, 0.999),
    "seed": (0, 2**53 - 1),
}
CORRECTION = {"points": MAX_DIGIT_POINTS, "furthest": MAX_COORDINATE, "side": CANVAS}  # limits of a corrected digit
EXTRA = "corrections.jsonl"  # in a training's folder

Json = dict[str, Any]


def within(name: str) -> Any:
    """Return the limits of a setting, as pydantic expects them."""
    least, most = LIMITS[name]
    return Field(default=None, ge=least, le=most)


class Values(BaseModel):
    """The recipe's values that a user has changed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    epochs: int | None = within("epochs")
    batch_size: int | None = within("batch_size")
    lr: float | None = within("lr")
    momentum: float | None = within("momentum")
    seed: int | None = within("seed")


class Wish(Question):
    """A request to train."""

    network: str
    recipe: Literal["tutorial", "fast", "teach"]
    values: Values = Values()
    corrections: list[Any] = Field(default=[], max_length=MAX_CORRECTIONS)


class Own(Question):
    """The training with a user's key."""

    key: str


class Followed(Question):
    """A training by the user's key, or by its public number, with its steps from `since` on."""

    key: str | None = None
    run: int | None = None
    since: Annotated[int, Field(ge=0)] = 0


def functions(samples: Samples, yours: UserModels) -> Functions:
    """Return the requests that the browser may send; the wall shows a hundred digits of `samples`, the test set."""
    jobs = TrainingJobs(yours) if yours.trains else None
    labels = samples.labels[ten_of_each(samples.labels)].tolist()

    def prepare(_: Question) -> Json:
        if jobs is not None:
            jobs.prepare()
        return {"running": None if jobs is None else running(jobs)}

    def begin(wish: Wish) -> Json:
        if jobs is None:
            raise RefusalError("training_off")
        return begun(jobs, wish)

    def follow(wanted: Followed) -> Json:
        return {"state": "gone"} if jobs is None else followed(jobs, wanted, labels)

    def stop(own: Own) -> Json:
        if run := of_user(yours, own.key):
            run.stop()
        return {}

    def forget(own: Own) -> Json:
        if run := of_user(yours, own.key):
            run.stop()
            yours.forget(run.key)
        return {}

    def wall(_: Any) -> Json:
        images = samples.images[ten_of_each(samples.labels)].numpy()
        return {"images": [base64.b64encode(image.tobytes()).decode() for image in images], "labels": labels}

    return {
        "prepare": Function(Question, prepare),
        "begin": Function(Wish, begin),
        "follow": Function(Followed, follow),
        "stop": Function(Own, stop),
        "forget": Function(Own, forget),
        "wall": Function(Question, wall),
    }


def offered(classifiers: Mapping[str, Classifier]) -> dict[str, dict[str, Json]]:
    """Return the values of each recipe that a user may change, by network and recipe."""
    return {name: {recipe: plain(RECIPES[name][recipe]) for recipe in OFFERED} for name in classifiers}


def plain(recipe: Recipe) -> Json:
    """Return the values of a recipe that a user may change; a value is None if the recipe does not use it."""
    return {name: getattr(recipe, name) for name in LIMITS if name != "seed"} | {"seed": 1}


def begun(jobs: TrainingJobs, wish: Wish) -> Json:
    """Queue a training. Return its {"key"} and {"run"}, the public number. Raises RefusalError."""
    if wish.network not in MODELS:
        raise RefusalError("network", field="network", limit=", ".join(MODELS))
    values = wish.values.model_dump(exclude_none=True)
    if "momentum" in values and RECIPES[wish.network][wish.recipe].momentum is None:
        raise RefusalError("unused", field="values.momentum")
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    files = {}
    if wish.recipe == TEACH:
        arguments.append(f"--extra=FOLDER/{EXTRA}")
        files = {EXTRA: lines_of(wish.corrections)}
    run = jobs.begin(wish.network, wish.recipe, arguments, files)
    if run is None:
        raise RefusalError("queue_full", limit=MAX_WAITING)
    return {"key": run.key, "run": run.number}


def lines_of(corrections: list[Any]) -> str:
    """Return the corrections as the content of a stroke file. Raises RefusalError if one is invalid."""
    lines = "".join(json.dumps(one) + "\n" for one in corrections)
    try:
        digits_of(lines.encode(), "corrections")
    except ValueError as error:
        raise RefusalError("corrections", field="corrections", limit=str(error)) from None
    return lines


def of_user(yours: UserModels, key: str | None) -> Run | None:
    """Return the training with that key, if there is one."""
    own = yours.of(key)
    return own if isinstance(own, Run) else None


def followed(jobs: TrainingJobs, wanted: Followed, labels: list[int]) -> Json:
    """Return the progress of the training with the user's own key, or of the running one, by its public number.

    A waiting one adds its place in the queue and the running training. {"state": "gone"} means there is no such
    training.
    """
    run = of_user(jobs.yours, wanted.key)
    if run is not None:
        run.asked = run.used
    elif (current := jobs.current) and current.number == wanted.run:
        run = current
    if run is None:
        return {"state": "gone"}
    place = jobs.place(run)
    return run_json(run, wanted.since, labels) | ({"place": place, "running": running(jobs)} if place else {})


def run_json(run: Run, since: int, labels: list[int]) -> Json:
    """Return the progress of a training, with its steps from number `since` on."""
    answers = None if run.answers is None else list(map(int, run.answers))
    card = run.classifier.card if run.classifier and run.state == "done" else None
    return {
        "state": run.state,
        "run": run.number,
        "network": run.model,
        "recipe": run.recipe,
        "total": run.total,
        "steps": run.steps[since:],
        "epochs": run.epochs,
        "wall": answers and {"answers": answers, "right": [a == b for a, b in zip(answers, labels, strict=True)]},
        "looks": run.looks,
        "rate": run.rate,
        "seconds": round(run.seconds, 1),
        "figures": card and {"test_accuracy": card.test_accuracy, "test_loss": card.test_loss},
        "error": run.error,
    }


def running(jobs: TrainingJobs) -> Json | None:
    """Return the description of the running training for other users, or None if none runs."""
    run = jobs.current
    if run is None or not run.is_under_way:
        return None
    return {"run": run.number, "network": run.model, "recipe": run.recipe, "seconds": round(run.seconds, 1)}
