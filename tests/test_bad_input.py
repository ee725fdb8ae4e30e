"""Every input gives a result or a one-line error: generated inputs, many if MNIST_DEMO_THOROUGH is set.

They are wrong types, shapes and sizes, NaN, nothing, too much; damaged or foreign files; invalid command lines.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import save
from thorough import examples

from mnist_demo import predict, train
from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.model.weights import Card, load_weights, path_at_hand
from mnist_demo.training import trainer

pytestmark = pytest.mark.slow

NOT_ARRAYS = st.none() | st.text(max_size=5) | st.binary(max_size=5) | st.integers() | st.lists(st.floats(), max_size=3)
ARRAYS = hnp.arrays(
    st.sampled_from([*"?bBhHiIlLefd", "c8", "U3", "O", "M8[s]"]).map(np.dtype),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=40),
)
INKS = hnp.arrays(st.sampled_from("?bBhHiIlLefd").map(np.dtype), hnp.array_shapes(min_dims=2, max_dims=2, max_side=60))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def answered(call: Callable[[], Any]) -> Any:
    """Return the call's result, or None if it raises ValueError in one line. Any other error fails the test."""
    try:
        return call()
    except ValueError as error:
        said = str(error)
    assert said
    assert "\n" not in said
    return None


@examples(300, 20_000)
@given(ARRAYS | INKS | NOT_ARRAYS)
def test_to_mnist_returns_a_digit_or_none(ink: Any) -> None:
    digit = answered(lambda: to_mnist(ink))
    if digit is not None:
        assert digit.shape == (28, 28)
        assert digit.dtype == np.float32
        assert digit.min() >= 0
        assert digit.max() == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ink_far_under_0_is_paper_and_nothing_overflows(dtype: type[np.floating[Any]]) -> None:
    ink = np.zeros((30, 30), dtype)
    ink[5:25, 5:25] = np.finfo(dtype).tiny
    clean = to_mnist(ink)
    ink[0, 0] = ink[10, 2] = np.finfo(dtype).min
    np.testing.assert_array_equal(to_mnist(ink), clean)


COORDINATES = st.floats(width=32) | st.integers(-1000, 1000)
STROKES = st.builds(
    Stroke,
    st.lists(st.tuples(COORDINATES, COORDINATES), max_size=6).map(lambda points: np.array(points, np.float32))
    | hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)),
    st.floats(1e-9, 100) | st.floats(max_value=100) | st.sampled_from([float("nan"), float("inf"), 1e9]),
    st.booleans(),
)


@pytest.mark.parametrize("width", [5e-324, 1e-300, 1e-12, 1e-3])
def test_a_line_of_hardly_any_width_takes_no_more_memory_than_another(width: float) -> None:
    points = np.array([[-1e30, 5], [1e30, 60]], np.float32)
    assert draw([Stroke(points, width), Stroke(points[:1] * 0, width)], 64).max() < 140


@examples(150, 5_000)
@given(st.lists(STROKES, max_size=4))
def test_draw_leaves_ink_or_refuses_an_invalid_stroke(strokes: list[Stroke]) -> None:
    ink = answered(lambda: draw(strokes, 64))
    if ink is not None:
        assert ink.shape == (64, 64)
        assert ink.dtype == np.uint8


@examples(60, 4_000)
@given(ARRAYS | NOT_ARRAYS | hnp.arrays(np.float32, st.tuples(st.integers(0, 3), st.just(28), st.just(28))))
def test_a_classifier_gives_probabilities_or_refuses_an_invalid_image(classifier: Classifier, images: Any) -> None:
    for call in (classifier.probabilities, classifier.known, classifier.read_images):
        found = answered(lambda call=call: call(images))
        assert found is None or len(found) == len(images)
        if found is not None and call == classifier.probabilities:
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad input")


def said_of(card: Card, **changes: Any) -> dict[str, str]:
    """Return a card's metadata with those changes, without the checksum, which would detect them all."""
    return {name: json.dumps(value) for name, value in (vars(card) | changes).items()}


NETWORK, CARD = load_weights(path_at_hand("net"))
SOUND = save(NETWORK.state_dict(), said_of(CARD))
HEADER = int.from_bytes(SOUND[:8], "little") + 8
SPLICES = st.tuples(st.integers(0, HEADER) | st.integers(0, len(SOUND)), st.integers(0, 40), st.binary(max_size=40))


@examples(100, 10_000)
@given(st.binary(max_size=200) | st.lists(SPLICES, min_size=1, max_size=3))
def test_a_foreign_file_is_refused_and_a_damaged_one_never_gives_invalid_weights(
    folder: Path, damage: bytes | list[tuple[int, int, bytes]]
) -> None:
    content = damage if isinstance(damage, bytes) else SOUND
    for start, removed, put in damage if isinstance(damage, list) else ():
        content = content[:start] + put + content[start + removed :]
    (folder / "some.safetensors").write_bytes(content)
    loaded = answered(lambda: Classifier.load(folder / "some.safetensors"))
    if loaded is not None:
        assert np.isfinite(loaded.probabilities(np.zeros((1, 28, 28), np.float32))).all()


@examples(150, 10_000)
@given(st.dictionaries(st.sampled_from([*Card.__dataclass_fields__, "epochs", "checksum", "else"]), JSON | st.text()))
def test_a_card_with_random_values_is_refused_or_can_be_shown(folder: Path, said: dict[str, Any]) -> None:
    (folder / "card.safetensors").write_bytes(save(NETWORK.state_dict(), said_of(CARD, **said)))
    loaded = answered(lambda: load_weights(folder / "card.safetensors"))
    if loaded is not None:
        job = trainer.Job("net", trainer.Recipe("fast", "sgd", 0.1, 1, 1), folder, torch.device("cpu"))
        assert "\n" not in train.report(job, loaded[1], loaded[1])
        assert 0 <= loaded[1].test_accuracy <= 1


NUMBERS = st.integers().map(str) | st.floats().map(str) | st.sampled_from(["1e20", "9" * 30, "0x1", "١", ""])
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), max_size=8) | st.sampled_from(
    ["x" * 300, "/dev/zero", ".."]
)
FLAGS = st.one_of(
    st.tuples(st.sampled_from(["--epochs", "--batch-size", "--test-batch-size", "--lr", "--momentum"]), NUMBERS),
    st.tuples(st.sampled_from(["--seed", "--log-interval"]), NUMBERS),
    st.tuples(st.sampled_from(["--output", "--resume", "--data-dir", "--device", "--recipe", "--else"]), NAMES),
    st.tuples(st.sampled_from(["--extra", "--from"]), NAMES),
    st.tuples(st.just("--model"), st.sampled_from([*MODELS, "x"])),
    st.tuples(st.sampled_from(["--no-cuda", "--resume"])),
    st.just(("--recipe", "teach")),
)


def ended(main: Callable[[list[str]], int], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the command line's output on standard error, and check that its exit code is 0 or, with an error, 2."""
    try:
        code = main(arguments)
    except SystemExit as end:  # argparse's, which says how to use it too
        code = end.code
    said = "".join(line + "\n" for line in capsys.readouterr().err.split("\n") if "error: " in line)
    assert code == (2 if said else 0)
    return said


@examples(150, 5_000)
@given(st.lists(FLAGS, max_size=5))
def test_any_command_line_of_train_starts_a_job_or_fails_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: list[tuple[str, ...]]
) -> None:
    def never(job: trainer.Job, *_: object) -> Card:
        return load_weights(path_at_hand(job.model))[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(train, "train", never)
        assert ended(train.main, [word for flag in flags for word in flag], capsys).count("\n") <= 1


@examples(60, 2_000)
@given(st.lists(NAMES | st.sampled_from(["--json", "--model=net", "--weights", "--weights=x"]), max_size=4))
def test_predicting_reads_each_file_or_fails_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = ended(predict.main, [word for word in words if word != "/dev/zero"], capsys)
    assert said.count("\n") <= max(1, len(words))
    assert "Traceback" not in said
