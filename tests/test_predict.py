import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from digit_pictures import picture
from PIL import ExifTags, Image

from mnist_demo.data.mnist import Samples
from mnist_demo.model.weights import path_at_hand
from mnist_demo.predict import main


def test_at_least_29_of_30_test_digits_of_many_sizes_are_read_from_files(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{index}.png" for index in range(30)]
    for index, (file, image) in enumerate(zip(files, test_digits.images, strict=False)):
        picture(image, (56, 140, 280, 500)[index % 4]).save(file)
    assert main([*map(str, files), "--json"]) == 0
    answers = [json.loads(line)["answer"] for line in capsys.readouterr().out.splitlines()]
    assert (np.array(answers) == test_digits.labels[:30].numpy()).sum() >= 29


def test_a_photo_held_sideways_is_read_upright(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # shown a quarter turn clockwise of how it is stored
    stored = picture(test_digits.images[0]).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "phone.jpg", exif=turned)
    assert main([str(tmp_path / "phone.jpg")]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'phone.jpg'}  7")


def test_a_closed_output_pipe_is_not_an_error(test_digits: Samples, tmp_path: Path) -> None:
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    command = [sys.executable, "-m", "mnist_demo.predict", *[str(tmp_path / "seven.png")] * 3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_one_line_per_file_has_the_digit_and_its_probability(
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
    assert main([str(tmp_path / "seven.png"), "--json", "--weights", str(path_at_hand("net"))]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["file"] == str(tmp_path / "seven.png")
    assert line["answer"] == 7
    assert len(line["probabilities"]) == 10


def row_of(digits: Samples, *indices: int) -> np.ndarray:
    """Those test digits side by side, as ink."""
    return np.concatenate([digits.images[index, 0].numpy() for index in indices], axis=1)


def test_rows_of_digits_are_numbers_on_lines_of_their_own(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = np.pad(np.concatenate([row_of(test_digits, 0, 1, 2), row_of(test_digits, 3, 0, 2)]), 10)
    Image.fromarray(255 - np.kron(page, np.ones((4, 4), np.uint8))).save(tmp_path / "page.png")
    assert main([str(tmp_path / "page.png")]) == 0
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()] == ["721", "071"]
    assert main([str(tmp_path / "page.png"), "--json", "--explain", str(tmp_path / "steps")]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["answer"], line["number"]) == (None, "721\n071")
    assert [digit["answer"] for digit in line["digits"]] == [7, 2, 1, 0, 7, 1]
    [cuts] = (tmp_path / "steps").glob("*-cuts.png")
    box, colours = line["digits"][0]["box"], np.asarray(Image.open(cuts))
    assert colours[box["top"], box["left"]].tolist() == [255, 80, 40]


def test_a_file_that_is_not_a_picture_is_named_and_the_others_are_read(
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
    assert bad.startswith(f"error: {tmp_path / 'text.png'}: cannot be read as a picture")
    assert "none.png" in missing
    assert broken.startswith(f"error: {tmp_path / 'broken.png'}: cannot be read as a picture")


def test_only_the_listed_formats_are_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n", encoding="ascii")  # Ghostscript, to Pillow
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    assert main([str(tmp_path / "a.eps")]) == 2
    assert "cannot be read as a picture (PNG, JPEG, WEBP, GIF, BMP, TIFF)" in capsys.readouterr().err
    assert not (tmp_path / "started").exists()
    assert main([str(tmp_path)]) == 2  # and no other is looked for in a folder
    assert "contains no pictures" in capsys.readouterr().err


def test_weights_that_cannot_be_read_end_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a.png", "--weights", "nowhere.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("error: nowhere.safetensors is missing")


def test_a_folder_is_read_by_name_without_its_other_files(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, image in (("b.PNG", test_digits.images[1]), ("a.jpg", test_digits.images[0])):
        picture(image).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("seven, two")
    (tmp_path / ".hidden.png").write_text("nothing")
    assert main([str(tmp_path)]) == 0
    seven, two = capsys.readouterr().out.splitlines()
    assert seven.startswith(f"{tmp_path / 'a.jpg'}  7")
    assert two.startswith(f"{tmp_path / 'b.PNG'}  2")


def test_a_pattern_that_the_shell_did_not_expand_is_expanded(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        picture(test_digits.images[number]).save(tmp_path / f"digit{number}.png")
    picture(test_digits.images[2]).save(tmp_path / "odd[1].png")  # a name that looks like a pattern is a name first
    assert main([str(tmp_path / "digit*.png"), str(tmp_path / "odd[1].png")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("empty", ["", "*.png"])
def test_a_folder_without_pictures_is_reported_in_one_line(
    empty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / empty)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1


def test_standard_input_is_read(
    test_digits: Samples, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    picture(test_digits.images[0]).save(file, "PNG")
    for content, code in ((file.getvalue(), 0), (b"nothing", 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["-"]) == code
    printed = capsys.readouterr()
    assert printed.out.startswith("-  7")
    assert printed.err.startswith("error: standard input: cannot be read as a picture")


def test_explain_writes_a_picture_for_each_step(
    test_digits: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        picture(test_digits.images[0]).save(tmp_path / folder / "seven.png")
    explained = tmp_path / "explained" / "here"
    assert main([str(tmp_path / "one"), str(tmp_path / "two"), "--explain", str(explained)]) == 0
    names = sorted(file.name for file in explained.iterdir())
    assert [name for name in names if name.startswith("seven.png-1-")] == [
        f"seven.png-1-{number}-{step}.png"
        for number, step in enumerate(("upright", "brightness", "contrast", "ink", "digit", "seen"), start=1)
    ]
    assert len(names) == 12
    with Image.open(explained / "seven.png-2-6-seen.png") as seen:
        assert seen.size == (280, 280)


def test_a_folder_that_cannot_be_created_for_explain_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["a.png", "--explain", str(tmp_path / "file")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
