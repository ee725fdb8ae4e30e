"""The running server answers every invalid request with an error, and goes on.

Some hundred generated requests by default, or as many as BAD_REQUESTS says.
"""

import base64
import json
import os
import string
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.crowd import BYTES, ENGINE, READ, digit_of, growing
from benchmarks.load import memory
from benchmarks.pages import Server, started

pytestmark = pytest.mark.slow

CASES = int(os.environ.get("BAD_REQUESTS", "240"))
ROOT = str(Path(__file__).parent.parent).encode()
KINDS = 5  # of requests, as many of each
MAX_GROWTH_MB = 250  # megabytes that the server may hold more of afterwards; some parts are loaded when first asked for
SEVEN = digit_of(growing(7)[-1])
ABOUT = {"network": "net", "digit": base64.b64encode(SEVEN).decode()}
ORDINARY: dict[str, Any] = {
    "samples": {"digit": 4, "hard": False},
    "trace": ABOUT,
    "kernels": ABOUT,
    "work": ABOUT | {"step": 2, "cell": [0, 12, 12]},
    "why": ABOUT | {"answer": 7, "rival": 1},
    "neighbours": ABOUT,
    "report": {},
    "report_digits": {"network": "net", "cell": [4, 9]},
    "ink_of_photo": {"picture": ""},
    "prepare": {},
    "begin": {"network": "net", "recipe": "fast", "values": {"epochs": 1}},
    "follow": {"key": "x", "since": 0},
    "stop": {"key": "x"},
    "forget": {"key": "x"},
    "wall": {},
}

some = settings(
    max_examples=max(CASES // KINDS, 1),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

numbers = st.one_of(
    st.integers(-2000, 2000),
    st.integers(),
    st.floats(),
    st.sampled_from([0, -0.0, 2**31, 2**53, 2**63, 10**30, float("nan"), float("inf")]),
)
texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["", "AAAA", "eJw=", "../../../etc/passwd", "\x00", "NaN", "𝟘", "\ud800", "A" * 17_000]),
    st.binary(max_size=300).map(lambda content: base64.b64encode(content).decode()),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(
            st.sampled_from(["base", "strokes", "picture", "drawing", "digit", "hard", "path", "x"]), inner
        ),
    ),
    max_leaves=20,
)
strokes = st.lists(
    st.one_of(
        st.lists(st.one_of(st.integers(-1200, 1200), numbers), max_size=12),
        st.tuples(st.integers(0, 120), st.integers(-1, 2), st.integers(-300, 600), st.integers(-300, 600)).map(list),
        values,
    ),
    max_size=12,
)
digits = st.one_of(st.just(ABOUT["digit"]), texts, values)
wanted = st.one_of(
    values,
    st.fixed_dictionaries({"picture": texts}),
    st.fixed_dictionaries({"digit": st.one_of(numbers, values), "hard": st.one_of(st.booleans(), values)}),
    st.fixed_dictionaries(
        {"network": st.one_of(st.sampled_from(["convnet", "net", "yours"]), values), "digit": digits},
        optional={
            "yours": values,
            "step": st.one_of(st.integers(-1, 12), values),
            "cell": st.one_of(st.lists(st.integers(-1, 28), max_size=4), values),
            "answer": st.one_of(st.integers(-1, 10), values),
            "rival": st.one_of(st.integers(-1, 10), values),
        },
    ),
    st.fixed_dictionaries(  # never what would begin a training
        {
            "network": st.sampled_from(["convnet", "net"]),
            "recipe": st.sampled_from(["tutorial", "fast", "teach"]),
            "values": st.one_of(numbers, texts, st.fixed_dictionaries({"epochs": st.just(0), "lr": values})),
        },
        optional={"corrections": st.lists(st.fixed_dictionaries({"label": values, "strokes": strokes}), max_size=3)},
    ),
    st.fixed_dictionaries({"key": values, "run": values}, optional={"since": values}),
    st.fixed_dictionaries(
        {"network": st.sampled_from(["convnet", "net"])},
        optional={"cell": values, "worst": values, "alone": values, "start": values},
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Yield the app; check at the end that it answers as before, holds little more memory, and logged no error."""
    with started("app.py") as server:
        for _ in range(30):
            ask(server, "POST", READ, SEVEN, {"content-type": BYTES})
        before = memory(server.process.pid)
        yield server
        status, content = ask(server, "POST", READ, SEVEN, {"content-type": BYTES})
        assert status == 200
        assert json.loads(content)["readings"][0]["net"]["answer"] == 7
        assert memory(server.process.pid) - before < MAX_GROWTH_MB
        assert "error" not in server.printed().lower()
        assert "Traceback" not in server.printed()


def ask(server: Server, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    connection.request(method, path, body, headers or {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def is_an_answer(status: int, content: bytes) -> bool:
    """Return if that is an answer, or an error that reveals nothing about the server."""
    tells = any(word in content for word in (b"Traceback", ROOT, b"site-packages", b"/tmp/"))
    return (status < 300 or 400 <= status < 500) and not tells


functions = st.sampled_from(sorted(ORDINARY))


@some
@given(name=functions, data=wanted, at=st.floats(0, 1), length=st.integers(0, 40), put=st.binary(max_size=20))
def test_functions_of_the_engine_take_anything_and_damaged_bodies(
    server: Server, name: str, data: Any, at: float, length: int, put: bytes
) -> None:
    assert is_an_answer(*ask(server, "POST", f"{ENGINE}{name}", json.dumps(data).encode()))
    body = json.dumps(ORDINARY[name]).encode()
    place = int(at * len(body))
    kind = ["application/json", "multipart/form-data; boundary=x", "text/plain", "\x7f"][length % 4]
    damaged = body[:place] + put + body[place + length :]
    assert is_an_answer(*ask(server, "POST", f"{ENGINE}{name}", damaged, {"content-type": kind}))


@some
@given(content=st.one_of(st.binary(max_size=2000), st.integers(0, 70 * 784).map(bytes)), yours=texts)
def test_reading_survives_any_bytes(server: Server, content: bytes, yours: str) -> None:
    path = f"{READ}?yours={quote(yours.encode('utf-8', 'replace'))}"
    assert is_an_answer(*ask(server, "POST", path, content, {"content-type": BYTES}))


points = st.lists(st.one_of(st.lists(st.one_of(st.integers(-1200, 1200), numbers), max_size=3), values), max_size=5)
files = st.sampled_from(
    ["digit.png", "/etc/passwd", "../app.py", "https://127.0.0.1/a.png", "file:///etc/hosts", "//a/b"]
)
arguments = st.one_of(
    values,
    st.lists(points, max_size=5),
    st.fixed_dictionaries({"path": st.one_of(files, texts)}, optional={"url": files, "meta": values}),
    files,
    texts,
)
named = st.dictionaries(
    st.sampled_from(["image", "strokes", "width", "digit", "hard", "count", "network", "rival", "self"]), arguments
)
endpoint_names = st.sampled_from(["read", "read_strokes", "samples", "why"])


@some
@given(name=endpoint_names, data=st.one_of(st.lists(arguments, max_size=5), named, values), way=st.integers(0, 2))
def test_endpoints_survive_any_input(server: Server, name: str, data: Any, way: int) -> None:
    path, body = [
        (f"call/{name}", {"data": data}),
        (f"call/v2/{name}", data),
        ("queue/join", {"data": data, "fn_index": len(name) % 5, "session_hash": name}),
    ][way]
    status, content = ask(server, "POST", f"/gradio_api/{path}", json.dumps(body).encode())
    assert is_an_answer(status, content)
    if status == 200:
        event = json.loads(content)["event_id"]
        path = f"call/{name}/{event}" if way < 2 else f"queue/data?session_hash={name}"
        status, content = ask(server, "GET", f"/gradio_api/{path}")
        assert is_an_answer(status, content)
        assert b"something went wrong" not in content


@some
@given(
    method=st.one_of(st.sampled_from(["tools/call", "tools/list", "initialize", "ping"]), values),
    parameters=st.one_of(
        values, st.fixed_dictionaries({"name": endpoint_names, "arguments": st.one_of(named, values)})
    ),
    number=values,
)
def test_tools_survive_any_input(server: Server, method: Any, parameters: Any, number: Any) -> None:
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
    status, content = ask(server, "POST", "/gradio_api/mcp/", json.dumps(body).encode())
    assert is_an_answer(status, content)
    assert b"something went wrong" not in content


names = st.text(st.sampled_from(string.ascii_letters + string.digits + "./=:%?#&;\\ é\x00"), max_size=40).map(quote)
paths = st.one_of(
    st.lists(names, max_size=5).map("/".join),
    st.tuples(
        st.sampled_from(["static", "assets", "pwa_icon", "config", "theme.css", "gradio_api", "gradio_api/info"]), names
    ).map("/".join),
    st.sampled_from(["gradio_api/file=", "gradio_api/proxy=", "gradio_api/stream/", "monitoring/"]).flatmap(
        lambda start: names.map(lambda name: start + name)
    ),
)


@some
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]),
    path=paths,
    header=st.sampled_from(["origin", "x-forwarded-host", "x-forwarded-proto", "range", "cookie", "accept-encoding"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
def test_the_server_survives_any_path_method_and_header(
    server: Server, method: str, path: str, header: str, value: str
) -> None:
    try:
        answer = ask(server, method, f"/{path}", b"{}" if method == "POST" else b"", {header: value})
    except HTTPException:
        answer = (400, b"")  # which ends the connection
    assert is_an_answer(*answer)
