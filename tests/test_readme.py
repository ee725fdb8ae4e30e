import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


in_the_repository = pytest.mark.skipif(
    not (ROOT / "mnist_demo").exists(), reason="the package is installed, and not beside the README"
)


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


@in_the_repository
def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@in_the_repository
def test_every_command_of_the_readme_names_a_module_that_is_there() -> None:
    modules = set(re.findall(r"python -m ((?:mnist_demo|benchmarks)\.\w+)", README))
    assert {"mnist_demo.train", "mnist_demo.predict", "benchmarks.training"} <= modules
    assert not [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()]
