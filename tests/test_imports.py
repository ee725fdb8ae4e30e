"""Imports go one way: the modules of this package that each wing may import, and the packages it must not."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mnist_demo
from mnist_demo.__main__ import COMMANDS
from mnist_demo.model import classifier

PACKAGE = Path(mnist_demo.__file__).parent

FLOORS = [  # a module or wing imports of ours only what stands on a floor below its own
    {"commandline", "files", "ink"},
    {"data"},
    {"model"},
    {"training", "server", "predict", "evaluate", "export"},
    {"train"},
    {"serve", "site"},
    {"__main__"},
]
WINGS = {"ink", "data", "model", "training", "server"}
WITHOUT_TORCH = ("data/stroke_file", "data/synthetic", "data/templates", "model/recipes")


def modules() -> dict[str, list[Path]]:
    """Return each module or sub-package of this package with its source files."""
    single = {path.stem: [path] for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    return single | {
        folder.parent.name: sorted(folder.parent.rglob("*.py")) for folder in PACKAGE.glob("*/__init__.py")
    }


def imported(files: list[Path]) -> set[str]:
    """Return the dotted names that those files import; `from a import b` counts as a and a.b."""
    names: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def of_ours(files: list[Path]) -> set[str]:
    """Return the modules of this package that those files import."""
    return {name.split(".")[1] for name in imported(files) if name.startswith("mnist_demo.")} & set(modules())


def strangers(files: list[Path]) -> set[str]:
    """Return the other packages that those files import."""
    return {name.split(".")[0] for name in imported(files)}


def floor(module: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if module in names)


def test_every_module_has_its_layer_and_is_in_a_wing_or_a_command_or_shared_by_commands() -> None:
    assert set(modules()) == set.union(*FLOORS)
    assert set(modules()) - WINGS == {"__main__", "commandline", "files", *COMMANDS}


def test_imports_run_downwards_only() -> None:
    for module, files in modules().items():
        for other in of_ours(files) - {module}:
            assert floor(other) < floor(module), f"{module} imports {other}, which does not stand below it"


def test_training_and_server_never_import_each_other() -> None:
    assert "server" not in of_ours(modules()["training"]) | of_ours(modules()["train"])
    assert not {"training", "train"} & of_ours(modules()["server"])


def test_no_files_import_each_other_in_a_cycle() -> None:
    files = {".".join(("mnist_demo", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in all_files()}
    TopologicalSorter({name: imported([path]) & set(files) - {name} for name, path in files.items()}).prepare()


def all_files() -> list[Path]:
    return [path for files in modules().values() for path in files if path.stem != "__init__"]


def test_only_the_server_imports_gradio() -> None:
    for module in set(modules()) - {"server"}:
        assert not {"gradio", "gradio_client"} & strangers(modules()[module]), module


def test_ink_and_drawn_data_import_no_torch() -> None:
    assert "torch" not in strangers([*modules()["ink"], *(PACKAGE / f"{name}.py" for name in WITHOUT_TORCH)])


def test_the_package_itself_imports_nothing() -> None:
    command = "import sys; before = set(sys.modules); import mnist_demo; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()} & {"torch", "numpy", "gradio", "PIL", "safetensors"}
    assert not loaded


def test_other_programs_import_the_classifier_from_the_package() -> None:
    assert mnist_demo.Classifier is classifier.Classifier
    with pytest.raises(AttributeError, match="Classifiers"):
        mnist_demo.Classifiers  # noqa: B018
