"""README.md, and what else is written for people to read: its links lead somewhere, its commands are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/figures.md", "docs/model-card.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


in_the_repository = pytest.mark.skipif(
    not (ROOT / "mnist_demo").exists(), reason="the package is installed, and not beside the README"
)


@in_the_repository
@pytest.mark.parametrize("text", TEXTS)
def test_every_file_that_a_text_links_to_is_there(text: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / text).read_text(encoding="utf-8"))
    folder = (ROOT / text).parent
    assert not [link for link in links if "://" not in link and not (folder / link).exists()]


@in_the_repository
def test_every_command_of_a_text_names_a_module_that_is_there() -> None:
    said = " ".join((ROOT / text).read_text(encoding="utf-8") for text in TEXTS)
    modules = set(re.findall(r"python -m ((?:mnist_demo|benchmarks)\.\w+)", said))
    assert {"mnist_demo.train", "mnist_demo.predict", "benchmarks.training"} <= modules
    assert not [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()]
