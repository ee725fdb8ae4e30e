import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


in_the_repository = pytest.mark.skipif(
    not (ROOT / "mnist_demo").exists(), reason="the package is installed, and not beside the README"
)


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
