import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from digit_pictures import picture
from PIL import Image, ImageDraw, ImageOps

from benchmarks.made import CLEAN, MADE, NO_DIGIT, of_sample
from mnist_demo.data.mnist import Samples
from mnist_demo.ink.picture import MAX_SIDE_PIXELS, cleaning_steps, ink_of, open_picture
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier


def stored(image: Image.Image, kind: str, **options: object) -> Image.Image:
    """Return the image as it is read from a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file)


def on_nothing(dark: Image.Image, level: int) -> Image.Image:
    """Return the ink in that level of grey, with transparent paper."""
    return Image.merge("LA", (Image.new("L", dark.size, level), ImageOps.invert(dark)))


def other_byte_order(dark: Image.Image) -> Image.Image:
    values = np.asarray(dark).astype(">u2") * 257
    image = stored(Image.frombytes("I;16B", dark.size, values.tobytes()), "TIFF")
    assert image.mode == "I;16B"
    return image


LOOKS: dict[str, Callable[[Image.Image], Image.Image]] = {  # of a digit's dark ink on light paper
    "dark on light": lambda dark: dark,
    "light on dark": ImageOps.invert,
    "black on nothing": lambda dark: on_nothing(dark, 0),
    "white on nothing": lambda dark: on_nothing(dark, 255).convert("RGBA"),
    "JPEG": lambda dark: stored(dark.convert("RGB"), "JPEG", quality=20),
    "sixteen bits": lambda dark: Image.fromarray(np.asarray(dark, np.uint16) * 150 + 20_000),
    "sixteen bits in the other byte order": other_byte_order,
    "negative floats": lambda dark: Image.fromarray(np.asarray(dark, np.float32) / 255 - 1),
    "a blank first frame": lambda dark: stored(
        Image.new("L", dark.size, 255), "GIF", save_all=True, append_images=[dark]
    ),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_picture_is_read_however_it_shows_its_ink(look: str, classifier: Classifier, test_digits: Samples) -> None:
    assert classifier.read(ink_of(LOOKS[look](picture(test_digits.images[0])))).answer == 7


@pytest.mark.parametrize("kind", CLEAN | MADE)
def test_digits_are_read_whatever_is_around_them(
    kind: str, classifiers: dict[str, Classifier], test_digits: Samples
) -> None:
    random = np.random.default_rng(1)
    inks = [ink_of((CLEAN | MADE)[kind](of_sample(image.numpy()), random)) for image in test_digits.images[:3:2, 0]]
    assert [one.read(ink).answer for one in classifiers.values() for ink in inks] == [7, 1, 7, 1]


@pytest.mark.parametrize("kind", NO_DIGIT)
def test_a_picture_of_no_digit_is_rejected(kind: str, classifiers: dict[str, Classifier]) -> None:
    random = np.random.default_rng(1)
    inks = [ink_of(NO_DIGIT[kind](random)) for _ in range(4)]
    assert {one.read(ink).answer for one in classifiers.values() for ink in inks} == {None}


def test_a_dot_that_belongs_to_a_sign_is_not_a_speck() -> None:
    seven, dot = [[97, 87], [202, 87], [135, 222]], [[145, 250]]
    sign = draw([Stroke(np.array(seven, np.float32), 15), Stroke(np.array(dot, np.float32), 21)], 300)
    assert ink_of(Image.fromarray(255 - sign))[250, 145] == 255


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_digits_cut_to_the_ink_keep_all_of_it(margin: int, test_digits: Samples) -> None:
    kept = 0
    for image in test_digits.images[:30, 0].numpy():
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        box = np.pad(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)
        large = 255 - np.asarray(Image.fromarray(box).resize((box.shape[1] * 6, box.shape[0] * 6)))
        firm = large < 90
        kept += (ink_of(Image.fromarray(large))[firm] > 0).mean() > 0.97
    assert kept >= 29


def test_the_steps_are_named_and_the_last_is_the_ink(test_digits: Samples) -> None:
    image = ImageOps.expand(picture(test_digits.images[0]), 60, fill=255)
    ImageDraw.Draw(image).rectangle((20, 20, 379, 379), outline=0, width=4)
    left = cleaning_steps(image)
    assert [step.name for step in left] == ["upright", "brightness", "contrast", "ink", "digit"]
    assert (left[-1].left == ink_of(image)).all()
    assert left[3].left[22, 200] == 255  # the frame is ink
    assert left[4].left[22, 200] == 0  # and no part of the digit


def test_a_blank_picture_has_no_ink() -> None:
    grain = np.random.default_rng(0).normal(200, 5, (300, 400)).clip(0, 255).astype(np.uint8)
    for image in (Image.new("L", (9, 9), 70), Image.new("RGBA", (50, 60)), Image.fromarray(grain)):
        assert not ink_of(image).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_a_picture_of_very_few_pixels_is_not_an_error(size: tuple[int, int], classifier: Classifier) -> None:
    classifier.read(ink_of(Image.effect_noise(size, 90)))


def test_a_photo_of_many_megapixels_is_reduced_before_it_is_read(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0], 6000).save(tmp_path / "large.png")
    ink = ink_of(open_picture(str(tmp_path / "large.png")))
    assert ink.shape == (MAX_SIDE_PIXELS, MAX_SIDE_PIXELS)
    assert Classifier.load("convnet").read(ink).answer == 7


def test_a_picture_is_read_from_memory_too(test_digits: Samples) -> None:
    file = io.BytesIO()
    picture(test_digits.images[0]).save(file, "PNG")
    assert Classifier.load("convnet").read(ink_of(open_picture(file, "pasted"))).answer == 7
    with pytest.raises(ValueError, match=r"^pasted: cannot be read as a picture"):
        open_picture(io.BytesIO(b"nothing"), "pasted")


@pytest.mark.parametrize("size", [(16_000, 12_000), (12_000, 9_000)])
def test_a_picture_of_too_many_pixels_is_refused_with_the_limit(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("1", size).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match=r"huge\.png: too large: at most 100 megapixels can be read"):
        open_picture(tmp_path / "huge.png")


@pytest.mark.parametrize("side", [1, 2, 3])
def test_noise_is_not_ink_and_is_detected_quickly(side: int) -> None:
    cells = np.random.default_rng(side).integers(0, 2, (1200 // side, 1200 // side)).astype(np.uint8)
    assert not ink_of(Image.fromarray(255 * np.kron(cells, np.ones((side, side), np.uint8)))).any()
