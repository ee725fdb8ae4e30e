"""The address of the page, and the one-line error for an invalid one."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from mnist_demo.server import address as module
from mnist_demo.server.address import PORTS, address, find_temporary_folder, may_train, urls


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(("GRADIO_", "MNIST_DEMO_"))]:
        monkeypatch.delenv(variable)


def listening() -> socket.socket:
    """Yield a socket that occupies a port of this machine."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.listen()
    return held


def test_by_default_it_is_this_machine_alone_and_the_first_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as held:
        taken = held.getsockname()[1]
        monkeypatch.setattr(module, "FIRST_PORT", taken)
        host, port = address()
    assert host == "127.0.0.1"
    assert taken < port < taken + PORTS


def test_a_port_that_is_named_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as held:
        port = held.getsockname()[1]
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        refusal = f"^port {port} is in use: name a free one with --port or GRADIO_SERVER_PORT$"
        with pytest.raises(OSError, match=refusal):
            address()
    assert address().port == port


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
@pytest.mark.parametrize("value", ["::1", "[::1]"])
def test_the_server_can_listen_on_ipv6(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", value)
    assert address().host == "[::1]"


@pytest.mark.parametrize("variable", ["GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"])
def test_an_invalid_port_is_told(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "abc", "0", "-1", "65536", "1e3", "٣", "7860 ", "9" * 5000):
        monkeypatch.setenv(variable, value)
        with pytest.raises(ValueError, match=f"{variable} must be a whole number from 1 to 65535, got '"):
            address()


def test_a_foreign_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("no.such.host.invalid", "203.0.113.1", "2001:db8::1", "a" * 300, "a..b", "http://localhost"):
        monkeypatch.setenv("GRADIO_SERVER_NAME", value)
        with pytest.raises(OSError, match=r"must be an address of this machine, or 0\.0\.0\.0, got '"):
            address()


def test_a_root_path_is_as_gradio_has_them_or_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "/", "/path/to", "https://example.com", "http://localhost:8000/path"):
        monkeypatch.setenv("GRADIO_ROOT_PATH", value)
        assert address().host == "127.0.0.1"
    for value in ("abc", "http://[", "http://", "ftp://x/y", "/a b", "/a?b", "/a\nb"):
        monkeypatch.setenv("GRADIO_ROOT_PATH", value)
        with pytest.raises(
            ValueError, match=r"^GRADIO_ROOT_PATH must be like /path or https://example\.com/path, not '"
        ):
            address()


def test_a_temporary_folder_is_created_and_a_failure_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "made" / "here"))
    address()
    assert not list((tmp_path / "made" / "here").iterdir())
    (tmp_path / "file").touch()
    for value in (tmp_path / "file", tmp_path / "file" / "below", "/dev/null"):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(value))
        with pytest.raises(OSError, match=f"^GRADIO_TEMP_DIR '{value}' is not a writable folder: "):
            address()


def test_users_may_train_by_default_if_only_this_machine_can_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(map(may_train, ("127.1.2.3", "localhost", "[::1]")))
    assert not any(map(may_train, ("0.0.0.0", "[::]", "a.org")))
    for value in ("1", "0"):
        monkeypatch.setenv("MNIST_DEMO_TRAIN", value)
        assert {may_train(host) for host in ("localhost", "0.0.0.0")} == {value == "1"}


def test_users_may_not_train_by_default_if_the_page_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SHARE", "True")
    assert not may_train("127.0.0.1")


def test_the_addresses_are_those_that_other_devices_can_open(monkeypatch: pytest.MonkeyPatch) -> None:
    assert urls("localhost", 80) == ("http://localhost:80", [])
    assert urls("192.168.1.2", 80) == (None, ["http://192.168.1.2:80"])
    here, elsewhere = urls("0.0.0.0", 80)
    assert here == "http://127.0.0.1:80"
    assert not [url for url in elsewhere if "//127." in url or "//0." in url]
    monkeypatch.setattr(module, "ABROAD", ("255.255.255.255", 9))  # as without a way out
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda _: ("name", [], ["127.0.1.1", "10.1.2.3"]))
    assert urls("0.0.0.0", 80)[1] == ["http://10.1.2.3:80"]


def test_temporary_files_go_to_shared_memory_if_no_other_folder_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nowhere")])
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr(module, "SHARED_MEMORY", str(tmp_path))
    find_temporary_folder()
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(module, "SHARED_MEMORY", str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match=r"^no folder for temporary files can be written: set TMPDIR to one that can$"):
        find_temporary_folder()
