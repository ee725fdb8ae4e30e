from pathlib import Path

import numpy as np
import pytest
from paper import picture
from PIL import Image, ImageOps

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.pictures import LARGEST, ink_of, open_picture


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


def test_a_photo_of_many_megapixels_is_made_smaller_before_it_is_read(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0], 6000).save(tmp_path / "large.png")
    ink = ink_of(open_picture(str(tmp_path / "large.png")))
    assert ink.shape == (LARGEST, LARGEST)
    assert Classifier.load("convnet").read(ink).answer == 7


def test_a_picture_of_sixteen_bits_is_read_as_one_of_eight(classifier: Classifier, test_digits: Samples) -> None:
    grey = np.asarray(picture(test_digits.images[0]), np.uint16) * 150 + 20_000
    assert classifier.read(ink_of(Image.fromarray(grey))).answer == 7
