import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.strangers import SIGNS, auroc, main, read_signs, without_twins
from mnist_demo.data.mnist import Samples
from mnist_demo.data.synthetic import bend
from mnist_demo.data.templates import DIGITS

CROSS = "10,10 90,90 / 90,10 10,90"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, test_digits: Samples) -> dict[str, Path]:
    """Twenty test digits in the form of USPS and of ARDIS; a 3, a cross and an l as pen strokes."""
    folder = tmp_path_factory.mktemp("strangers")
    images, labels = test_digits.images[:20, 0].numpy(), test_digits.labels[:20].numpy()
    small = [np.asarray(Image.fromarray(image).resize((16, 16))) / 127.5 - 1 for image in images]
    lines = [
        " ".join([f"{label}.0", *(f"{value:.3f}" for value in one.flat)])
        for label, one in zip(labels, small, strict=True)
    ]
    found = {"--usps": folder / "usps.gz", "--ardis": folder / "ardis.npz", "--signs": folder / "signs.jsonl"}
    found["--usps"].write_bytes(gzip.compress("\n".join(lines).encode()))
    np.savez(found["--ardis"], images=images, labels=labels)
    random = np.random.default_rng(1)
    signs = [("3", DIGITS[3][0])] * 5 + [(r"\times", CROSS)] * 5 + [("l", "50,0 50,100")]
    paths = [(name, [path.tolist() for path in bend(random, template)]) for name, template in signs]
    found["--signs"].write_text("\n".join(json.dumps({"symbol": name, "strokes": strokes}) for name, strokes in paths))
    return found


def test_digits_are_counted_right_and_signs_rejected_beside_a_mere_resize(files, tmp_path, capsys):
    figures = tmp_path / "figures.json"
    named = [word for flag, file in files.items() for word in (flag, str(file))]
    assert main(["net", *named, "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    for name in ("USPS", "ARDIS", "formulas"):
        assert found[f"{name}: right"]["net best"] >= 95
        assert "net plain resize" in found[f"{name}: right"]
        assert "net plain resize" not in found[f"{name}: rejected"]
    assert found[f"{SIGNS} without twins: rejected"]["net best"] == 100
    assert found[f"{SIGNS} without twins: AUROC"]["net best"] == 1
    assert found[f"{SIGNS}: rejected"]["net best"] < 100  # the l is a 1 to any reader
    assert "(shipped)" in capsys.readouterr().out


def test_signs_that_look_like_a_digit_are_left_out(files):
    signs = read_signs(files["--signs"])
    assert set(signs.names) - set(without_twins(signs).names) == {"l"}


def test_auroc_is_how_often_a_digit_is_more_certain_and_a_tie_counts_half():
    assert auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == 0.875


@pytest.mark.parametrize(
    ("flag", "content", "complaint"),
    [
        ("--usps", b"no gzip", "is not a gzipped text of USPS digits"),
        ("--usps", gzip.compress(b"1 0.5", mtime=0), "is not a gzipped text of USPS digits"),
        ("--ardis", b"no archive", "is not an archive of ARDIS digits"),
        ("--signs", b'{"symbol": "3"}', 'line 1: is not {"symbol": "3"'),
        ("--signs", b"", "holds no signs"),
    ],
)
def test_a_broken_file_is_told_in_one_line(flag, content, complaint, tmp_path, capsys):
    (tmp_path / "file").write_bytes(content)
    assert main(["net", flag, str(tmp_path / "file")]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_nothing_to_measure_is_said_in_one_line(capsys):
    assert main(["net"]) == 2
    assert "name at least one of --usps, --ardis and --signs" in capsys.readouterr().err
