"""The address to serve at and the permission to train, from the environment variables of Gradio and of this project.

Values for which Gradio would end in a traceback, or which it would silently ignore, are refused here.
"""

import argparse
import contextlib
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
PORTS = 100  # the number of ports tried, from the first on
EVERYWHERE = "0.0.0.0"  # all addresses of this machine
ABROAD = ("192.0.2.1", 9)  # an address for documentation: finding the route to it sends nothing
SHARED_MEMORY = "/dev/shm"  # writable even in a container whose disk is not


class Address(NamedTuple):
    """Where a server listens."""

    host: str  # a name or an IP address of this machine, as URLs have it ("[::1]")
    port: int


def address() -> Address:
    """Return GRADIO_SERVER_NAME (default: HOST) and the first free port from GRADIO_SERVER_PORT (default: FIRST_PORT)
    on.

    GRADIO_NUM_PORTS is the number of ports to try; its default is 1 if a port is named, else PORTS.

    Raises ValueError or OSError, in one line, if these or the other variables that Gradio reads at start are invalid,
    or no port is free.
    """
    _check_temporary_folder(os.environ.get("GRADIO_TEMP_DIR"))
    _check_root_path(os.environ.get("GRADIO_ROOT_PATH", ""))
    host = server_name()
    first = first_port()
    count = _whole_number("GRADIO_NUM_PORTS", 1 if "GRADIO_SERVER_PORT" in os.environ else PORTS)
    last = min(first + count, 65_536) - 1
    hosts = [host.strip("[]"), HOST] if ":" in host else [host]  # Gradio checks the port on IPv4 too
    for port in range(first, last + 1):
        if all(_is_free(one, port) for one in hosts):
            return Address(f"[{hosts[0]}]" if ":" in host else host, port)
    which = f"port {first} is" if first == last else f"all ports from {first} to {last} are"
    raise OSError(f"{which} in use: name a free one with --port or GRADIO_SERVER_PORT")


def urls(host: str, port: int) -> tuple[str | None, list[str]]:
    """Return the page's URL on this machine (None if it has none) and its URLs on this machine's networks."""
    if is_loopback(host):
        return f"http://{host}:{port}", []
    if host not in (EVERYWHERE, "[::]"):
        return None, [f"http://{host}:{port}"]
    return f"http://{HOST}:{port}", [f"http://{one}:{port}" for one in _network_addresses()]


def _network_addresses() -> list[str]:
    """Return this machine's address on the route to the internet, or, if there is none, those of its host name."""
    found = list[str]()
    with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect(ABROAD)
        found.append(probe.getsockname()[0])
    if not found:
        with contextlib.suppress(OSError):
            found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [one for one in found if not is_loopback(one)]


def find_temporary_folder() -> None:
    """Write temporary files to shared memory if no usual folder is writable, as in a read-only container.

    This also applies to Gradio and to child processes. Raises OSError, in one line, if shared memory is not writable
    either.
    """
    with contextlib.suppress(FileNotFoundError):
        tempfile.gettempdir()
        return
    if not os.access(SHARED_MEMORY, os.W_OK):
        raise OSError("no folder for temporary files can be written: set TMPDIR to one that can")
    os.environ["TMPDIR"] = tempfile.tempdir = SHARED_MEMORY


def server_name() -> str:
    """Return GRADIO_SERVER_NAME, or HOST if it is not set."""
    return os.environ.get("GRADIO_SERVER_NAME") or HOST


def may_train(host: str) -> bool:
    """Return if users may train networks: MNIST_DEMO_TRAIN, 1 or 0.

    By default they may if `host` is loopback, and Gradio does not share the page with the world.

    Raises ValueError, in one line, if the variable is neither 1 nor 0.
    """
    value = os.environ.get("MNIST_DEMO_TRAIN", "")
    if value not in ("", "0", "1"):
        raise ValueError(f"MNIST_DEMO_TRAIN must be 1 (users may train) or 0, got {value!r}")
    is_shared = os.environ.get("GRADIO_SHARE", "").lower() == "true"
    return value == "1" if value else is_loopback(host) and not is_shared


def is_loopback(host: str) -> bool:
    """Return if that name or IP address always means this machine: localhost, 127.0.0.0/8, ::1."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def origin(text: str) -> str:
    """Return the origin named on the command line, as browsers send it. Raises ArgumentTypeError, in one line."""
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
    """Return the page's public origins: that of `root` or GRADIO_ROOT_PATH if it is a URL, and that of the Space."""
    root = os.environ.get("GRADIO_ROOT_PATH", "") if root is None else root
    parts = urlsplit(root.lower())
    spaces = [f"https://{host.strip()}" for host in os.environ.get("SPACE_HOST", "").lower().split(",") if host.strip()]
    return [f"{parts.scheme}://{parts.netloc}", *spaces] if parts.scheme and parts.netloc else spaces


def first_port() -> int:
    """Return the first port to try. Raises ValueError, in one line, if it is not a valid port."""
    return _whole_number("GRADIO_SERVER_PORT", FIRST_PORT, "--port or ")


def _whole_number(variable: str, default: int, option: str = "") -> int:
    value = os.environ.get(variable, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 6 and 1 <= int(value) <= 65_535):
        raise ValueError(f"{option}{variable} must be a whole number from 1 to 65535, got {value!r}")
    return int(value)


def _is_free(host: str, port: int) -> bool:
    """Return if the port is free. Raises OSError, in one line, if no other port would work either."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return False
            if isinstance(error, PermissionError):
                raise OSError(
                    f"port {port} needs more rights: name another one with --port or GRADIO_SERVER_PORT"
                ) from None
            raise OSError(
                f"--host or GRADIO_SERVER_NAME must be an address of this machine, or {EVERYWHERE}, got {host!r}"
            ) from None
    return True


def _check_temporary_folder(value: str | None) -> None:
    if not value:
        return
    try:
        Path(value).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=value):
            pass
    except OSError as error:
        raise OSError(f"GRADIO_TEMP_DIR {value!r} is not a writable folder: {error.strerror}") from None


def _check_root_path(value: str) -> None:
    try:
        parts = urlsplit(value)
        is_sound = bool(parts.hostname) if parts.scheme in ("http", "https") else value[:1] in ("", "/")
    except ValueError:
        is_sound = False
    if not is_sound or any(character.isspace() or character in "?#" for character in value):
        raise ValueError(f"GRADIO_ROOT_PATH must be like /path or https://example.com/path, not {value!r}")
