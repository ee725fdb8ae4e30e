import numpy as np
import pytest
from PIL import Image

from benchmarks.made import CLEAN, MADE, NO_DIGIT, of_sample, of_template
from benchmarks.pictures import made, main, plain_ink
from mnist_demo.data.mnist import Samples

SMALL = [kind for kind in MADE if kind != "photo, 4,000 x 3,000"]


@pytest.mark.parametrize("kind", [*CLEAN, *SMALL])
def test_a_picture_of_each_kind_is_made_anew_for_each_digit(kind: str, test_digits: Samples) -> None:
    maker, sample = (CLEAN | MADE)[kind], test_digits.images[0, 0].numpy()
    pictures = [maker(of_sample(sample), np.random.default_rng(seed)) for seed in (0, 0)]
    other = maker(of_template(4, np.random.default_rng(1)), np.random.default_rng(1))
    assert pictures[0].tobytes() == pictures[1].tobytes()
    assert other.tobytes() != pictures[0].tobytes()
    low, high = other.convert("L").getextrema()
    assert high - low > 40 or other.mode in ("LA", "RGBA") or kind == "red on green"


@pytest.mark.parametrize("kind", NO_DIGIT)
def test_what_is_no_digit_is_labelled_so(kind: str) -> None:
    files, labels = made(kind, 0, 2)
    assert labels.tolist() == [-1, -1]
    assert files[0] != files[1]


def test_a_photo_has_twelve_megapixels(test_digits: Samples) -> None:
    photo = MADE["photo, 4,000 x 3,000"](of_sample(test_digits.images[0, 0].numpy()), np.random.default_rng(0))
    assert photo.size == (4000, 3000)
    assert photo.format == "JPEG"


def test_a_digit_is_as_large_as_it_is_asked_for(test_digits: Samples) -> None:
    for hand in (of_sample(test_digits.images[0, 0].numpy()), of_template(4, np.random.default_rng(0))):
        assert max(hand(90).shape) == pytest.approx(90, abs=2)


def test_the_plain_way_takes_what_differs_from_the_border_for_ink() -> None:
    image = Image.new("L", (20, 20), 200)
    image.putpixel((5, 5), 0)
    image.putpixel((9, 9), 180)
    assert np.argwhere(plain_ink(image)).tolist() == [[5, 5]]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--pictures", "0"], "--pictures must be at least 1, not 0"), (["--kinds", "moons"], "--kinds: none of")],
)
def test_what_cannot_be_measured_ends_in_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {complaint}")
    assert printed.err.count("\n") == 1
