"""The house's stairs go one way: what each module may import of ours, and what it must not know of others."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_demo
from mnist_demo import classifier, predict

PACKAGE = Path(mnist_demo.__file__).parent

FLOORS = [  # a module imports of ours only what stands in a floor below its own, or beside it on the ground floor
    {
        "address",
        "commandline",
        "zerogpu",
        "device",
        "files",
        "data",
        "models",
        "recipes",
        "templates",
        "drawing",
        "distort",
        "strokes",
        "components",
        "background",
        "artifacts",
        "pictures",
        "picture_worker",
        "structure",
        "written",
    },
    {"handwriting", "figures"},
    {"weights"},
    {"scribbles", "evaluate", "classifier", "nearest"},
    {"training", "predict", "inside", "export"},
    {"following"},
    {"train", "page"},
    {"serve"},
    {"__main__"},
]
TRAINING = {"training", "following", "train"}
SERVING = {"classifier", "nearest", "predict", "inside", "export", "page"}


def modules() -> dict[str, list[Path]]:
    """Each module or sub-package of ours with its source files."""
    single = {path.stem: [path] for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    return single | {
        folder.parent.name: sorted(folder.parent.rglob("*.py")) for folder in PACKAGE.glob("*/__init__.py")
    }


def imported(files: list[Path]) -> set[str]:
    """The dotted names that those files import, `from a import b` as a and a.b."""
    names: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def of_ours(files: list[Path]) -> set[str]:
    """The modules of ours that those files import."""
    return {name.split(".")[1] for name in imported(files) if name.startswith("mnist_demo.")} & set(modules())


def floor(module: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if module in names)


def test_every_module_has_its_floor() -> None:
    assert set(modules()) <= set.union(*FLOORS)


@pytest.mark.parametrize("module", modules())
def test_imports_run_downwards_only(module: str) -> None:
    for other in of_ours(modules()[module]) - {module}:
        assert floor(other) < floor(module) or floor(module) == 0, f"{module} imports {other}, from above"


def test_training_and_serving_never_look_at_each_other() -> None:
    for module in TRAINING & set(modules()):
        assert not of_ours(modules()[module]) & SERVING
    for module in SERVING & set(modules()):
        assert not of_ours(modules()[module]) & TRAINING


def test_no_two_modules_import_each_other() -> None:
    needs = {module: of_ours(files) - {module} for module, files in modules().items()}
    assert not [(a, b) for a in needs for b in needs[a] if a in needs[b]]


@pytest.mark.parametrize(
    ("module", "stranger"),
    [
        *((module, "torch") for module in ("drawing", "strokes", "pictures", "written", "handwriting")),
        *((module, "gradio") for module in modules() if module != "page"),
    ],
)
def test_a_module_does_not_know(module: str, stranger: str) -> None:
    assert stranger not in {name.split(".")[0] for name in imported(modules()[module])}


def test_the_package_itself_imports_nothing() -> None:
    command = "import sys; before = set(sys.modules); import mnist_demo; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()} & {"torch", "numpy", "gradio", "PIL", "safetensors"}
    assert not loaded


def test_the_classifier_is_found_where_other_programs_look_for_it() -> None:
    assert mnist_demo.Classifier is classifier.Classifier
    assert predict.Classifier is classifier.Classifier
    with pytest.raises(AttributeError, match="Classifiers"):
        mnist_demo.Classifiers  # noqa: B018
