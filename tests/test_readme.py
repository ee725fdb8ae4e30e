"""README.md, and what else is written for people to read: its links lead somewhere, its commands are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/figures.md", "docs/model-card.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def front_matter() -> dict[str, str]:
    """The keys and values that a Space is configured by."""
    lines = README.split("---\n")[1].splitlines()
    return {key: value.strip(' "') for key, value in (line.split(":", 1) for line in lines)}


def test_the_space_runs_the_gradio_that_the_requirements_pin() -> None:
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"gradio=={front_matter()['sdk_version']}\n" in pins
    assert front_matter()["sdk"] == "gradio"


def test_the_space_starts_a_file_that_is_there() -> None:
    assert (ROOT / front_matter()["app_file"]).exists()


@pytest.mark.parametrize("text", TEXTS)
def test_every_file_that_a_text_links_to_is_there(text: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / text).read_text(encoding="utf-8"))
    folder = (ROOT / text).parent
    assert not [link for link in links if "://" not in link and not (folder / link).exists()]


def test_every_command_of_a_text_names_a_module_that_is_there() -> None:
    said = " ".join((ROOT / text).read_text(encoding="utf-8") for text in TEXTS)
    modules = set(re.findall(r"python -m ((?:mnist_demo|benchmarks)\.\w+)", said))
    assert {"mnist_demo.train", "mnist_demo.predict", "benchmarks.training"} <= modules
    assert not [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()]
