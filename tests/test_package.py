"""The result of `pip install .`: one command, with weights, data and page inside, and no files written beside them."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from digit_pictures import picture

import mnist_demo
from mnist_demo import __main__ as command_line
from mnist_demo import commandline, evaluate, server, train
from mnist_demo.data.mnist import Samples
from mnist_demo.model import weights
from mnist_demo.model.networks import MODELS
from mnist_demo.model.weights import default_path, load_named, load_weights, path_at_hand, save_weights

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(file: str) -> list[str]:
    """Return the requirements in a file, without its comments."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def test_the_package_has_the_same_requirements_as_requirements_txt() -> None:
    assert PROJECT["dependencies"] == requirements("requirements.txt")


def test_the_page_needs_the_required_gradio() -> None:
    assert f"gradio{server.GRADIO}" in PROJECT["dependencies"]


def test_the_command_exists_under_its_name() -> None:
    [(name, place)] = PROJECT["scripts"].items()
    assert name == commandline.INSTALLED
    assert place == f"{command_line.__name__}:main"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from the repository."""
    pytest.importorskip("hatchling")
    if not (ROOT / "mnist_demo").exists():
        pytest.skip("the package is installed, and not here to be built")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [file] = folder.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.mark.slow
def test_the_wheel_holds_package_page_data_and_weights_and_no_more(wheel: zipfile.ZipFile) -> None:
    package = Path(mnist_demo.__file__).parent
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    ours = {f"mnist_demo/{path.relative_to(package).as_posix()}" for path in files}
    shipped = {f"mnist_demo/shipped/{name}.safetensors" for name in MODELS}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == ours | shipped
    assert f"mnist_demo-{mnist_demo.__version__}.dist-info/METADATA" in wheel.namelist()
    assert wheel.read("mnist_demo/shipped/net.safetensors") == default_path("net").read_bytes()


@pytest.mark.slow
def test_an_installed_package_reads_a_picture_and_keeps_weights_in_the_users_folder(
    wheel: zipfile.ZipFile, test_digits: Samples, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path / "site")
    picture(test_digits.images[0]).save(tmp_path / "seven.png")
    code = "from mnist_demo.model.weights import *; print(path_at_hand('net')); print(default_path('net'))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "XDG_DATA_HOME": str(tmp_path / "data")}
    read, places = (
        subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for arguments in (["-m", "mnist_demo", "predict", "seven.png"], ["-c", code])
    )
    assert read.startswith("seven.png  7 ")
    at_hand, own = places.split()
    assert at_hand == str(tmp_path / "site" / "mnist_demo" / "shipped" / "net.safetensors")
    if sys.platform == "linux":
        assert own == str(tmp_path / "data" / "mnist-demo" / "weights" / "net.safetensors")
    assert not own.startswith(str(tmp_path / "site"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Imitate an installed package: weights that came with it, and a user data folder that does not exist yet."""
    came_along = path_at_hand("net").parent
    monkeypatch.setattr(weights, "SHIPPED", came_along)
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "own" / "weights")
    return tmp_path / "own" / "weights"


def test_the_users_own_weights_are_read_before_the_included_ones(installed: Path) -> None:
    assert path_at_hand("net").parent == weights.SHIPPED
    job, _ = train.job_from(train.parser().parse_args(["--model", "net"]))
    assert job.output == installed / "net.safetensors"
    save_weights(job.output, *load_named("net"))
    assert path_at_hand("net") == job.output
    assert path_at_hand("convnet").parent == weights.SHIPPED


def test_metrics_are_saved_in_the_users_weights_and_not_in_the_package(
    installed: Path, monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    came_along = path_at_hand("net").read_bytes()
    few = Samples(test_digits.images[:200], test_digits.labels[:200])
    monkeypatch.setattr(evaluate, "load_mnist", lambda split: few)
    assert evaluate.main(["--model", "net", "--write"]) == 0
    assert (weights.SHIPPED / "net.safetensors").read_bytes() == came_along
    card = load_weights(installed / "net.safetensors")[1]
    assert card.evaluation is not None
    assert card.evaluation["once"]["count"] == 200


def test_a_user_folder_that_cannot_be_created_is_reported_in_one_line(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.parent.touch()
    assert train.main(["--model", "net"]) == 2
    assert re.fullmatch(rf"error: {installed} cannot be created \(.*\): name another file\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [([], "serve"), (["serve"], "serve"), (["train", "--help"], "train"), (["predict", "train"], "predict")],
)
def test_the_first_word_is_the_command_and_without_one_it_is_serve(arguments: list[str], command: str) -> None:
    assert command_line.chosen(arguments) == (command, arguments[1:])
    assert command_line.chosen(["--port", "8000"]) == ("serve", ["--port", "8000"])


def test_an_unknown_command_is_reported_with_the_list_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line.chosen(["teach"])
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert all(name in complaint for name in ("teach", *command_line.COMMANDS))


def test_an_installed_package_names_the_installed_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/mnist-demo", "train"])
    assert weights.train_command(default_path("net")) == "mnist-demo train --model net"
    with pytest.raises(SystemExit):
        train.main(["--help"])
    assert capsys.readouterr().out.startswith("usage: mnist-demo train ")


def manuals_lines(name: str) -> str:
    """Return the only Python in that manual."""
    [lines] = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    return str(lines)


def test_the_manuals_lines_of_python_read_a_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    exec(manuals_lines("docs/numbers.md"), {})
    assert capsys.readouterr().out.startswith("7 [Box(")


def test_the_manuals_lines_of_python_read_a_picture(
    test_digits: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = manuals_lines("docs/pictures.md")
    assert len(example.splitlines()) <= 11
    picture(test_digits.images[0]).save(tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert re.fullmatch(r"7 \d+\.\d %\n", capsys.readouterr().out)
