"""What stands in the lens "Learn", and what the browser may ask it for.

Knows: what a visitor may have trained, and how a training becomes JSON. Does not know: how it is run, or shown.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr
from fastapi import HTTPException

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples, ten_of_each
from mnist_demo.models import MODELS
from mnist_demo.page.files import script, text
from mnist_demo.page.learn.school import MAX_WAITING, Run, School
from mnist_demo.page.yours import Yours
from mnist_demo.recipes import RECIPES, TEACH, Recipe
from mnist_demo.written import digits_of

OFFERED = ("tutorial", "fast", TEACH)  # recipes
MOST_TAUGHT = 200  # corrections, in all MOST_BYTES of a request at most
VALUES = {"epochs": int, "batch_size": int, "lr": float, "momentum": float, "seed": int}
LIMITS = {"epochs": (1, 100), "batch_size": (1, 2048), "seed": (0, 2**53 - 1)}  # for memory and JavaScript's numbers
LARGEST = 2**63  # of a value, that anything can be made of
EXTRA = "corrections.jsonl"  # in a training's folder
FULL = f"{MAX_WAITING} trainings are waiting already: try again later"
OFF = "training is switched off here: start the server with MNIST_DEMO_TRAIN=1"

Json = dict[str, Any]


def build(classifiers: Mapping[str, Classifier], samples: Samples, shared: Mapping[str, Any], yours: Yours) -> None:
    """The lens; what is trained joins `yours`. `samples` are the test set, from which the wall of a hundred digits is.

    `shared` is what every part of the page is told.
    """
    school = School(yours) if yours.trains else None
    labels = samples.labels[ten_of_each(samples.labels)].tolist()

    def prepare(_: Any) -> Json:
        if school is not None:
            school.prepare()
        return {"running": None if school is None else running(school)}

    def begin(wanted: Any) -> Json:
        return {"error": OFF} if school is None else begun(school, wanted)

    def follow(wanted: Any) -> Json:
        return {"state": "gone"} if school is None else followed(school, wanted, labels)

    def stop(wanted: Any) -> Json:
        if run := of_visitor(yours, wanted):
            run.stop()
        return {}

    def forget(wanted: Any) -> Json:
        if run := of_visitor(yours, wanted):
            run.stop()
            yours.forget(run.key)
        return {}

    def wall(_: Any) -> Json:
        images = samples.images[ten_of_each(samples.labels)].numpy()
        return {"images": [base64.b64encode(image.tobytes()).decode() for image in images], "labels": labels}

    gr.HTML(
        elem_id="lesson",
        html_template=text("learn/learn.html"),
        js_on_load=script("texts.js", "axes.js", "learn/curves.js", "learn/wall.js", "learn/hand.js", "learn/learn.js"),
        server_functions=[prepare, begin, follow, stop, forget, wall],
        is_on=school is not None,
        offered={name: {recipe: plain(RECIPES[name][recipe]) for recipe in OFFERED} for name in classifiers},
        **shared,
    )


def plain(recipe: Recipe) -> Json:
    """The values of a recipe that a visitor may change; None where it has no use for one."""
    return {name: getattr(recipe, name) for name in VALUES if name != "seed"} | {"seed": 1}


def begun(school: School, wanted: Any) -> Json:
    """Return {"key"} and {"run"}, the public number, of the training that was queued, or {"error"}, a line."""
    try:
        model, recipe, arguments = arguments_of(wanted)
        files = {EXTRA: written(wanted.get("corrections"))} if recipe == TEACH else {}
    except ValueError as error:
        return {"error": str(error)}
    run = school.begin(model, recipe, arguments, files)
    return {"error": FULL} if run is None else {"key": run.key, "run": run.number}


def arguments_of(wanted: Any) -> tuple[str, str, list[str]]:
    """The network, the recipe, and the command line's arguments for the rest of what is wanted.

    Raises ValueError, in one line, where that makes no sense.
    """
    network, name, values = (
        (wanted.get(key) for key in ("network", "recipe", "values")) if isinstance(wanted, dict) else (None,) * 3
    )
    if network not in list(MODELS) or name not in OFFERED:
        raise ValueError(f"wanted: a network ({', '.join(MODELS)}) and a recipe ({', '.join(OFFERED)})")
    values = {} if values is None else values
    if not isinstance(values, dict) or not set(values) <= set(VALUES):
        raise ValueError(f"values: {', '.join(VALUES)}, and no others")
    check(RECIPES[network][name], values)
    own = [f"--extra=FOLDER/{EXTRA}"] if name == TEACH else []
    return network, name, own + [f"--{value.replace('_', '-')}={values[value]}" for value in values]


def written(corrections: Any) -> str:
    """The file of those corrections, as `mnist_demo.written` reads it. Raises ValueError where they make no sense."""
    if not isinstance(corrections, list) or not 1 <= len(corrections) <= MOST_TAUGHT:
        raise ValueError(f"corrections: from 1 to {MOST_TAUGHT} digits that you drew, and what they are")
    try:
        lines = "".join(json.dumps(one) + "\n" for one in corrections)
    except RecursionError:
        raise ValueError("corrections: no such digits") from None
    digits_of(lines.encode(), "corrections")
    return lines


def check(recipe: Recipe, values: Mapping[str, Any]) -> None:
    """Raise ValueError, in one line that names the flag, if the recipe cannot take those values."""
    for name, value in values.items():
        kinds = (int,) if VALUES[name] is int else (int, float)
        if type(value) not in kinds or not abs(value) < LARGEST:
            raise ValueError(f"--{name.replace('_', '-')} must be a {'whole ' if VALUES[name] is int else ''}number")
    for name, (least, most) in LIMITS.items():
        if name in values and not least <= values[name] <= most:
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(f"{flag} must be between {least} and {most}, not {values[name]}")
    replace(recipe, **{name: value for name, value in values.items() if name != "seed"})


def of_visitor(yours: Yours, wanted: Any) -> Run | None:
    """The training of the key that is brought along, if there is one."""
    own = yours.of(wanted.get("key")) if isinstance(wanted, dict) else None
    return own if isinstance(own, Run) else None


def followed(school: School, wanted: Any, labels: list[int]) -> Json:
    """Return the progress of the training of the user's own key, or of the running one, by its public number.

    One that waits adds its place in the queue and what runs. {"state": "gone"} if there is no such training. Raises
    HTTPException (422) if `since` is invalid.
    """
    since = wanted.get("since", 0) if isinstance(wanted, dict) else 0
    if type(since) is not int or since < 0:
        raise HTTPException(422, "since: a whole number, at least 0")
    run = of_visitor(school.yours, wanted)
    if run is not None:
        run.asked = run.used
    elif isinstance(wanted, dict) and (current := school.current) and current.number == wanted.get("run"):
        run = current
    if run is None:
        return {"state": "gone"}
    place = school.place(run)
    return as_json(run, since, labels) | ({"place": place, "running": running(school)} if place else {})


def as_json(run: Run, since: int, labels: list[int]) -> Json:
    """All that is told of a training; of its steps those from the number `since` on."""
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


def running(school: School) -> Json | None:
    """Return what is said of the running training to the other users; None if none runs."""
    run = school.current
    if run is None or not run.is_under_way:
        return None
    return {"run": run.number, "network": run.model, "recipe": run.recipe, "seconds": round(run.seconds, 1)}
