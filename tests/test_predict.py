import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps

from mnist_demo.data import Samples
from mnist_demo.models import MODELS, certainty
from mnist_demo.predict import LARGEST, Classifier, _open, ink_of, main
from mnist_demo.weights import default_path


@pytest.fixture(scope="module", params=MODELS)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    """Each shipped network in turn."""
    return Classifier.load(request.param)


def picture(image: torch.Tensor, side: int = 280) -> Image.Image:
    """A test digit (1, 28, 28) as dark ink on white paper."""
    return ImageOps.invert(Image.fromarray(image[0].numpy())).resize((side, side), Image.Resampling.BICUBIC)


def test_a_known_digit_comes_out_right(classifier: Classifier, test_digits: Samples) -> None:
    reading = classifier.read(ink_of(picture(test_digits.images[0])))
    assert reading.answer == 7
    assert reading.probabilities.shape == (10,)
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert reading.image is not None
    assert reading.image.shape == (28, 28)
    assert reading.image.dtype == np.float32
    assert 0 <= reading.image.min() <= reading.image.max() <= 1


def test_probabilities_are_those_of_the_test_accuracy_on_the_card(classifier: Classifier, test_digits: Samples) -> None:
    probabilities = classifier.probabilities(test_digits.images[:, 0].numpy().astype(np.float32) / 255)
    right = probabilities.argmax(1) == test_digits.labels.numpy()
    assert right.mean() == pytest.approx(classifier.card.test_accuracy, abs=2e-4)
    wrong = np.flatnonzero(~right)
    assert len(set(wrong) ^ {index for index, _ in classifier.card.misread}) <= 2


def test_nothing_drawn_has_no_answer_and_no_probabilities(classifier: Classifier) -> None:
    reading = classifier.read(np.zeros((280, 280), np.uint8))
    assert reading.answer is None
    assert reading.image is None
    assert not reading.probabilities.any()


def test_known_says_of_each_image_whether_it_is_read_with_the_thresholds_certainty(
    classifier: Classifier, test_digits: Samples
) -> None:
    images = test_digits.images[:500, 0].numpy().astype(np.float32) / 255
    known = classifier.known(images)
    assert known.dtype == np.bool_
    with torch.inference_mode():
        log_probabilities = classifier.model(torch.from_numpy(images).unsqueeze(1))
    np.testing.assert_array_equal(known, certainty(log_probabilities).numpy() >= classifier.card.threshold)
    assert known.mean() > 0.98


def test_what_is_read_with_less_certainty_than_the_thresholds_has_no_answer(classifier: Classifier) -> None:
    ink = np.zeros((280, 280), np.uint8)
    ink[40:240, 130:150] = 255
    sure = classifier.read(ink)
    card = dataclasses.replace(classifier.card, threshold=1.0)
    doubtful = Classifier(classifier.model.network, card, classifier.device)
    assert sure.answer == 1
    assert doubtful.read(ink).answer is None
    np.testing.assert_array_equal(doubtful.read(ink).probabilities, sure.probabilities)


def test_a_higher_temperature_makes_probabilities_more_even_and_changes_no_answer(
    classifier: Classifier, test_digits: Samples
) -> None:
    images = test_digits.images[:50, 0].numpy().astype(np.float32) / 255
    card = dataclasses.replace(classifier.card, temperature=3 * classifier.card.temperature)
    hotter = Classifier(classifier.model.network, card, classifier.device)
    before, after = classifier.read_images(images), hotter.read_images(images)
    assert [reading.answer for reading in before] == [reading.answer for reading in after]
    assert all(b.probabilities.max() > a.probabilities.max() for b, a in zip(before, after, strict=True))


def test_an_unknown_weights_file_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.safetensors is missing"):
        Classifier.load("nowhere.safetensors")


@pytest.mark.parametrize("side", [56, 280, 500])
def test_at_least_98_of_100_test_digits_are_read_from_files(
    side: int, test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{index}.png" for index in range(100)]
    for file, image in zip(files, test_digits.images, strict=False):
        picture(image, side).save(file)
    assert main([*map(str, files), "--json"]) == 0
    answers = [json.loads(line)["answer"] for line in capsys.readouterr().out.splitlines()]
    assert (np.array(answers) == test_digits.labels[:100].numpy()).sum() >= 98


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


def test_a_photo_held_sideways_is_read_upright(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # shown a quarter turn clockwise of how it is stored
    stored = picture(test_digits.images[0]).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "phone.jpg", exif=turned)
    assert main([str(tmp_path / "phone.jpg")]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'phone.jpg'}  7")


def test_a_photo_of_many_megapixels_is_made_smaller_before_it_is_read(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0], 6000).save(tmp_path / "large.png")
    ink = ink_of(_open(str(tmp_path / "large.png")))
    assert ink.shape == (LARGEST, LARGEST)
    assert Classifier.load("convnet").read(ink).answer == 7


def test_a_reader_of_the_output_who_leaves_early_is_no_error(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    command = [sys.executable, "-m", "mnist_demo.predict", *[str(tmp_path / "seven.png")] * 3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_picture_of_sixteen_bits_is_read_as_one_of_eight(classifier: Classifier, test_digits: Samples) -> None:
    grey = np.asarray(picture(test_digits.images[0]), np.uint16) * 150 + 20_000
    assert classifier.read(ink_of(Image.fromarray(grey))).answer == 7


def test_a_line_per_file_says_the_digit_and_its_probability(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    assert main([str(tmp_path / "seven.png"), str(tmp_path / "blank.png"), "--model", "net"]) == 0
    seven, blank = capsys.readouterr().out.splitlines()
    assert seven.startswith(f"{tmp_path / 'seven.png'}  7  ")
    assert seven.endswith(" %")
    assert blank == f"{tmp_path / 'blank.png'}  nothing drawn"


def test_json_gives_all_ten_probabilities(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    assert main([str(tmp_path / "seven.png"), "--json", "--weights", str(default_path("net"))]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["file"] == str(tmp_path / "seven.png")
    assert line["answer"] == 7
    assert len(line["probabilities"]) == 10


def test_a_file_that_is_no_picture_is_named_and_the_others_are_read(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    picture(test_digits.images[1]).save(tmp_path / "broken.png")
    whole = (tmp_path / "broken.png").read_bytes()
    (tmp_path / "broken.png").write_bytes(whole.replace(b"IEND", b"IXXX").replace(b"IDAT", b"IDAT\xff"))
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    assert main([str(tmp_path / f"{name}.png") for name in ("text", "none", "broken", "seven")]) == 2
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{tmp_path / 'seven.png'}  7")
    bad, missing, broken = printed.err.splitlines()
    assert bad == f"error: {tmp_path / 'text.png'}: no image that can be read"
    assert "none.png" in missing
    assert broken == f"error: {tmp_path / 'broken.png'}: no image that can be read"


def test_weights_that_cannot_be_read_end_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a.png", "--weights", "nowhere.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("error: nowhere.safetensors is missing")
