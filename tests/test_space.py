"""Hosting as docs/hosting.md describes it, as far as it can be tested without the Hub and without containers."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from proxy import Quiet, listening

from mnist_demo.server.address import FIRST_PORT
from mnist_demo.server.allow_list import ALLOWED, READ

ROOT = Path(__file__).parent.parent
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
KEYS = {  # that a Space's configuration knows
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "app_port",
    "suggested_hardware", "suggested_storage", "base_path", "fullWidth", "header", "short_description", "models",
    "datasets", "tags", "thumbnail", "pinned", "license", "startup_duration_timeout",
}  # fmt: skip
ON_ZEROGPU = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")  # the versions of torch, in August 2026, and of Python:
PYTHONS = ("3.12.12", "3.10.13")
MAX_FILE_BYTES = 10 * 10**6  # bytes of a file that the Hub takes as it is
in_the_repository = pytest.mark.skipif(
    not (ROOT / "mnist_demo").exists(), reason="the package is installed, and not where the repository is"
)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def version(words: str) -> tuple[int, ...]:
    return tuple(map(int, words.split(".")))


@pytest.fixture(scope="module")
def front() -> dict[str, Any]:
    """Return the configuration of a Space."""
    read: dict[str, Any] = yaml.safe_load(text("README.md").split("---\n")[1])
    return read


@pytest.fixture(scope="module")
def asked() -> dict[str, str]:
    """Return the version constraints in the requirements, by package."""
    lines = re.findall(r"^([\w-]+)([=>]=.+)$", text("requirements.txt"), re.MULTILINE)
    return dict(lines)


def test_the_configuration_has_the_fields_that_a_space_needs_and_no_unknown_ones(front: dict[str, Any]) -> None:
    assert set(front) <= KEYS
    assert {"title", "emoji", "license", "tags", "datasets"} <= set(front)
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert front["sdk"] == "gradio"
    assert front["header"] in ("mini", "default")
    assert len(front["short_description"]) <= 60
    assert front["license"] == "mit"
    assert text("LICENSE").startswith("MIT License")
    assert {type(front["sdk_version"]), type(front["python_version"])} == {str}  # not read as numbers


def test_the_space_runs_the_newest_gradio_that_the_requirements_allow(
    front: dict[str, Any], asked: dict[str, str]
) -> None:
    major, minor, _ = version(front["sdk_version"])
    assert asked["gradio"].endswith(f",<{major}.{minor + 1}")


def test_the_python_version_is_supported_by_zerogpu_and_the_package(front: dict[str, Any]) -> None:
    least = tomllib.loads(text("pyproject.toml"))["project"]["requires-python"]
    assert front["python_version"] in PYTHONS
    assert version(front["python_version"]) >= version(least.removeprefix(">="))


def test_the_requirements_keep_the_torch_of_zerogpu(asked: dict[str, str]) -> None:
    least = version(asked["torch"].removeprefix(">="))
    assert all(version(one) >= least for one in ON_ZEROGPU)
    needing_one_torch = {"torchvision", "torchaudio", "xformers"}  # the newest would bring its own
    assert not needing_one_torch & set(asked)
    assert "spaces" not in asked  # the Space brings it, and it is needed nowhere else


def test_the_entry_file_exists_and_only_starts_the_package(front: dict[str, Any]) -> None:
    entry = text(front["app_file"])
    assert len(entry.splitlines()) < 20
    assert {type(node) for node in ast.parse(entry).body} <= {ast.Expr, ast.ImportFrom, ast.If}


class Hub(Quiet):
    """A stand-in for the Hub, up to the point where an upload lists its files."""

    brought: ClassVar[list[str]] = []

    def do_POST(self) -> None:  # noqa: N802
        content = self.rfile.read(int(self.headers["content-length"]))
        if "/preupload/" in self.path:
            self.brought += [file["path"] for file in json.loads(content)["files"]]
        code = 403 if self.brought else 200
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b'{"url": "https://huggingface.co/spaces/USER/draw-a-digit", "id": "USER/draw-a-digit"}')


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("hf", path=Path(sys.executable).parent), reason="no hf: pip install huggingface_hub"
)
def test_the_manuals_upload_contains_the_repository_and_no_virtual_environment(tmp_path: Path) -> None:
    [command] = re.findall(r"^hf upload .+--exclude.+$", text("docs/hosting.md"), re.MULTILINE)
    for name in (".git/config", ".venv/pyvenv.cfg", ".venv/bin/python", "app.py", "weights/net.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    with listening(Hub) as address:
        ours = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_none", "HF_HUB_OFFLINE": "0", "HOME": str(tmp_path / ".venv")}
        where = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_PROXY": "127.0.0.1"}
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=os.environ | ours | where, capture_output=True)
    assert sorted(set(Hub.brought)) == ["app.py", "weights/net.safetensors"]


def repository() -> list[str]:
    """Return the names of all files that are pushed."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    return subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()  # fmt: skip


def test_every_file_is_small_enough_for_the_hub_without_lfs() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in repository() if (ROOT / name).exists()}
    assert max(sizes.values()) < MAX_FILE_BYTES, max(sizes, key=sizes.__getitem__)
    assert "lfs" not in text(".gitattributes").replace("git-lfs", "")


def test_binary_files_are_marked_as_such() -> None:
    kinds = re.findall(r"^(\S+) binary$", text(".gitattributes"), re.MULTILINE)
    others = [name for name in repository() if (ROOT / name).exists() and b"\0" in (ROOT / name).read_bytes()]
    assert others
    assert not [name for name in others if not any(fnmatch(name, kind) for kind in kinds)]


@pytest.fixture(scope="module")
def recipe() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, in order."""
    joined = re.sub(r"\\\n\s*", "", text("Dockerfile"))
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


@in_the_repository
def test_the_container_has_every_file_it_needs_to_start(recipe: list[tuple[str, str]]) -> None:
    copied = {name for what, rest in recipe if what == "COPY" for name in rest.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    let_in = set(re.findall(r"^!(\S+)$", text(".dockerignore"), re.MULTILINE))
    assert copied == let_in
    assert {"app.py", "requirements.txt", "weights", "mnist_demo"} <= copied


def test_a_container_runs_unprivileged_and_listens_on_the_exposed_port(recipe: list[tuple[str, str]]) -> None:
    what = [name for name, _ in recipe]
    said = dict(recipe)
    assert what.index("USER") < what.index("CMD")
    assert said["USER"] not in ("root", "0")
    assert f"--uid 1000 {said['USER']}" in dict(reversed(recipe))["RUN"]
    settings = dict(pair.split("=") for pair in said["ENV"].split())
    assert settings["GRADIO_SERVER_NAME"] == "0.0.0.0"
    assert settings["GRADIO_SERVER_PORT"] == said["EXPOSE"] == str(FIRST_PORT)
    assert ast.literal_eval(said["CMD"]) == ["python", "app.py"]


def test_the_containers_health_check_requests_an_existing_path(recipe: list[tuple[str, str]]) -> None:
    program = ast.literal_eval(dict(recipe)["HEALTHCHECK"].split("CMD", 1)[1].strip())
    ast.parse(program[2])
    [(port, path)] = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w.]+)", program[2])
    assert int(port) == FIRST_PORT
    assert ALLOWED[path] == READ


def test_a_container_gets_the_torch_of_the_requirements_built_for_the_processor(
    recipe: list[tuple[str, str]], asked: dict[str, str]
) -> None:
    first = next(rest for what, rest in recipe if what == "RUN" and "pip" in rest).split("&&")[0]
    assert "--index-url https://download.pytorch.org/whl/cpu" in first
    pattern = re.findall(r"grep '(.+?)' requirements\.txt", first)[0]
    assert re.findall(rf"{pattern}.*", text("requirements.txt"), re.MULTILINE) == [f"torch{asked['torch']}"]


def test_with_uv_torch_is_built_for_the_processor_or_for_graphics_processors(asked: dict[str, str]) -> None:
    read = tomllib.loads(text("pyproject.toml"))
    extras, uv = read["project"]["optional-dependencies"], read["tool"]["uv"]
    assert extras["cpu"] == extras["gpu"] == [f"torch{asked['torch']}"]
    assert uv["conflicts"] == [[{"extra": "cpu"}, {"extra": "gpu"}]]
    assert uv["sources"]["torch"] == [{"index": uv["index"][0]["name"], "extra": "cpu"}]
    assert uv["index"][0]["explicit"] is True
    assert uv["index"][0]["url"] in text("Dockerfile")
    assert f"--index-url {uv['index'][0]['url']}\n" in text("README.md")
