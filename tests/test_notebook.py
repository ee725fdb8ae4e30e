"""docs/notebook.ipynb runs unchanged, and the page that it shows is the demo's own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from thorough import THOROUGH

from benchmarks.pages import free_port
from mnist_demo.server import allow_list

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "notebook.ipynb"
NOTEBOOK: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

STUBS = {  # of IPython, as much as Gradio asks for where it shows a page below a cell
    "IPython/__init__.py": "",
    "IPython/core/__init__.py": "",
    "IPython/core/getipython.py": "def get_ipython(): return 'a kernel'",
    "IPython/display.py": "HTML = Javascript = str\ndef display(shown): print('shown:', shown)",
}
KERNEL = """
import asyncio, dataclasses, json, sys
from mnist_demo.model.recipes import RECIPES
EPOCHS and RECIPES["net"].update(fast=dataclasses.replace(RECIPES["net"]["fast"], epochs=EPOCHS))
sys.ps1 = "In: "  # as kernels have it, so that launching does not wait

async def run():  # kernels run cells within an event loop
    names = {}
    for cell in json.loads(sys.stdin.read()):
        exec(cell, names)

asyncio.run(run())
"""
ASK = """
import urllib.request, torch
from uvicorn.config import HTTP_PROTOCOLS
answer = urllib.request.urlopen(page.local_url)
print("policy:", answer.headers["content-security-policy"])
print("title:", "og:title" in answer.read().decode())
try: urllib.request.urlopen(page.local_url + "monitoring")
except urllib.error.HTTPError as error: print("monitoring:", error.code)
print("left:", HTTP_PROTOCOLS["auto"], torch.get_num_threads())
"""


def run(cells: list[str], folder: Path, epochs: int = 0) -> str:
    """Return the output of those cells, run one after the other in a process of their own, as by a kernel in that
    folder.
    """
    for name, content in STUBS.items():
        (folder / "stubs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stubs" / name).write_text(content, encoding="utf-8")
    variables = {
        "PYTHONPATH": f"{folder / 'stubs'}{os.pathsep}{ROOT}",
        "GRADIO_SERVER_PORT": str(free_port()),
    }
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", KERNEL.replace("EPOCHS", str(epochs))],
        cwd=folder,
        env=os.environ | variables,
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_notebook_is_valid_and_has_no_outputs() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert set(NOTEBOOK) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    for cell in NOTEBOOK["cells"]:
        own = {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | own
        assert cell["cell_type"] in ("code", "markdown")
        assert (cell.get("outputs", []), cell.get("execution_count")) == ([], None)
        assert all(line.endswith("\n") for line in cell["source"][:-1])


def test_the_manuals_lines_are_the_notebooks() -> None:
    section = (ROOT / "docs/api.md").read_text(encoding="utf-8").split("\n## In a notebook\n")[1]
    lines = re.sub(" +#.*", "", section.split("```python\n")[1].split("```")[0])
    assert lines.strip() in CODE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the notebook runs in."""
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    """Return the notebook's output, with further cells run while its page is there."""
    at = next(number for number, cell in enumerate(CODE) if "launch()" in cell)
    cells = [*CODE[:at], "import torch; torch.set_num_threads(3)", CODE[at], ASK, *CODE[at + 1 :]]
    return run(cells, folder, epochs=0 if THOROUGH else 1)


def test_the_notebook_trains_a_network_and_evaluates_it_and_leaves_no_file(printed: str, folder: Path) -> None:
    assert [path.name for path in folder.iterdir()] == ["stubs"]
    found = re.search(r"(\d) epochs: ([\d.]+) % of the 10,000 test digits are right", printed)
    assert found
    assert float(found[2]) > (98.8 if THOROUGH else 97)
    assert "answer 7" in printed
    assert re.search(r"^conv1 +conv +10x24x24$", printed, re.MULTILINE)
    assert "conv1 at map 0, row 10, column 10" in printed
    assert re.search(r"log-odds of 7 over 2: [\d.]+ nats; most hangs on Place", printed)
    assert "expected calibration error" in printed


def test_the_page_below_a_cell_is_the_demos_own_and_leaves_the_process_unchanged(printed: str) -> None:
    assert re.search(
        r'^shown: <div><iframe src="http://127.0.0.1:\d+/" width="100%" height="800"', printed, re.MULTILINE
    )
    assert "title: True" in printed
    assert "monitoring: 404" in printed
    assert f"policy: {allow_list.POLICY}\n" in printed
    assert "frame-ancestors" not in printed
    assert "left: uvicorn.protocols.http.auto:AutoHTTPProtocol 3" in printed
