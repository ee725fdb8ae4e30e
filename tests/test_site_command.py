"""The command that writes the page as a folder."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mnist_demo import site
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.server import static_site
from mnist_demo.server.page import PANELS, texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "site"
    assert site.main([str(folder)]) == 0
    return folder


def test_every_file_that_the_page_names_is_there(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    named = re.findall(r'(?:href|src)="((?!https?:)[^"#?]+)"', page)
    assert len(named) > 20
    assert [name for name in named if not (folder / name).is_file()] == []
    worker = (folder / "sw.js").read_text()
    kept = json.loads(worker[len("const SITE = ") : worker.index(";\n")])["files"]
    assert [name for name in kept if name != "./" and not (folder / name).is_file()] == []
    assert "{{" not in page
    for lens in PANELS:
        assert f'id="{lens}"' in page


def test_samples_are_the_test_set_and_hard_ones_those_that_a_network_misreads(
    folder: Path, test_digits: Samples
) -> None:
    about = json.loads((folder / "web/site/samples.json").read_text())
    assert [int(label) for label in about["labels"]] == test_digits.labels.tolist()
    shards = [(folder / f"web/site/samples-{at}.bin").read_bytes() for at in range(10)]
    assert b"".join(shards) == test_digits.images.numpy().tobytes()
    cards = [Classifier.load(name).card for name in MODELS]
    assert about["hard"] == sorted({index for card in cards for index, _ in card.misread})
    hard = np.frombuffer((folder / "web/site/hard.bin").read_bytes(), np.uint8).reshape(-1, 28, 28)
    assert np.array_equal(hard, test_digits.images[about["hard"], 0].numpy())


def test_it_is_a_static_space_of_its_own_words(folder: Path) -> None:
    readme = (folder / "README.md").read_text()
    assert readme.startswith("---\n")
    assert "\nsdk: static\n" in readme
    assert texts()["en"]["title"] in readme
    assert json.loads((folder / "manifest.webmanifest").read_text())["start_url"] == "./"


def test_the_same_content_has_the_same_version_and_other_content_another() -> None:
    assert static_site.version_of({"a": b"1"}) == static_site.version_of({"a": b"1"})
    assert len({static_site.version_of(files) for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a1": b""})}) == 4


def test_templates_are_filled_as_handlebars_fills_them() -> None:
    rows = "{{#each networks}}<p>{{name}}{{#each ../digits}}{{this}}{{/each}}</p>{{/each}}"
    values = {"networks": [{"name": "a"}, {"name": "b"}], "digits": [0, 1]}
    assert static_site.filled(rows + "{{#each digits}}{{this}};{{/each}}", values) == "<p>a01</p><p>b01</p>0;1;"


def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis").write_text("mine")
    assert site.main([str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]
