import numpy as np
import pytest

from benchmarks.drawings import fitted, invent, main, redraw
from benchmarks.redrawn import REDRAWN, broken, grown, middle, thin
from benchmarks.unknown import SIGNS, UNKNOWN
from mnist_demo.data.mnist import load_mnist
from mnist_demo.data.templates import OTHERS
from mnist_demo.ink.preprocess import to_mnist


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return load_mnist("test").images[:20, 0].numpy()


@pytest.mark.parametrize("kind", REDRAWN)
def test_a_digit_is_redrawn_as_crisp_ink_that_fits_the_canvas(kind, samples):
    for number, sample in enumerate(samples):
        ink = REDRAWN[kind](sample, np.random.default_rng(number))
        assert ink.shape == (280, 280)
        assert set(np.unique(ink)) == {0, 255}
        assert to_mnist(ink) is not None


def test_a_digit_redrawn_in_the_middle_comes_back_nearly_as_it_was(samples):
    digits = redraw("centred, 200 px", 0, samples).ours
    assert np.abs(digits - samples / 255).mean() < 0.04


def test_thin_has_less_ink_and_thick_more_by_what_their_names_promise():
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    widths = [ink[140].astype(bool).sum() for ink in (middle(bar, 200), thin(bar, np.random.default_rng(0)))]
    assert widths[0] - widths[1] == 8
    assert grown(middle(bar, 190), 7)[140].astype(bool).sum() - middle(bar, 190)[140].astype(bool).sum() == 14


def test_a_gap_of_twelve_pixels_parts_a_stroke():
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:15] = 255
    gaps = [240 - 40 - broken(bar, np.random.default_rng(seed))[:, 140].astype(bool).sum() for seed in range(20)]
    assert np.median(gaps) in (12, 13)  # a stroke may be met a little askew


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_no_digit_is_drawn_in_many_ways(kind):
    digits = invent(kind, 10).ours
    assert (digits.max(axis=(1, 2)) == 1).all()
    assert len(np.unique(digits, axis=0)) == len(digits)


def test_no_training_sees_the_signs_that_refusal_is_scored_by():
    assert not {text for ways in SIGNS.values() for text in ways} & set(OTHERS)


def test_strokes_are_fitted_to_the_height_asked_for():
    ink = fitted([np.array([[0, 0], [1, 3]])], 180, 20)
    rows = np.flatnonzero(ink.any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(180, abs=2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.safetensors"], "nowhere.safetensors is missing"),
        (["net", "--digits", "0"], "--digits must be from 1 to 10000, not 0"),
        (["net", "--strokes", "nowhere.jsonl"], "[Errno 2] No such file or directory: 'nowhere.jsonl'"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_line_before_anything_is_drawn(arguments, complaint, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {complaint}")
    assert printed.err.count("\n") == 1


def test_figures_that_could_not_be_written_are_not_measured(tmp_path, capsys):
    for place in (tmp_path, tmp_path / "nowhere" / "figures.json"):
        with pytest.raises(SystemExit):
            main(["net", "--json", str(place)])
        assert f"argument --json: {place} is a folder, or in none" in capsys.readouterr().err
