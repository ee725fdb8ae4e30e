import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from digit_pictures import picture
from PIL import Image, ImageDraw, ImageOps

from mnist_demo.data.mnist import Samples
from mnist_demo.ink.picture import MAX_SIDE_PIXELS, cleaning_steps, ink_of, open_picture
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier

LINES = {  # of digits as a child draws them, in a square of 100
    0: [[(50, 5), (22, 25), (22, 75), (50, 95), (78, 75), (78, 25), (50, 5)]],
    2: [[(20, 30), (30, 10), (55, 5), (75, 20), (70, 45), (15, 95), (85, 95)]],
    3: [[(20, 15), (55, 5), (75, 25), (45, 48), (78, 72), (55, 97), (18, 85)]],
    4: [[(60, 5), (10, 65), (90, 65)], [(62, 35), (62, 98)]],
    5: [[(75, 5), (30, 5), (25, 45), (55, 40), (78, 60), (70, 88), (45, 97), (20, 88)]],
    7: [[(15, 8), (85, 8), (40, 98)]],
    8: [[(50, 48), (25, 30), (35, 6), (65, 6), (75, 30), (50, 48), (20, 72), (32, 96), (68, 96), (80, 72), (50, 48)]],
}


def sheet(digit: int, size: tuple[int, int], high: int, paper: int = 255, pen: int = 30, brush: float = 0.1) -> Image:
    """Return a sheet (width, height) of that brightness with a digit of that height in its middle."""
    side = max(size)
    strokes = [
        Stroke((np.array(line, np.float32) - 50) * (high / 100) + np.array(size, np.float32) / 2, brush * high)
        for line in LINES[digit]
    ]
    ink = draw(strokes, side)[: size[1], : size[0]].astype(np.float32) / 255
    return Image.fromarray(np.rint(paper + ink * (pen - paper)).astype(np.uint8))


def specks() -> Image.Image:
    image = sheet(7, (400, 400), 170)
    image.putpixel((6, 5), 150)
    image.putpixel((392, 395), 150)
    return image


def vignette() -> Image.Image:
    y, x = np.mgrid[-1:1:600j, -1:1:800j]
    light = 1 - 0.29 * (y**2 + x**2) / 2
    return Image.fromarray(np.rint(np.asarray(sheet(5, (800, 600), 100, 190, 115)) * light).astype(np.uint8))


def desk() -> Image.Image:
    image = sheet(2, (500, 500), 180, 205, 45)
    ImageDraw.Draw(image).rectangle((0, 470, 499, 499), fill=45)
    return image


def ruled() -> Image.Image:
    image = sheet(7, (300, 360), 170, 190, 35)
    for y in (70, 285):
        ImageDraw.Draw(image).line((0, y, 299, y), fill=50, width=3)
    return image


def frame() -> Image.Image:
    image = sheet(5, (300, 240), 130, 255, 70)
    ImageDraw.Draw(image).rectangle((20, 20, 279, 219), outline=0, width=4)
    return image


def neighbour() -> Image.Image:
    image = sheet(4, (300, 300), 170)
    image.paste(sheet(8, (200, 300), 170).crop((30, 0, 80, 300)), (250, 0))
    return image


def on_nothing() -> Image.Image:
    card = sheet(2, (240, 240), 140, 255, 10).convert("RGBA")
    return ImageOps.expand(card, 30, fill=(0, 0, 0, 0))


def other_byte_order() -> Image.Image:
    values = np.asarray(sheet(5, (300, 300), 140, 255, 20)).astype(">u2") * 257
    file = io.BytesIO()
    Image.frombytes("I;16B", (300, 300), values.tobytes()).save(file, "TIFF")
    image = Image.open(file)
    assert image.mode == "I;16B"
    return image


def cell() -> Image.Image:
    image = sheet(5, (214, 171), 80, 255, 60)
    for box in ((0, 156, 213, 161), (0, 10, 213, 13), (10, 0, 13, 170), (203, 0, 206, 170)):
        ImageDraw.Draw(image).rectangle(box, fill=10)
    return image


def on_line() -> Image.Image:
    image = sheet(7, (130, 173), 120, 190, 35)
    ImageDraw.Draw(image).rectangle((0, 143, 129, 149), fill=60)
    return image


def strip_and_crumb() -> Image.Image:
    image = sheet(3, (104, 108), 66, 204, 116)
    ImageDraw.Draw(image).rectangle((0, 86, 103, 107), fill=150)
    ImageDraw.Draw(image).rectangle((10, 46, 15, 59), fill=116)
    return image


def glitter() -> Image.Image:
    random = np.random.default_rng(0)
    values = np.asarray(sheet(3, (148, 170), 120, 160, 96, 0.15), np.float32) + random.normal(0, 9, (170, 148))
    for y, x in random.integers(0, 140, (50, 2)):
        values[y : y + 4, x : x + 3] = 255
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def offset() -> Image.Image:
    return Image.fromarray(np.asarray(sheet(7, (300, 300), 150)).astype(np.uint16) + 30_000)


def negative() -> Image.Image:
    return Image.fromarray(np.asarray(sheet(7, (300, 300), 150), np.float32) / 255 - 1)


def blank_first_frame() -> Image.Image:
    file = io.BytesIO()
    Image.new("L", (300, 300), 255).save(file, "GIF", save_all=True, append_images=[sheet(7, (300, 300), 150)])
    return Image.open(file)


KINDS: dict[str, tuple[int, Callable[[], Image.Image]]] = {
    "two specks": (7, specks),
    "a vignette": (5, vignette),
    "a strip of desk": (2, desk),
    "ruled lines": (7, ruled),
    "a frame": (5, frame),
    "a piece of the neighbour": (4, neighbour),
    "small on a large page": (8, lambda: sheet(8, (1500, 1500), 120, 255, 30, 0.12)),
    "a card on nothing": (2, on_nothing),
    "sixteen bits in the other byte order": (5, other_byte_order),
    "lines of a cell, 3.5 % of its height": (5, cell),
    "the thick line that it stands on": (7, on_line),
    "a strip that it touches, and a crumb": (3, strip_and_crumb),
    "glittering paper": (3, glitter),
    "black corners around a turned sheet": (0, lambda: sheet(0, (232, 210), 100, 255, 0, 0.2).rotate(33)),
    "sixteen bits with an offset": (7, offset),
    "negative floats": (7, negative),
    "a blank first frame": (7, blank_first_frame),
    "light on dark": (4, lambda: sheet(4, (300, 300), 150, 20, 230)),
    "a sheet on a desk": (5, lambda: ImageOps.expand(sheet(5, (300, 360), 170, 220, 40), 40, fill=60)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_digit_is_read_despite(kind: str, classifier: Classifier) -> None:
    digit, make = KINDS[kind]
    assert classifier.read(ink_of(make())).answer == digit


def test_a_stripe_of_light_and_a_scene_are_not_digits(classifier: Classifier) -> None:
    random = np.random.default_rng(0)
    x = np.arange(400) - np.linspace(180, 220, 300)[:, None]
    stripe = 150 + 60 / (1 + np.exp((np.abs(x) - 20) / 3)) + random.normal(0, 2, (300, 400))
    scene = Image.new("RGB", (400, 300), (60, 120, 60))
    for _ in range(16):
        x0, y0, size = random.integers(0, 300, 3)
        ImageDraw.Draw(scene).ellipse((x0, y0, x0 + size, y0 + 80), fill=tuple(random.integers(0, 256, 3).tolist()))
    for image in (Image.fromarray(stripe.astype(np.uint8)), scene):
        assert classifier.read(ink_of(image)).answer is None


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_bare_sheet_with_a_strip_of_desk_is_not_a_1(side: str, classifier: Classifier) -> None:
    image = Image.new("L", (400, 500), 215)
    strip = {"left": (0, 0, 30, 499), "right": (370, 0, 399, 499), "top": (0, 0, 399, 30), "bottom": (0, 470, 399, 499)}
    for brightness in (50, 255):  # the desk, or sunlight
        ImageDraw.Draw(image).rectangle(strip[side], fill=brightness)
        assert classifier.read(ink_of(image)).answer is None


def test_red_on_green_of_the_same_brightness_is_read(classifier: Classifier) -> None:
    ink = np.asarray(sheet(4, (300, 300), 150, 0, 255), np.float32)[..., None] / 255
    colours = ink * np.array([214, 60, 60]) + (1 - ink) * np.array([60, 140, 60])
    assert classifier.read(ink_of(Image.fromarray(colours.astype(np.uint8)))).answer == 4


def test_two_digits_are_not_read_as_one(classifier: Classifier) -> None:
    pair = Image.new("L", (400, 300), 255)
    for number, digit in enumerate((4, 2)):
        pair.paste(sheet(digit, (180, 300), 130), (20 + 180 * number, 0))
    assert classifier.read(ink_of(pair)).answer is None


def test_a_dot_that_belongs_to_a_sign_is_not_a_speck() -> None:
    sign = sheet(7, (300, 300), 150)
    ImageDraw.Draw(sign).ellipse((135, 240, 155, 260), fill=30)
    assert ink_of(sign)[250, 145] == 255


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_digits_cut_to_the_ink_keep_all_of_it(margin: int, test_digits: Samples) -> None:
    kept = 0
    for image in test_digits.images[:100, 0].numpy():
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        box = np.pad(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)
        large = 255 - np.asarray(Image.fromarray(box).resize((box.shape[1] * 6, box.shape[0] * 6)))
        firm = large < 90
        kept += (ink_of(Image.fromarray(large))[firm] > 0).mean() > 0.97
    assert kept >= 99


def test_the_steps_are_named_and_the_last_is_the_ink() -> None:
    image = frame()
    left = cleaning_steps(image)
    assert [step.name for step in left] == ["upright", "brightness", "contrast", "ink", "digit"]
    assert (left[-1].left == ink_of(image)).all()
    assert left[3].left[22, 150] == 255  # the frame is ink
    assert left[4].left[22, 150] == 0  # and no part of the digit


def test_a_blank_picture_has_no_ink() -> None:
    grain = np.random.default_rng(0).normal(200, 5, (300, 400)).clip(0, 255).astype(np.uint8)
    for image in (Image.new("L", (9, 9), 70), Image.new("RGBA", (50, 60)), Image.fromarray(grain)):
        assert not ink_of(image).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_a_picture_of_very_few_pixels_is_not_an_error(size: tuple[int, int], classifier: Classifier) -> None:
    classifier.read(ink_of(Image.effect_noise(size, 90)))


@pytest.mark.parametrize("look", ["dark on light", "light on dark", "black on nothing", "white on nothing", "jpeg"])
def test_a_picture_is_read_however_it_shows_its_ink(look: str, test_digits: Samples, tmp_path: Path) -> None:
    dark = picture(test_digits.images[0])
    ink = ImageOps.invert(dark)
    pictures = {
        "dark on light": dark,
        "light on dark": ink,
        "black on nothing": Image.merge("LA", (Image.new("L", ink.size, 0), ink)),
        "white on nothing": Image.merge("LA", (Image.new("L", ink.size, 255), ink)).convert("RGBA"),
        "jpeg": dark.convert("RGB"),
    }
    file = tmp_path / ("a.jpg" if look == "jpeg" else "a.png")
    pictures[look].save(file, **({"quality": 20} if look == "jpeg" else {}))
    assert Classifier.load("convnet").read(ink_of(Image.open(file))).answer == 7


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


def test_a_picture_of_sixteen_bits_is_read_as_one_of_eight(classifier: Classifier, test_digits: Samples) -> None:
    grey = np.asarray(picture(test_digits.images[0]), np.uint16) * 150 + 20_000
    assert classifier.read(ink_of(Image.fromarray(grey))).answer == 7


@pytest.mark.parametrize("side", [1, 2, 3])
def test_noise_is_not_ink_and_is_detected_quickly(side: int) -> None:
    cells = np.random.default_rng(side).integers(0, 2, (1200 // side, 1200 // side)).astype(np.uint8)
    assert not ink_of(Image.fromarray(255 * np.kron(cells, np.ones((side, side), np.uint8)))).any()
