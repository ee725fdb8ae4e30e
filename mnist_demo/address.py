"""Where the page is served, and what it may do there, as the environment variables say that Gradio and we go by.

Knows: which values Gradio ends on in a traceback, or passes over without a word. Does not know: the page.
"""

import argparse
import errno
import ipaddress
import os
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

HOST = "127.0.0.1"  # this machine alone
FIRST_PORT = 7860
PORTS = 100  # from the first on, that are tried


class Address(NamedTuple):
    """Where a server listens."""

    host: str  # a name or an IP address of this machine, as URLs have it ("[::1]")
    port: int


def address() -> Address:
    """GRADIO_SERVER_NAME and the first free port from GRADIO_SERVER_PORT on; else HOST, FIRST_PORT on.

    GRADIO_NUM_PORTS says how many are tried; one that was named is the only one, else there are PORTS.
    Raises ValueError or OSError, in one line, where these or the other variables that Gradio starts by make no sense,
    or none of the ports is free.
    """
    _check_temporary_folder(os.environ.get("GRADIO_TEMP_DIR"))
    _check_root_path(os.environ.get("GRADIO_ROOT_PATH", ""))
    host = server_name()
    first = first_port()
    count = _whole_number("GRADIO_NUM_PORTS", 1 if "GRADIO_SERVER_PORT" in os.environ else PORTS)
    last = min(first + count, 65_536) - 1
    hosts = [host.strip("[]"), HOST] if ":" in host else [host]  # Gradio looks at the port of IPv4, too
    for port in range(first, last + 1):
        if all(_is_free(one, port) for one in hosts):
            return Address(f"[{hosts[0]}]" if ":" in host else host, port)
    which = f"port {first} is" if first == last else f"all ports from {first} to {last} are"
    raise OSError(f"{which} in use: set GRADIO_SERVER_PORT to a free one")


def server_name() -> str:
    """What GRADIO_SERVER_NAME says; else HOST."""
    return os.environ.get("GRADIO_SERVER_NAME") or HOST


def may_train(host: str) -> bool:
    """Whether visitors of the page may have networks trained: MNIST_DEMO_TRAIN, 1 or 0; else where `host` is loopback.

    Not where Gradio is to share it, either, which lets the world in by a door of its own.

    Raises ValueError, in one line, where that is neither.
    """
    value = os.environ.get("MNIST_DEMO_TRAIN", "")
    if value not in ("", "0", "1"):
        raise ValueError(f"MNIST_DEMO_TRAIN must be 1 (visitors may train) or 0, not {value!r}")
    is_shared = os.environ.get("GRADIO_SHARE", "").lower() == "true"
    return value == "1" if value else is_loopback(host) and not is_shared


def is_loopback(host: str) -> bool:
    """Return whether that name or IP address always means this machine: localhost, 127.0.0.0/8, ::1."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def origin(text: str) -> str:
    """Return the origin that a command line names, as browsers send it. Raises ArgumentTypeError, in one line."""
    try:
        parts = urlsplit(text.strip().rstrip("/").lower())
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_sound = False
    if not is_sound or parts.path or parts.query or parts.fragment or "@" in parts.netloc or not text.isascii():
        raise argparse.ArgumentTypeError(f"must be like https://example.com or http://localhost:3000, got {text!r}")
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(default)}"


def public_origins(root: str | None = None) -> list[str]:
    """Return the page's own public origins: of `root` or GRADIO_ROOT_PATH if that is a URL, and of the Space."""
    root = os.environ.get("GRADIO_ROOT_PATH", "") if root is None else root
    parts = urlsplit(root.lower())
    spaces = [f"https://{host.strip()}" for host in os.environ.get("SPACE_HOST", "").lower().split(",") if host.strip()]
    return [f"{parts.scheme}://{parts.netloc}", *spaces] if parts.scheme and parts.netloc else spaces


def first_port() -> int:
    """The port that is asked for. Raises ValueError, in one line, where that is none."""
    return _whole_number("GRADIO_SERVER_PORT", FIRST_PORT)


def _whole_number(variable: str, default: int) -> int:
    value = os.environ.get(variable, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 6 and 1 <= int(value) <= 65_535):
        raise ValueError(f"{variable} must be a whole number from 1 to 65535, not {value!r}")
    return int(value)


def _is_free(host: str, port: int) -> bool:
    """Whether one can listen there. Raises OSError, in one line, where it hangs on more than the port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return False
            if isinstance(error, PermissionError):
                raise OSError(f"port {port} may not be listened at: set GRADIO_SERVER_PORT to another one") from None
            raise OSError(f"GRADIO_SERVER_NAME {host!r} is not an address of this machine") from None
    return True


def _check_temporary_folder(value: str | None) -> None:
    if not value:
        return
    try:
        Path(value).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=value):
            pass
    except OSError as error:
        raise OSError(f"GRADIO_TEMP_DIR {value!r} is no folder that can be written: {error.strerror}") from None


def _check_root_path(value: str) -> None:
    try:
        parts = urlsplit(value)
        is_sound = bool(parts.hostname) if parts.scheme in ("http", "https") else value[:1] in ("", "/")
    except ValueError:
        is_sound = False
    if not is_sound or any(character.isspace() or character in "?#" for character in value):
        raise ValueError(f"GRADIO_ROOT_PATH must be like /path or https://example.com/path, not {value!r}")
