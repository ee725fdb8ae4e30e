"""README.md and the other texts: their links work, their commands run, their languages agree.

Each command of the README and the manuals is in one of five tables: commands run here to their end, or until Ctrl-C,
trainings, commands that another test runs, and commands that no test can run, with the reason. Put a new command into
one of them.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from digit_pictures import picture

from benchmarks.pages import free_port
from mnist_demo import train
from mnist_demo.commandline import STOPPED
from mnist_demo.data.mnist import Samples

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
MANUALS = [f"docs/{name}.md" for name in ("api", "export", "hosting", "install", "numbers", "pictures", "training")]
OTHERS = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md", "docs/figures.md"]
TEXTS = [*READMES, *MANUALS, *OTHERS, "docs/model-card.md"]
MAX_README_LINES = 150
HEED = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # also below a shell that ignores Ctrl-C
MAX_COMMAND_SECONDS = 120  # seconds for a command

SERVED = "The page is at http://127"

ENDS = {  # what is run to its end, and what it says
    "python -m mnist_demo.predict docs/seven.png": "docs/seven.png 7 ",
    "python -m mnist_demo.train --help": "usage: .* --data-dir DIR",
    "python -m mnist_demo.site page": "wrote page: ",
    "python -m mnist_demo.evaluate": "convnet.safetensors: a convnet, .* test: 10,000 digits",
    "python -m mnist_demo.evaluate --model net --split validation": "a net, .* validation: 5,000 digits",
    "python -m mnist_demo.evaluate --weights FILE --json": '"weights": "FILE", "model": "net", "split": "test"',
    "python -m mnist_demo.evaluate --model net --write": "a net, .* test: 10,000 digits",
    "python -m mnist_demo.predict digit.png photo.jpg": "digit.png 7 .* photo.jpg 2 ",
    "python -m mnist_demo.predict digit.png --json --model net": '"file": "digit.png", "answer": 7',
    'python -m mnist_demo.predict scans/ "photos/*.jpg" -': "scans/a.png 7 .* photos/b.jpg 2 .* - 7 ",
    "python -m mnist_demo.predict photo.jpg --explain why/": "photo.jpg 2 ",
    "mnist-demo predict digit.png": "digit.png 7 ",
}
LEAVES = {  # which files that changes, or leaves
    "python -m mnist_demo.site page": r"page/.*",
    "python -m mnist_demo.evaluate --model net --write": r"weights/net\.safetensors",
    "python -m mnist_demo.predict photo.jpg --explain why/": r"why/photo\.jpg-\d-\w+\.png",
}
STOPS = {  # what would take longer, and what it says when it has begun: then comes Ctrl-C
    "python -m mnist_demo.train --model net --recipe fast --output my-net.safetensors": "net, recipe fast: 4 epochs",
    "mnist-demo": SERVED,
    "python app.py --host 0.0.0.0": SERVED,
}
TRAININGS = {  # what would begin as that command does, and the line that says so
    "python -m mnist_demo.train --model convnet": "convnet, recipe best: 28 epochs",
    "python -m mnist_demo.train --model net --recipe tutorial": "net, recipe tutorial: 10 epochs",
    "python -m mnist_demo.train --recipe teach --extra MY.jsonl --output MINE.safetensors": "convnet, recipe teach: ",
}
ELSEWHERE = {  # a command, or a section's block of a language, and the test that runs it
    "python -m mnist_demo.export --output digits.onnx": "test_export::test_the_manuals_commands_write_their_files",
    "python -m mnist_demo.export --model net --input canvas --output docs/canvas.onnx": (
        "test_export::test_the_manuals_commands_write_their_files"
    ),
    'hf upload USER/draw-a-digit . --repo-type space --exclude ".git/*" --exclude ".venv/*"': (
        "test_space::test_the_manuals_upload_contains_the_repository_and_no_virtual_environment"
    ),
    "README.md, API, python": "test_api::test_the_python_of_readme_and_manual_does_what_they_say",
    "docs/api.md, Endpoints, python": "test_api::test_the_python_of_readme_and_manual_does_what_they_say",
    "docs/api.md, Endpoints, sh": "test_api::test_the_manuals_curl_commands_do_what_it_says",
    "docs/api.md, In your own app, python": (
        "browser/test_examples::test_the_manuals_example_reads_a_drawing_while_the_pen_is_down"
    ),
    "docs/api.md, In a notebook, python": "test_notebook::test_the_manuals_lines_are_the_notebooks",
    "docs/numbers.md, In a program, python": "test_package::test_the_manuals_lines_of_python_read_a_number",
    "docs/pictures.md, In Python, python": "test_package::test_the_manuals_lines_of_python_read_a_picture",
    "docs/hosting.md, More than one process, nginx": ("test_replicas::test_users_hardly_notice_a_killed_replica"),
}
OUTSIDE = {  # what no test runs, and why
    "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python app.py": ".ci/run",
    "python3 -m venv .venv && .venv/bin/pip install -r requirements-dev.txt && "
    ".venv/bin/python -m pytest -n 2": ".ci/run",
    "git clone URL mnist-demo && cd mnist-demo": "needs the repository's address",
    "python3 -m venv .venv && .venv/bin/pip install torch torchvision --index-url "
    "https://download.pytorch.org/whl/cpu": "needs PyTorch's own index; test_space knows that it is the one",
    "uv run --extra cpu app.py": "needs uv and PyTorch's own index; test_space reads what uv reads",
    "pip install onnx onnxscript": "needs a package index",
    "pip install .": "needs a package index for what builds the wheel; test_package builds it, and runs what is in it",
    "bash .ci/wheel": "needs a package index, and takes minutes",
    "hf repo create USER/draw-a-digit --type space --space-sdk static": "needs an account",
    "hf upload USER/draw-a-digit page . --repo-type space": "needs an account",
    "python -m http.server --directory page": "browser/test_site serves the folder in this way",
    "docker build -t mnist-demo . && docker run --rm -p 7860:7860 mnist-demo": "needs Docker; see test_space",
    "docker run --rm --read-only -p 7860:7860 mnist-demo": "needs Docker; see test_space and test_mnist",
}

in_the_repository = pytest.mark.skipif(
    not (ROOT / "mnist_demo").exists(), reason="the package is installed, and not beside the README"
)


def read(name: str) -> str:
    """Return a text without its front matter."""
    return re.sub(r"\A---\n.*?\n---\n+", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def blocks(name: str) -> list[tuple[str, str, str]]:
    """Return the blocks of code of a text: the section's title, the language, and the code without its comments."""
    found = []
    for section in re.split(r"^## ", read(name), flags=re.MULTILINE):
        for language, code in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
            found.append((section.split("\n")[0], language, re.sub(r"[ \t]+# .*$", "", code, flags=re.MULTILINE)))
    return found


def shown() -> dict[str, list[str]]:
    """Return the commands of the README and the manuals, each with the lines of output that are shown below it."""
    found: dict[str, list[str]] = {}
    for name in ("README.md", *MANUALS):
        for section, language, code in blocks(name):
            if f"{name}, {section}, {language}" not in ELSEWHERE and language == "sh":
                for command, outputs in re.findall(r"^([^#\n].*)\n((?:# .*\n)*)", code, re.MULTILINE):
                    found[command] = [line.removeprefix("# ") for line in outputs.splitlines()]
    return found


def prose(name: str) -> str:
    """Return a text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", read(name), flags=re.DOTALL | re.MULTILINE)


def programs_shown() -> list[str]:
    """Return the other blocks that can be run, by file, section and language."""
    all_blocks = [(name, *block) for name in ("README.md", *MANUALS) for block in blocks(name)]
    names = [f"{name}, {section}, {language}" for name, section, language, _ in all_blocks]
    return [name for name in names if name in ELSEWHERE or not name.endswith((", sh", ", text", ", json"))]


@in_the_repository
@pytest.mark.parametrize("text", TEXTS)
def test_every_file_that_a_text_links_to_exists(text: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", read(text))
    folder = (ROOT / text).parent
    assert not [link for link in links if "://" not in link and not (folder / link).exists()]


@in_the_repository
def test_every_command_of_a_text_names_an_existing_module() -> None:
    said = " ".join(map(read, TEXTS))
    modules = set(re.findall(r"python -m ((?:mnist_demo|benchmarks)\.\w+)", said))
    assert {"mnist_demo.train", "mnist_demo.predict", "benchmarks.training"} <= modules
    assert not [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()]


@pytest.mark.parametrize("name", READMES)
def test_a_readme_is_short(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("name", TEXTS)
def test_lines_fit_except_in_tables_and_commands(name: str) -> None:
    wide = 2 if name.endswith("zh-CN.md") else 1  # columns of a character, on a screen
    lines = [line for line in prose(name).splitlines() if not line.startswith("|")]
    assert not [line for line in lines if sum(1 + (wide - 1) * (c > "\u2e80") for c in line) > 120]


def test_each_readme_leads_to_the_other_in_its_first_lines() -> None:
    for name, other in (READMES, reversed(READMES)):
        title, _, languages = read(name).splitlines()[:3]
        assert title == "# mnist-demo"
        assert languages.count(" | ") == 1
        assert f"]({other})" in languages
    assert (ROOT / "README.zh-CN.md").read_text(encoding="utf-8").startswith("# ")  # and no front matter


def test_both_readmes_have_the_same_commands() -> None:
    english, chinese = ([(language, code) for _, language, code in blocks(name)] for name in READMES)
    assert chinese == english


def test_both_readmes_have_the_same_sections_tables_and_lists() -> None:
    kinds = [r"^(#+) ", r"^\|.*\|$", r"^(\d\.|-) "]
    english, chinese = (
        [[line.count("|") for line in prose(name).splitlines() if re.match(kind, line)] for kind in kinds]
        for name in READMES
    )
    assert chinese == english


def test_both_readmes_have_the_same_links_and_pictures() -> None:
    english, chinese = (Counter(re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", prose(name))) for name in READMES)
    assert english.pop(("", "README.zh-CN.md")) == chinese.pop(("", "README.md")) == 1
    assert chinese == english


def test_both_readmes_have_the_same_names_and_figures() -> None:
    words = [re.sub(r"\]\([^)]+\)", "]", prose(name)) for name in READMES]
    english, chinese = ({" ".join(one.split()) for one in re.findall("`([^`]+)`", text)} for text in words)
    assert chinese == english
    english, chinese = (set(re.findall(r"\d+(?:[.,]\d+)*", text)) for text in words)
    assert not english - chinese  # which may have figures where English has words


def test_the_command_for_windows_is_that_for_linux() -> None:
    [command] = [name for name, by in OUTSIDE.items() if by == ".ci/run" and "app.py" in name]
    translated = command.replace("python3 ", "py ").replace(" && ", "; ").replace(".venv/bin/", ".venv\\Scripts\\")
    assert f"`{translated}`" in read("README.md")


def test_every_command_of_the_readmes_and_manuals_is_run_somewhere() -> None:
    known = [*ENDS, *STOPS, *TRAININGS, *ELSEWHERE, *OUTSIDE]
    assert sorted([*shown(), *programs_shown()]) == sorted(known)


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_another_test_runs_is_run_there(what: str) -> None:
    file, name = ELSEWHERE[what].split("::")
    source = (ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8")
    assert f"\ndef {name}(" in source
    [text] = [text for text in ("README.md", *MANUALS) if what.startswith(f"{text}, ") or f"\n{what}" in read(text)]
    assert f'"{text}"' in source or f'"{Path(text).name}"' in source


@pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="no checkout")
@pytest.mark.parametrize("part", ["app.py", "pytest"])
def test_the_first_two_commands_are_run_by_ci(part: str) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"$(of_readme {part})" in script
    [function] = re.findall(r"^of_readme\(\) .*$", script, re.MULTILINE)
    found = subprocess.run(["bash", "-euc", f"{function}\nof_readme {part}"], cwd=ROOT, capture_output=True, text=True)
    [command] = [name for name, by in OUTSIDE.items() if by == ".ci/run" and part in name]
    assert found.stdout.rstrip() == command.rpartition("/bin/")[2]


@pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="no checkout")
@pytest.mark.parametrize("name", ["run", "wheel"])
def test_the_scripts_of_ci_are_valid_bash(name: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / name)], check=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, test_digits: Samples) -> Path:
    """Return a copy of the files that the commands read, with all the files that they name."""
    folder = tmp_path_factory.mktemp("place") / "repository"
    for name in ("mnist_demo", "weights"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(folder / "weights" / "net.safetensors", folder / "FILE")
    shutil.copy(ROOT / "app.py", folder / "app.py")
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "seven.png", folder / "docs" / "seven.png")
    for name, digit in (("digit.png", 0), ("photo.jpg", 1), ("scans/a.png", 0), ("photos/b.jpg", 1)):
        (folder / name).parent.mkdir(exist_ok=True)
        picture(test_digits.images[digit]).save(folder / name)
    [digit] = [code for _, language, code in blocks("docs/training.md") if language == "json"]
    (folder / "MY.jsonl").write_text(digit, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the programs that the commands call: this Python, and the script that pip installs."""
    folder = tmp_path_factory.mktemp("programs")
    [(name, where)] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"].items()
    module, function = where.split(":")
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    lines = ["#!/usr/bin/env python", "import sys", f"from {module} import {function}", f"sys.exit({function}())"]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


@contextmanager
def begun(command: str, place: Path, programs: Path, printed: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command there as a shell would, with a digit for standard input; its output goes to that file."""
    places = {"PYTHONPATH": str(place), "GRADIO_SERVER_PORT": str(free_port())}
    places |= {name: str(place.parent / "home") for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    environment = os.environ | places | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    with printed.open("wb") as out, (place / "digit.png").open("rb") as digit:
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=place, env=environment, stdin=digit, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=HEED,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def content(place: Path) -> dict[str, str]:
    """Return the files there with their checksums."""
    files = [path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(place).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
@in_the_repository
@pytest.mark.parametrize("command", ENDS)
def test_a_command_prints_the_output_shown(command: str, place: Path, programs: Path, tmp_path: Path) -> None:
    before, printed = content(place), tmp_path / "printed"
    with begun(command, place, programs, printed) as process:
        code = process.wait(MAX_COMMAND_SECONDS)
    said, after = printed.read_text(encoding="utf-8"), content(place)
    assert code == 0, said
    assert re.search(ENDS[command], " ".join(said.split())), said
    for line in shown()[command]:
        assert re.search(f"^{re.escape(line)}$".replace(r"\.\.\.", ".*"), said, re.MULTILINE), said
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert bool(changed) == (command in LEAVES)
    assert all(re.fullmatch(LEAVES[command], name) for name in changed)


@pytest.mark.slow
@in_the_repository
@pytest.mark.parametrize("command", STOPS)
def test_a_command_starts_and_ends_by_ctrl_c_and_leaves_nothing(
    command: str, place: Path, programs: Path, tmp_path: Path
) -> None:
    before, printed = content(place), tmp_path / "printed"
    with begun(command, place, programs, printed) as process:
        latest = time.monotonic() + MAX_COMMAND_SECONDS
        while STOPS[command] not in (said := printed.read_text(encoding="utf-8")):
            assert process.poll() is None, said
            assert time.monotonic() < latest, said
            time.sleep(0.05)
        for address in re.findall(r"http://127\S+", said):
            assert urllib.request.urlopen(address, timeout=MAX_COMMAND_SECONDS).status == 200
        os.killpg(process.pid, signal.SIGINT)
        ends = (STOPPED, 0) if STOPS[command] == SERVED else (STOPPED,)  # the page is there until it is stopped
        assert process.wait(MAX_COMMAND_SECONDS) in ends
    assert "Traceback" not in printed.read_text(encoding="utf-8")
    assert content(place) == before


@in_the_repository
@pytest.mark.parametrize("command", TRAININGS)
def test_a_training_is_announced_as_meant(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    job, _ = train.job_from(train.parser().parse_args(command.split()[3:]))
    assert train.announce(job).startswith(TRAININGS[command])
