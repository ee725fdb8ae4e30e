"""Pages to measure: served in processes of their own, opened in real Chromium, drawn on with a real pointer."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Error, Page, Playwright

Path2 = NDArray[np.float64]  # (N, 2), x and y in shares of the pad's side

ROOT = Path(__file__).parent.parent
PROBE = Path(__file__).parent / "probe.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
VIEW = {"width": 1280, "height": 800}
PATIENCE = 60  # seconds, the timeout until a server answers
MAX_PRINTED_BYTES = 10**8  # bytes
RATE = 60  # pointer moves per second, as from a mouse


def chromium_path() -> str | None:
    """Return the path of Chromium, or None if it is not on PATH and Playwright's own is to be used."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def launched(playwright: Playwright) -> Browser:
    """Launch Chromium without a window. Raises OSError, in one line, if it cannot be started."""
    try:
        return await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise OSError(f"Chromium cannot be started ({reason}): apt install chromium") from None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server(NamedTuple):
    """A page served in a process of its own."""

    process: subprocess.Popen[bytes]
    address: str
    output: IO[bytes]

    def printed(self) -> str:
        """Return what it has printed so far."""
        return os.pread(self.output.fileno(), MAX_PRINTED_BYTES, 0).decode(errors="replace")


@contextmanager
def served(*command: str, **options: Any) -> Iterator[str]:
    """Yield the address of a server; options and errors are those of `started`."""
    with started(*command, **options) as server:
        yield server.address


@contextmanager
def started(
    *command: str, port: int | None = None, environment: Mapping[str, str] | None = None, folder: Path = ROOT
) -> Iterator[Server]:
    """Run Python with those arguments and environment variables, and wait until it answers.

    Raises OSError, with its output, if it ends by itself or does not answer within PATIENCE seconds.
    """
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    variables = os.environ | {"GRADIO_SERVER_PORT": str(port)} | dict(environment or {})
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        server = Server(process, address, output)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise OSError(f"python {' '.join(command)} does not serve: {server.printed()}")
                time.sleep(0.02)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def files_served(folder: Path, port: int) -> AbstractContextManager[Server]:
    """Serve the files of a folder, as any web server does."""
    return started("-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder), port=port)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except OSError:
        return False
    return True


class Visit:
    """One open page."""

    def __init__(self, page: Page, paper: tuple[float, float, float]) -> None:
        self.page = page
        self.paper = paper  # left, top and side of the drawing square, pixels on the screen

    @classmethod
    async def open(cls, browser: Browser, address: str, ready: str, canvas_size: int) -> "Visit":
        """Open the page with a cold cache, wait for the element `ready`, and choose the brush."""
        page = await browser.new_page(viewport=VIEW)  # type: ignore[arg-type]
        await page.add_init_script(PROBE.read_text(encoding="utf-8").replace("READY", ready))
        await page.goto(address)
        await page.wait_for_function("probe.ready")
        await page.wait_for_timeout(1000)
        visit = cls(page, await paper(page, canvas_size))
        await visit.choose_brush()
        return visit

    async def choose_brush(self) -> None:
        """Press the brush if it is not chosen already."""
        brush = self.page.get_by_role("button", name="Brush", exact=True)
        is_chosen = "highlight" in (await brush.get_attribute("class") or "") or await brush.get_attribute(
            "aria-pressed"
        )
        if not is_chosen:
            await brush.click()

    async def stroke(self, path: Path2) -> None:
        """Draw one stroke, at RATE, without waiting for the page."""
        left, top, side = self.paper
        points = np.array([left, top]) + path * side
        session = await self.page.context.new_cdp_session(self.page)

        def send(kind: str, x: float, y: float) -> asyncio.Task[Any]:
            buttons = {"button": "left", "buttons": 1, "clickCount": 1}
            event = {"type": kind, "x": float(x), "y": float(y)} | buttons
            return asyncio.ensure_future(session.send("Input.dispatchMouseEvent", event))

        await self.page.mouse.move(*points[0])
        await send("mousePressed", *points[0])
        sent = []
        for x, y in points[1:]:
            sent.append(send("mouseMoved", x, y))
            await asyncio.sleep(1 / RATE)
        await asyncio.gather(*sent, send("mouseReleased", *points[-1]))
        await session.detach()

    async def clear(self) -> None:
        """Clear the pad, ready to draw."""
        await self.page.get_by_role("button", name="Clear canvas").click()
        await self.page.wait_for_timeout(200)
        await self.choose_brush()

    async def answer(self, network: str) -> int | None:
        """Return the digit that a network reads on our page; None if the network rejects the drawing."""
        said = await self.page.get_attribute(f"[data-model={network}] [data-answer]", "data-answer")
        return int(said) if said else None

    async def probe(self) -> dict[str, Any]:
        """Return what happened since the last call: times in milliseconds."""
        noted: dict[str, Any] = await self.page.evaluate("probe.take()")
        return noted


async def paper(page: Page, canvas_size: int) -> tuple[float, float, float]:
    """Return left, top and side, in screen pixels, of the square to draw on; the stock editor has `canvas_size`."""
    own = page.locator("#sketchpad .ink")
    if await own.count():
        box = await own.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"]
    box = await page.locator("canvas").first.bounding_box()
    assert box is not None
    zoom = float((await page.locator(".zoom-number").text_content() or "").strip(" %")) / 100
    side = canvas_size * zoom
    return box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2, side


def placed(paths: Sequence[Path2], height: float) -> list[Path2]:
    """Return the paths in the middle of the pad, the longer side `height`, a share of the pad's side."""
    everything = np.concatenate(paths)
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = height / max((high - low).max(), 1e-6)
    return [(path - (low + high) / 2) * scale + 0.5 for path in paths]
