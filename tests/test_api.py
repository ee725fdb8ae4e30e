"""The named endpoints, called as other programs call them: the commands of the manual, and refusals."""

import asyncio
import base64
import io
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from proxy import below, listening
from test_picture_process import costly, have_ended, on_linux, workers_of
from wire import ask

from benchmarks.load import memory
from benchmarks.pages import Server, started
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server.api import Endpoints, words_of
from mnist_demo.server.gradio_protocol import MAX_JOBS, MAX_KEPT_OUTCOMES, Jobs
from mnist_demo.server.lenses.gallery import open_gallery
from mnist_demo.server.limits import BUSY, MAX_BODY_BYTES, MAX_PICTURE_BYTES
from mnist_demo.server.picture_process import Pictures
from mnist_demo.server.uploads import MAX_HELD_FILES

ROOT = Path(__file__).parent.parent
SEVEN = [[[80, 60], [200, 60], [130, 230]]]
PICTURE = (ROOT / "docs" / "seven.png").read_bytes()


@pytest.fixture(scope="module")
def endpoints(test_digits: Samples, classifiers: dict[str, Classifier]) -> Endpoints:
    """Return the endpoints without a server."""
    return Endpoints(classifiers, open_gallery(test_digits, classifiers), Pictures())


def block(name: str, title: str, kind: str) -> str:
    """Return the only block of code of that language in a text's section."""
    section = (ROOT / name).read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    [code] = re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
    return str(code)


def run(server: Server, command: list[str], text: str) -> str:
    """Return what a block of code prints, its address replaced by the server's."""
    environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
    where = text.replace("http://127.0.0.1:7860", server.address)
    done = subprocess.run([*command, where], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def upload(server: Server, content: bytes, name: str = "a.png") -> Any:
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    return ask(
        server, "POST", "/gradio_api/upload", head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"
    )


def uploaded(server: Server, content: bytes) -> str:
    [path] = json.loads(upload(server, content).content)
    return str(path)


def begin(server: Server, name: str, *values: Any) -> Any:
    return ask(server, "POST", f"/gradio_api/call/{name}", json.dumps({"data": values}).encode())


def told(server: Server, name: str, *values: Any) -> Any:
    """Return an endpoint's result, or the line with its refusal."""
    event = json.loads(begin(server, name, *values).content)["event_id"]
    kind, data = ask(server, "GET", f"/gradio_api/call/{name}/{event}").content.decode().split("\n")[:2]
    outcome = json.loads(data.removeprefix("data: "))
    return outcome[0] if kind == "event: complete" else outcome["error"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_manuals_curl_commands_do_what_it_says(server: Server) -> None:
    printed = run(server, ["bash", "-euc"], block("docs/api.md", "Endpoints", "sh"))
    answers = [json.loads(line.removeprefix("data: "))[0] for line in printed.splitlines() if line.startswith("data: ")]
    read, strokes, samples, why = answers[:4]
    assert read["convnet"]["answer"] == read["net"]["answer"] == strokes["net"]["answer"] == 7
    assert [sample["label"] for sample in samples] == [4, 4, 4]
    assert (why["for"], why["against"]) == (7, 1)
    tool = json.loads(printed.splitlines()[-1])["result"]["structuredContent"]
    assert tool["net"]["answer"] == 7


def test_the_python_of_readme_and_manual_does_what_they_say(server: Server) -> None:
    assert run(server, [sys.executable, "-c"], block("README.md", "API", "python")).splitlines()[-1] == "7"
    printed = run(server, [sys.executable, "-c"], block("docs/api.md", "Endpoints", "python")).splitlines()
    assert printed[-4:-1] == ["7 7", "7", "[4, 4, 4]"]
    assert "'vertical': " in printed[-1]


@pytest.mark.slow
def test_they_answer_below_a_prefix() -> None:
    with (
        started("app.py", environment={"GRADIO_ROOT_PATH": "/demo"}) as server,
        listening(below("/demo", urlsplit(server.address).port or 0)) as proxy,
    ):
        text = block("docs/api.md", "Endpoints", "python").replace("http://127.0.0.1:7860", f"{proxy}/demo")
        assert run(server, [sys.executable, "-c"], text).splitlines()[-4] == "7 7"
        if shutil.which("curl"):
            text = block("docs/api.md", "Endpoints", "sh").replace("http://127.0.0.1:7860", f"{proxy}/demo")
            assert '"answer": 7' in run(server, ["bash", "-euc"], text)


def test_a_picture_is_read_as_predict_reads_it(server: Server, endpoints: Endpoints) -> None:
    read = told(server, "read", {"path": uploaded(server, PICTURE), "meta": {"_type": "gradio.FileData"}})
    assert read == asyncio.run(endpoints.read(base64.b64encode(PICTURE).decode()))
    assert sum(read["net"]["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert 0.9 < read["net"]["certainty"] <= 1


def test_a_non_digit_has_no_answer(endpoints: Endpoints) -> None:
    blank = asyncio.run(endpoints.read_strokes([]))
    nothing = {"answer": None, "certainty": 0.0, "probabilities": [0.0] * 10}
    assert blank["convnet"] == nothing | {"number": "", "digits": []}
    rays = [float(angle) for angle in np.arange(0, 6.2, 0.5)]
    star = [[[140 + 100 * math.cos(angle), 140 + 100 * math.sin(angle)], [140, 140]] for angle in rays]
    read = asyncio.run(endpoints.read_strokes(star))["convnet"]
    assert (read["answer"], read["number"], read["digits"]) == (None, None, [])


def test_a_number_comes_with_its_digits(endpoints: Endpoints) -> None:
    small = [[[x / 2 + 10 + aside, y / 2 + 60] for x, y in SEVEN[0]] for aside in (0, 90)]
    read = asyncio.run(endpoints.read_strokes(small))["net"]
    assert (read["answer"], read["number"]) == (None, "77")
    assert [digit["answer"] for digit in read["digits"]] == [7, 7]
    assert read["digits"][0]["box"] == {"top": 90, "left": 50, "bottom": 175, "right": 110}
    assert sum(read["digits"][1]["probabilities"]) == pytest.approx(1, abs=1e-4)


def test_samples_are_those_that_were_asked_for(endpoints: Endpoints, test_digits: Samples) -> None:
    for sample in asyncio.run(endpoints.samples(digit=9, hard=True, count=18)):
        assert sample["label"] == 9 == test_digits.labels[sample["index"]]
        assert (np.array(sample["pixels"]) == test_digits.images[sample["index"], 0].numpy()).all()
        assert 9 not in (sample["convnet"]["answer"], sample["net"]["answer"]) or sample["convnet"] != sample["net"]
    assert len(asyncio.run(endpoints.samples())) == 6


def test_why_compares_the_answer_with_its_rival(endpoints: Endpoints) -> None:
    why = asyncio.run(endpoints.why(SEVEN, network="net"))
    assert why["for"] == why["answer"] == 7
    assert why["against"] != 7
    assert why["speaks_for"]["move"] == pytest.approx(np.max(why["moves"]), abs=0.01)
    told = [why["log_odds"], why["speaks_for"]["move"], *np.ravel(why["moves"])]
    assert told == [round(number, 3) for number in told]
    image = base64.b64encode(PICTURE).decode()
    assert asyncio.run(endpoints.why(None, image, rival=1))["against"] == 1


def test_every_parameter_is_explained(endpoints: Endpoints) -> None:
    for endpoint in (endpoints.read, endpoints.read_strokes, endpoints.samples, endpoints.why):
        words = words_of(endpoint)
        assert list(words.parameters) == list(endpoint.__annotations__)[:-1]
        assert all(words.parameters.values())
        assert words.description.endswith(".")
        assert words.returns.endswith(".")


NONSENSE: list[tuple[str, Any]] = [
    *(("read", [{"path": path}]) for path in ("https://example.com/seven.png", "/etc/passwd", "../docs/seven.png", {})),
    ("read", [{"path": "a", "url": "http://169.254.169.254/latest"}]),
    *(("read", [value]) for value in ("file:///etc/passwd", {}, None, 7, "AAAA", "data:image/png;base64,AAAA")),
    ("read", [base64.b64encode(PICTURE[:400]).decode()]),
    *(("read_strokes", [strokes]) for strokes in (7, [7], [[]], [[[1]]], [[[1, None]]], [[[True, False]]])),
    *(("read_strokes", [strokes]) for strokes in ([[[1e9, 0]]], [[[float("nan"), 0]]], SEVEN * 401)),
    *(("read_strokes", [SEVEN, width]) for width in (5, "20")),
    *(("samples", [digit]) for digit in (10, True)),
    *(("samples", [None, False, count]) for count in (0, 19, 1.5)),
    *(
        ("why", value)
        for value in ([None], [[]], [SEVEN, {"path": "x"}], [SEVEN, None, "Net"], [SEVEN, None, "net", 7])
    ),
]


def test_invalid_values_are_refused_in_one_line(server: Server) -> None:
    for name, values in NONSENSE:
        refusal = told(server, name, *values)
        assert isinstance(refusal, str), (name, values)
        assert "\n" not in refusal
        assert refusal != "something went wrong here", (name, values)


def test_an_invalid_call_is_refused(server: Server) -> None:
    for path, body, status in [
        ("call/read", b"", 400),
        ("call/read", b"[" * 100_000, 400),
        ("call/read", b'{"data": {}}', 422),
        ("call/read", b'{"data": [1, 2, 3]}', 422),
        ("call/v2/read", b'{"picture": 1}', 422),
        ("call/read", b"0" * (MAX_BODY_BYTES + 1), 413),
        ("call/__init__", b'{"data": []}', 404),
        ("queue/join", b'{"data": [], "fn_index": 0}', 422),
        ("queue/join", b'{"data": [], "fn_index": 99, "session_hash": "a"}', 404),
        ("queue/join", b'{"data": [], "fn_index": true, "session_hash": "a"}', 404),
        ("queue/join", b'{"data": [], "fn_index": 0, "session_hash": "' + b"a" * 200 + b'"}', 422),
        ("upload", b"", 400),
        ("upload", b"0" * (MAX_PICTURE_BYTES + MAX_BODY_BYTES + 1), 413),
        ("mcp/", b"[]", 400),
    ]:
        answer = ask(server, "POST", f"/gradio_api/{path}", body)
        assert answer.status == status, (path, body[:60])
        assert answer.content.count(b"\n") <= 1
    for kind in ("x", "", "x; charset=undefined"):
        kind = f"multipart/form-data; boundary={kind}"
        for body in (b"", b"--x--", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"):
            assert ask(server, "POST", "/gradio_api/upload", body, kind).status == 400, (kind, body)


def test_an_upload_is_used_once_and_an_outcome_fetched_once(server: Server) -> None:
    path = uploaded(server, PICTURE)
    assert told(server, "read", {"path": path})["net"]["answer"] == 7
    assert "neither a recent upload nor base64" in told(server, "read", {"path": path})
    assert ask(server, "GET", f"/gradio_api/file={path}").status == 404
    event = json.loads(begin(server, "read_strokes", SEVEN).content)["event_id"]
    assert [ask(server, "GET", f"/gradio_api/call/read_strokes/{event}").status for _ in range(2)] == [200, 404]


def test_the_number_of_held_uploads_is_limited(server: Server) -> None:
    held = [uploaded(server, PICTURE) for _ in range(MAX_HELD_FILES)]
    refused = upload(server, PICTURE)
    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    for path in held:
        told(server, "read", {"path": path})
    told(server, "read", {"path": uploaded(server, PICTURE)})


def test_a_large_picture_may_be_uploaded_and_one_that_is_too_large_is_refused(server: Server) -> None:
    noise = np.random.default_rng(1).integers(0, 60, (1500, 2000, 3)).astype(np.uint8)
    noise[..., :] += 150
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    assert MAX_BODY_BYTES * 10 < len(file.getvalue()) < MAX_PICTURE_BYTES
    assert told(server, "read", {"path": uploaded(server, file.getvalue())})["net"]["answer"] is None
    assert upload(server, bytes(MAX_PICTURE_BYTES + 1)).status == 413
    broad = io.BytesIO()
    Image.new("1", (8000, 8000)).save(broad, "PNG")
    assert "megapixels" in told(server, "read", {"path": uploaded(server, broad.getvalue())})


def test_incomplete_uploads_are_not_held(server: Server) -> None:
    before = memory(server.process.pid)
    for _ in range(3 * MAX_HELD_FILES):
        with socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0)) as one:
            head = "Host: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n"
            one.sendall(f"POST /gradio_api/upload HTTP/1.1\r\n{head}--x\r\n".encode() + bytes(1_000_000))
    time.sleep(0.5)
    assert told(server, "read", {"path": uploaded(server, PICTURE)})["net"]["answer"] == 7
    assert memory(server.process.pid) - before < 100


def test_unfetched_outcomes_and_session_names_are_dropped(server: Server) -> None:
    before = memory(server.process.pid)
    events = []
    for number in range(3 * MAX_KEPT_OUTCOMES):
        body = {"data": [SEVEN], "fn_index": 1, "session_hash": f"visitor-{number}"}
        answer = ask(server, "POST", "/gradio_api/queue/join", json.dumps(body).encode())
        if answer.status == 200:
            events.append(json.loads(answer.content)["event_id"])
        else:
            assert answer.status == 503
    time.sleep(1)
    kept = [ask(server, "GET", f"/gradio_api/call/read_strokes/{event}").status for event in events].count(200)
    assert 0 < kept <= MAX_KEPT_OUTCOMES
    assert memory(server.process.pid) - before < 60


def test_each_of_many_clients_gets_an_answer_or_503(server: Server) -> None:
    with ThreadPoolExecutor(60) as crowd:
        begun = list(crowd.map(lambda _: begin(server, "read_strokes", SEVEN).status, range(120)))
    assert set(begun) <= {200, 503}
    assert begun.count(200) >= MAX_JOBS
    while (last := begin(server, "read_strokes", SEVEN)).status == 503:  # others are still being read
        time.sleep(0.1)
    event = json.loads(last.content)["event_id"]
    assert b'"answer": 7' in ask(server, "GET", f"/gradio_api/call/read_strokes/{event}").content


async def late() -> None:
    await asyncio.sleep(60)


async def fault() -> Any:
    return 1 / 0


@pytest.mark.parametrize(("work", "told"), [(late, BUSY), (fault, "something went wrong here")])
def test_a_call_that_takes_too_long_or_fails_is_reported_without_details(
    work: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_demo.server.gradio_protocol.MAX_AGE_SECONDS", 0.05)

    async def outcome() -> Any:
        return await Jobs().start(work)

    assert asyncio.run(outcome()) == {"error": told}


def test_strokes_are_read_while_pictures_are(server: Server) -> None:
    paths = [uploaded(server, costly()) for _ in range(3)]
    begun = [json.loads(begin(server, "read", {"path": path}).content)["event_id"] for path in paths]
    assert told(server, "read_strokes", SEVEN)["net"]["answer"] == 7
    for event in begun:  # so the reading of the strokes did not wait for them
        stream = HTTPConnection(urlsplit(server.address).netloc)
        stream.request("GET", f"/gradio_api/call/read/{event}")
        assert stream.getresponse().status == 200
        stream.close()  # which ends the work for it


@pytest.mark.slow
@on_linux
def test_ctrl_c_ends_the_server_and_the_work_for_its_callers() -> None:
    with started("app.py") as server:
        for _ in range(6):
            begin(server, "read", {"path": uploaded(server, costly())})
        [worker] = workers_of(server.process.pid)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)
        assert have_ended(worker)


def test_the_address_that_one_caller_named_is_not_reported_to_others(server: Server) -> None:
    for host in ("evil.example", "127.0.0.1"):
        connection = HTTPConnection(urlsplit(server.address).netloc)
        connection.request("GET", "/gradio_api/info", headers={"host": host})
        content = connection.getresponse().read()
        connection.close()
        assert (b"evil.example" in content) == (host == "evil.example")


def rpc(server: Server, method: str, parameters: Any = None, path: str = "mcp/", **more: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters} | more
    return json.loads(ask(server, "POST", f"/gradio_api/{path}", json.dumps(body).encode()).content)


def test_a_language_model_can_list_the_tools_and_choose_some(server: Server) -> None:
    tools = rpc(server, "tools/list")["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["read", "read_strokes", "samples", "why"]
    assert all(len(tool["description"]) > 100 for tool in tools)
    assert tools[0]["inputSchema"]["properties"]["image"]["type"] == "string"
    why = tools[3]["inputSchema"]
    assert why["required"] == []
    assert why["properties"]["image"]["oneOf"] == [{"type": "null"}, {"type": "string"}]
    [chosen] = rpc(server, "tools/list", path="mcp/?tools=why")["result"]["tools"]
    assert chosen["name"] == "why"
    listed = json.loads(ask(server, "GET", "/gradio_api/mcp/schema").content)
    assert [tool["meta"]["endpoint_name"] for tool in listed] == ["read", "read_strokes", "samples", "why"]


def test_a_tool_takes_base64_and_uploads_and_fetches_nothing(server: Server) -> None:
    text = base64.b64encode(PICTURE).decode()
    for image in (
        text,
        f"data:image/png;base64,{text}",
        f"{server.address}/gradio_api/file={uploaded(server, PICTURE)}",
    ):
        result = rpc(server, "tools/call", {"name": "read", "arguments": {"image": image}})["result"]
        assert result["structuredContent"]["net"]["answer"] == 7
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    result = rpc(server, "tools/call", {"name": "why", "arguments": {"image": text, "rival": 1}})["result"]
    assert (result["structuredContent"]["for"], result["structuredContent"]["against"]) == (7, 1)
    result = rpc(server, "tools/call", {"name": "read", "arguments": {"image": "https://example.com/a.png"}})["result"]
    assert result["isError"]
    assert "addresses are not fetched" in result["content"][0]["text"]


def test_an_invalid_message_is_refused_and_a_notification_accepted(server: Server) -> None:
    for method in ("nothing", 7):
        assert rpc(server, method)["error"]["code"] == -32601
    for parameters in ({"name": "__init__"}, {"name": []}, 7):
        assert rpc(server, "tools/call", parameters)["error"]["code"] == -32602
    body = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    answer = ask(server, "POST", "/gradio_api/mcp", body)
    assert (answer.status, answer.content) == (202, b"")
    assert ask(server, "GET", "/gradio_api/mcp/").status == 405
