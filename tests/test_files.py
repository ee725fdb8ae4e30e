import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_demo.files import ABANDONED, MAX_FILE_BYTES, check_can_write, read_whole, write_folder, write_whole

unix = pytest.mark.skipif(os.name != "posix", reason="has no such files")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in which this process cannot write, even as root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)


def test_writing_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    write_whole(tmp_path / "a", b"new")
    assert read_whole(tmp_path / "a") == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@unix
def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "a")
    for content in (b"first", b"second"):  # into nothing, and over the first
        write_whole(tmp_path / "link", content)
        assert (tmp_path / "there" / "a").read_bytes() == content
    assert (tmp_path / "link").is_symlink()


@unix
def test_a_path_that_is_not_a_file_is_neither_replaced_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for path in (tmp_path / "pipe", tmp_path / "round", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match=f"{path} is (not a regular file|a folder): name a file"):
            write_whole(path, b"x")
        with pytest.raises(OSError, match=f"{path}"):
            read_whole(path)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(OSError, match=f"is larger than {MAX_FILE_BYTES} bytes"):
        read_whole(tmp_path / "large")


def test_the_next_write_removes_a_killed_writers_partial_file_and_no_other_file(tmp_path: Path) -> None:
    left, just_now, anothers, own = (
        tmp_path / name for name in (".a.12345678.part", ".a.87654321.part", ".ab.12345678.part", ".a.part")
    )
    for path in (left, just_now, anothers, own):
        path.touch()
        os.utime(path, (0, time.time() - 2 * ABANDONED))
    os.utime(just_now)
    write_whole(tmp_path / "a", b"x")
    assert not left.exists()
    assert just_now.exists()
    assert anothers.exists()
    assert own.exists()


def test_git_ignores_partial_files_of_killed_processes() -> None:
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        pytest.skip("no checkout")
    run = subprocess.run(["git", "check-ignore", "weights/.net.safetensors.12345678.part"], cwd=root, check=False)
    assert run.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_a_full_disk_is_reported_with_the_files_name_and_leaves_only_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"/a cannot be written: File too large$"):
            write_whole(tmp_path / "a", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@unix
def test_a_folder_that_cannot_be_written_is_reported_before_and_while_writing(read_only: Path) -> None:
    for write in (check_can_write, lambda path: write_whole(path, b"x")):
        with pytest.raises(OSError, match=f"^{read_only / 'a'} cannot be written: Permission denied$"):
            write(read_only / "a")


@unix
def test_a_name_too_long_for_a_partial_file_is_reported_before_writing(tmp_path: Path) -> None:
    check_can_write(tmp_path / ("a" * 240))
    with pytest.raises(OSError, match="cannot be written: File name too long"):
        check_can_write(tmp_path / ("a" * 241))


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_written_whole_and_replaces_an_older_one_of_its_kind(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_folder(folder, {"mark": b"", "a/b": b"1", "old": b""}, "mark")
    write_folder(folder, {"mark": b"", "a/b": b"2"}, "mark")
    assert content(folder) == {"mark": b"", "a/b": b"2"}
    assert list(tmp_path.iterdir()) == [folder]
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", {"mark": b""}, "mark")
    assert content(tmp_path / "empty") == {"mark": b""}


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(OSError, match="holds other files"):
        write_folder(tmp_path, {"mark": b""}, "mark")
    with pytest.raises(OSError, match="is a file"):
        write_folder(tmp_path / "thesis", {"mark": b""}, "mark")
    with pytest.raises(OSError, match="cannot be written"):
        write_folder(tmp_path / "missing" / "site", {"mark": b""}, "mark")
    assert content(tmp_path) == {"thesis": b"mine"}


def test_a_folder_that_cannot_be_finished_leaves_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_folder(folder, {"mark": b"old"}, "mark")
    with pytest.raises(OSError, match="site cannot be written"):
        write_folder(folder, {"mark": b"new", "x" * 300: b""}, "mark")
    assert content(folder) == {"mark": b"old"}
    assert list(tmp_path.iterdir()) == [folder]
