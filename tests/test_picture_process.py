"""Pictures that cost too much or pretend to be another format, in the process that reads clients' pictures."""

import asyncio
import json
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.requests import ClientDisconnect

from benchmarks.costly_pictures import chunk, cpu_seconds, main, saved
from mnist_demo.ink.picture_structure import MAX_PARTS, MAX_SCANS, check_structure
from mnist_demo.server.engine import WORKERS, Engine, Function, Question
from mnist_demo.server.gradio_protocol import Jobs
from mnist_demo.server.mcp import PATH, Tools
from mnist_demo.server.picture_process import PictureProcess, Pictures

ROOT = Path(__file__).parent.parent
SEVEN = (ROOT / "docs" / "seven.png").read_bytes()
on_linux = pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes as Linux shows them")
PARENT = """
import sys
from mnist_demo.server.picture_process import PictureProcess
idle, busy = PictureProcess(), PictureProcess()
for pictures in (idle, busy):
    pictures.ink_of(open("docs/seven.png", "rb").read())
    print(pictures.process.pid, flush=True)
busy.ink_of(sys.stdin.buffer.read())
"""


@pytest.fixture(scope="module")
def pictures() -> Iterator[Pictures]:
    both = Pictures()
    yield both
    for process in both.processes:
        process.end()


def costly() -> bytes:
    """Return a PNG of one pixel that takes seconds to open: each of its chunks is inflated to a megabyte."""
    content = saved(Image.new("L", (1, 1)), "PNG")
    return content[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 9000 + content[33:]


def workers_of(pid: int) -> list[int]:
    """Return the processes that read pictures for that one."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [int(child) for file in children for child in file.read_text().split()]
    return [child for child in pids if "picture_worker" in Path(f"/proc/{child}/cmdline").read_text()]


def have_ended(*pids: int) -> bool:
    """Wait until those processes have ended, or are zombies that their new parent has yet to notice."""
    deadline = time.monotonic() + 20
    while (running := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not running


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ink(pictures: Pictures, content: bytes) -> Any:
    return asyncio.run(pictures.ink_of(content))


def both_tiff_and_fli() -> bytes:
    """Return a TIFF of 8 x 8 pixels that another of Pillow's decoders takes for an FLI of 10,000 x 9,990."""
    directory = 0xAF12
    head = b"II*\0" + struct.pack("<IHHI", directory, 10_000, 9_990, 8)
    tags = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 100), (277, 1), (278, 8), (279, 64)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return head.ljust(directory, b"\0") + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_the_file_checked_is_the_file_decoded(pictures: Pictures) -> None:
    assert max(ink(pictures, both_tiff_and_fli()).shape) <= 8


@pytest.mark.parametrize("kind", ["ICO", "PPM", "JPEG2000", "PSD"])
def test_other_formats_are_refused(pictures: Pictures, kind: str) -> None:
    photoshop = b"8BPS" + struct.pack(">H6sHIIHH", 1, b"", 3, 30_000, 30_000, 8, 3) + bytes(12)
    content = photoshop if kind == "PSD" else saved(Image.new("L", (32, 32)), kind)
    with pytest.raises(ValueError, match=r"^image: cannot be read as a picture"):
        ink(pictures, content)


def test_a_picture_that_costs_more_than_a_second_is_refused_and_the_next_is_read(pictures: Pictures) -> None:
    ink(pictures, SEVEN)
    before = pictures.processes[-1].process
    with pytest.raises(ValueError, match="cannot be read within 1 s of processor time"):
        ink(pictures, costly())
    assert ink(pictures, SEVEN).any()
    assert before is not None
    assert before.returncode == -signal.SIGPROF


def test_a_photo_of_12_megapixels_is_read(pictures: Pictures) -> None:
    photo = np.tile(np.random.default_rng(1).integers(170, 200, (300, 400)).astype(np.uint8), (10, 10))
    photo[900:2100, 1900:2100] = 40
    for progressive in (False, True):
        content = saved(Image.fromarray(photo).convert("RGB"), "JPEG", quality=92, progressive=progressive)
        assert ink(pictures, content).any()


@on_linux
def test_a_picture_that_needs_too_much_memory_is_refused(pictures: Pictures) -> None:
    entries = b"".join(struct.pack("<HHII", tag, 7, 700_000, 8) for tag in range(65_000))
    exif = b"II*\0" + struct.pack("<IH", 8, 65_000) + entries + bytes(4)
    content = saved(Image.new("L", (9, 9)), "PNG")
    with pytest.raises(ValueError, match=r"^image: too large: decoding it takes too much memory$"):
        ink(pictures, content[:33] + chunk(b"eXIf", exif) + content[33:])


def test_pictures_of_too_many_parts_are_refused_before_they_are_decoded() -> None:
    jpeg = saved(Image.new("L", (64, 64)), "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    png, gif = saved(Image.new("L", (9, 9)), "PNG"), saved(Image.new("L", (9, 9)), "GIF")
    start = gif.index(b",")
    for content in (jpeg, png, gif, jpeg[:-2] + b"\xff\xd9" + scan * 1000, png + bytes(1_000_000), jpeg[:50], b""):
        check_structure(content)
    for content in (
        jpeg[:-2] + scan * MAX_SCANS + jpeg[-2:],
        jpeg[:-2] + b"\xff\x01" + scan * MAX_SCANS + jpeg[-2:],  # behind a marker without a length
        jpeg[:2] + b"\xff\xfe\x00\x02" * MAX_PARTS + jpeg[2:],
        png[:33] + chunk(b"tEXt", b"a\0b") * MAX_PARTS + png[33:],
        gif[:start] + b"\x21\xfe" + b"\x01a" * MAX_PARTS + b"\0" + gif[start:],
    ):
        with pytest.raises(ValueError, match=r"^image: too complex"):
            check_structure(content)


def test_if_a_caller_disconnects_its_picture_is_dropped_and_others_are_read(pictures: Pictures) -> None:
    async def visit() -> Any:
        ink_of_costly, waiting = (asyncio.ensure_future(pictures.ink_of(content)) for content in (costly(), costly()))
        while not pictures.pool.served:
            await asyncio.sleep(0.01)
        for gone in (waiting, ink_of_costly):
            gone.cancel()
        assert (await pictures.ink_of(SEVEN)).any()
        assert waiting.cancelled()
        assert ink_of_costly.cancelled()

    asyncio.run(visit())


async def answer_one_who_leaves(answering: Any, path: str, body: Any) -> None:
    """Send a complete request, and disconnect."""
    messages = iter([{"type": "http.request", "body": json.dumps(body).encode()}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    with pytest.raises(ClientDisconnect):
        await answering(scope, receive, None)


async def never(data: Any = None) -> None:
    """Wait until cancelled."""
    await asyncio.sleep(3600)


def test_a_call_is_not_started_after_its_client_disconnected() -> None:
    free, begun, app = threading.Event(), list[Any](), Any

    async def visit() -> None:
        functions = {"begin": Function(Question, begun.append), "never": Function(Question, never)}
        engine = Engine(app, never, functions)
        busy = [asyncio.ensure_future(engine.pool.run(lambda: free.wait(60))) for _ in range(WORKERS)]
        while len(engine.pool.served) < WORKERS:  # so that the question waits for a thread
            await asyncio.sleep(0.01)
        for name in ("begin", "never"):
            await answer_one_who_leaves(engine, f"/engine/{name}", {})
        free.set()
        await asyncio.gather(*busy)

    asyncio.run(visit())
    assert begun == []


def test_a_tool_is_cancelled_if_its_client_disconnects() -> None:
    async def visit() -> int:
        jobs, app = Jobs(), Any
        tools = Tools(app, [], jobs)
        tools.endpoints = {"never": never}
        call = {"id": 1, "method": "tools/call", "params": {"name": "never"}}
        await answer_one_who_leaves(tools, PATH, call)
        outcome = jobs.start(never)  # and one that is dropped before it has begun
        jobs.drop(jobs.keep(outcome))
        await asyncio.wait([outcome])
        await asyncio.sleep(0.01)
        return len(jobs.unfinished)

    assert asyncio.run(visit()) == 0


def test_the_process_ends_when_no_picture_has_come_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_demo.server.picture_process.MAX_IDLE_SECONDS", 0.05)
    pictures = PictureProcess()
    for _ in range(2):
        assert pictures.ink_of(SEVEN).any()
        assert pictures.idle is not None
        pictures.idle.join(20)
        assert pictures.process is None


@on_linux
def test_the_process_ends_with_its_server_even_if_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        idle, busy = (int(parent.stdout.readline()) for _ in range(2))
        before = cpu_seconds(busy)
        parent.stdin.write(costly())
        parent.stdin.close()
        while cpu_seconds(busy) == before:
            time.sleep(0.01)
        parent.kill()
    assert have_ended(idle, busy)


@on_linux
@pytest.mark.parametrize("count", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_no_picture_that_is_read_costs_more_than_a_second(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pictures", str(count)]) == 0
    assert " read, " in capsys.readouterr().out
