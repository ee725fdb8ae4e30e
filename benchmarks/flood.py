"""Measure the memory cost of clients that send half a body, or take no answer: `python -m benchmarks.flood`.

Each kind of flood gets a server of its own: all clients connect, stay a while, and leave.
"""

import argparse
import resource
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import gradio

from benchmarks.load import memory
from benchmarks.pages import Server, started
from benchmarks.report import json_file, machine, table, write_json

CLIENTS = 4000
STAY, REST = 10.0, 60.0  # seconds that clients stay, and that the server rests afterwards
LOOK = 0.1  # seconds between two readings of the server's memory
ASSETS = Path(gradio.__file__).parent / "templates/frontend/assets"
HEAD = "HTTP/1.1\r\nHost: localhost\r\n"


def requests() -> dict[str, bytes]:
    """Return the request of each kind of client, by its description."""
    largest = max(ASSETS.glob("*.js"), key=lambda path: path.stat().st_size)
    asset = f"GET /assets/{largest.name} {HEAD}"
    body = f"POST /engine/samples {HEAD}Content-Type: application/json\r\nContent-Length: 250001\r\n\r\n"
    return {
        "bodies of 250 kB, the last byte missing": body.encode() + b" " * 250_000,
        "answers of 4 MB that nobody takes": f"{asset}\r\n".encode(),
        "the same, compressed": f"{asset}Accept-Encoding: br\r\n\r\n".encode(),
    }


def flooded(server: Server, request: bytes, clients: int) -> list[float]:
    """Return the server's memory before, at most, and a while after those clients, in MB."""
    address = ("127.0.0.1", urlsplit(server.address).port or 0)
    before = most = memory(server.process.pid)
    with ExitStack() as stack:
        for _ in range(clients):
            with suppress(OSError):
                stack.enter_context(socket.create_connection(address)).sendall(request)
            most = max(most, memory(server.process.pid))
        end = time.monotonic() + STAY
        while time.monotonic() < end:
            most = max(most, memory(server.process.pid))
            time.sleep(LOOK)
    time.sleep(REST)
    return [before, most, memory(server.process.pid)]


def rows(found: dict[str, list[float]]) -> Sequence[list[str]]:
    """Return the rows of the table."""
    return [
        [kind, *(f"{one:.0f}" for one in (before, most, after)), f"{100 * (after / before - 1):.1f} %"]
        for kind, (before, most, after) in found.items()
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code: 2 if there are too many clients."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flood", description="Clients that keep a server waiting."
    )
    parser.add_argument("--clients", type=int, default=CLIENTS, metavar="N", help=f"how many at once ({CLIENTS})")
    parser.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args(arguments)
    _, handles = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (handles, handles))
    if not 1 <= options.clients <= handles - 100:
        print(f"error: --clients must be 1 to {handles - 100} here (ulimit -n), got {options.clients}", file=sys.stderr)
        return 2
    found = {}
    for kind, request in requests().items():
        with started("app.py") as server:
            found[kind] = flooded(server, request, options.clients)
    print(machine(), end="\n\n")
    print(table([f"{options.clients} clients", "MB before", "at most", "a minute later", "growth"], rows(found)))
    write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
