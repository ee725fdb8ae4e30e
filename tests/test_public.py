"""The page when it is open to the world: the real app, in a process of its own, over HTTP."""

import contextlib
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import gradio
import pytest
from wire import HANDLES, HELD, ask

from benchmarks.crowd import BYTES, ENGINE, READ, digit_of, growing
from benchmarks.load import memory
from benchmarks.pages import Server, started
from mnist_demo.server.connections import MAX_REQUEST_SECONDS

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at handles as Linux shows them")

ROOT = Path(__file__).parent.parent
SEVEN = digit_of(growing(7)[-1])
HEAD = ("Host: localhost", "Content-Type: application/json", "Content-Length: 1000")
HALF = "\r\n".join([f"POST {READ} HTTP/1.1", *HEAD, "", "half"]).encode()  # of a request


def reading(server: Server) -> float:
    """Return how many seconds a correct reading takes."""
    start = time.perf_counter()
    answer = ask(server, "POST", READ, SEVEN, BYTES)
    assert json.loads(answer.content)["readings"][0]["net"]["answer"] == 7  # type: ignore[attr-defined]
    return time.perf_counter() - start


NEEDED = """/ /?__theme=dark /card.png /config /favicon.ico /manifest.json /pwa_icon/192 /pwa_icon/512 /robots.txt
/static/img/logo_nosize.svg /theme.css /gradio_api/info /gradio_api/startup-events"""
NEEDLESS = """/pwa_icon /pwa_icon/8000 /pwa_icon/0192 /monitoring /monitoring/summary /login /logout /docs /openapi.json
/svelte/index.js /gradio_api/openapi.json /gradio_api/app_id /gradio_api/dev/reload /gradio_api/deep_link
/gradio_api/heartbeat/visitor /gradio_api/queue/status /gradio_api/call/read/0123456789abcdef /gradio_api/mcp/messages
/gradio_api/mcp/sse /gradio_api/upload_progress?upload_id=1 /gradio_api/file=https://127.0.0.1/
/gradio_api/file=app.py /gradio_api/file/app.py /gradio_api/proxy=https://a.hf.space/ /gradio_api/runs
/gradio_api/custom_component/a/client/component/index.js /gradio_api/stream/a/b/1/playlist.m3u8
/yours/ /yours/../app.py /static/../../../app.py /static/%2e%2e/%2e%2e/app.py /static/%00 //config /CONFIG"""
LONG = ["/yours/" + "a" * 32 + ".safetensors", "/static/" + "a" * 5000, "/assets/" + "a/" * 500]


def test_the_page_is_served_what_it_needs_and_nothing_else(server: Server) -> None:
    for path in NEEDED.split():
        assert [ask(server, method, path).status for method in ("GET", "HEAD")] == [200, 200], path
    for path in (*NEEDLESS.split(), *LONG):
        assert ask(server, "GET", path).status == 404, path


def test_only_known_paths_and_methods_are_accepted(server: Server) -> None:
    for path in ("run/read", "api/read", "call/trace", "component_server/", "reset", "cancel", "stream/a"):
        assert ask(server, "POST", f"/gradio_api/{path}", b"{}").status in (400, 404), path
    for method, path in (("POST", "/"), ("DELETE", "/config"), ("GET", READ), ("GET", "/gradio_api/upload")):
        assert ask(server, method, path, b"{}" if method == "POST" else None).status == 405, path


def test_every_answer_has_the_security_headers(server: Server) -> None:
    for path in ("/", "/config", "/nowhere", "/static/nothing.js", READ):
        headers = ask(server, "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self' https://huggingface.co" in headers["content-security-policy"]
        assert str(ROOT) not in str(headers)


def test_an_invalid_request_is_refused(server: Server) -> None:
    for name, body, status in [
        ("samples", b"", 422),
        ("samples", b"{", 422),
        ("samples", b"[]", 422),
        ("samples", b"\xff\xfe", 422),
        ("samples", b"[" * 100_000, 422),
        ("samples", b'{"digit": 4, "hard": false, "more": 1}', 422),
        ("samples", b'{"digit": 1e999, "hard": false}', 422),
        ("samples", b'{"digit": ' + b"1" * 5000 + b', "hard": false}', 422),
        ("__init__", b"{}", 404),
        ("nothing", b"{}", 404),
        ("samples", b"0" * 300_000, 413),
    ]:
        assert ask(server, "POST", f"{ENGINE}{name}", body).status == status, body[:40]
    told = json.loads(ask(server, "POST", f"{ENGINE}samples", b'{"digit": 10, "hard": false}').content)  # type: ignore[attr-defined]
    assert told == {"code": "less_than_equal", "field": "digit", "limit": 9}
    assert ask(server, "POST", READ, bytes(64 * 784), BYTES).status == 200
    for size in (0, 1, 783, 785, 65 * 784):
        assert ask(server, "POST", READ, bytes(size), BYTES).status == 422, size


def test_it_listens_on_this_machine_only(server: Server) -> None:
    port = urlsplit(server.address).port or 0
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    assert listening == {f"0100007F:{port:04X}"}  # 127.0.0.1
    tcp6 = Path("/proc/net/tcp6")
    assert not tcp6.exists() or f":{port:04X} " not in tcp6.read_text(encoding="ascii")


def test_it_sends_nothing_to_anybody(server: Server) -> None:
    config = json.loads(ask(server, "GET", "/config").content)  # type: ignore[attr-defined]
    assert config["analytics_enabled"] is False


@pytest.mark.slow
def test_pages_are_not_rendered_by_node_even_if_the_host_asks_for_it(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n", encoding="ascii")
    node.chmod(0o755)
    with started("app.py", environment={"GRADIO_SSR_MODE": "true", "GRADIO_NODE_PATH": str(node)}) as server:
        front = ask(server, "GET", "/")
        assert "Traceback" not in server.printed()
    assert front.headers["x-content-type-options"] == "nosniff"
    assert b'property="og:image" content="http://127.0.0.1' in front.content  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == [node]


def test_client_addresses_are_not_kept(server: Server) -> None:
    reading(server)
    before = memory(server.process.pid)
    for number in range(300):
        assert ask(server, "POST", f"{READ}?yours={number}" + "x" * 2000, SEVEN, BYTES).status == 200
    assert memory(server.process.pid) - before < 30


def test_an_incomplete_body_harms_nobody(server: Server) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0)) as one:
            one.sendall(HALF)
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        with socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0)) as one:
            one.sendall(nonsense)
    reading(server)


def test_idle_connections_do_not_lock_others_out(server: Server) -> None:
    idle = []
    for number in range(HANDLES + 50):
        one = socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0))
        if number % 2:
            one.sendall(HALF)
        idle.append(one)
    assert reading(server) < MAX_REQUEST_SECONDS / 2  # later it ends them all
    for one in idle:
        one.close()


def connected(server: Server) -> int:
    """Return how many sockets the server has open."""
    handles = Path(f"/proc/{server.process.pid}/fd").iterdir()
    return sum(handle.is_socket() for handle in handles)


@pytest.mark.parametrize("what", ["bodies", "answers"])
def test_what_clients_hold_counts_against_one_limit(server: Server, what: str) -> None:
    assets = (Path(gradio.__file__).parent / "templates/frontend/assets").glob("*.js")
    largest = max(assets, key=lambda path: path.stat().st_size)  # far more than the system buffers
    request = f"GET /assets/{largest.name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    if what == "bodies":
        head = f"POST {ENGINE}samples HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: 250001\r\n\r\n".encode() + b" " * 250_000
    before, clients = connected(server), []
    for _ in range(150):
        one = socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0))
        clients.append(one)
        with contextlib.suppress(ConnectionError):
            one.sendall(request)
    reading(server)
    deadline = time.monotonic() + MAX_REQUEST_SECONDS / 2  # later it ends them all
    while connected(server) > before + HELD / 250_000 + 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for one in clients:
        one.close()
