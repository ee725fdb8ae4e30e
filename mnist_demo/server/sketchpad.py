"""A Gradio component to draw on, whose value changes while the pen is down."""

import contextlib
import json
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.server.web_files import WEB, text

SIDE = 280  # pixels
MAX_POINTS = 100_000  # of all strokes together
STROKE = {"points": [80, 60, 200, 60, 130, 230], "width": 20, "erase": False}
START = """
const root = new URL(window.gradio_config.root, location).pathname.replace(/\\/$/, "");
import(`${root}/ASSETS/pad/component.js`).then(({ start }) => start(element, props, trigger, watch));
"""


class Sketchpad(gr.HTML):
    """A pad of 280 x 280 pixels. Its value is the strokes of the drawing; `change` fires while the pen is down.

    A handler gets the same as from `gr.Sketchpad`: a dict whose "composite" is the drawing as RGBA (280, 280, 4) uint8,
    black on white, or None if nothing is drawn. Pass it to `Classifier.read` as `255 - composite[..., 0]`.
    """

    def __init__(self, value: list[dict[str, Any]] | None = None, *, assets: str | None = None, **options: Any) -> None:
        """Create a pad. `value` is its first drawing: strokes {"points": [x, y, x, y, ...], "width": 20, "erase":
        False}. A handler may return another one, or None to clear the pad.

        `assets` is the path below the page's root that serves the files of `web/`; by default Gradio serves them.
        """
        if assets is None:
            gr.set_static_paths([WEB])
            assets = f"gradio_api/file={WEB.as_posix()}"
        self.streaming = False  # read by gr.Interface(live=True)
        options.setdefault("css_template", text("pad/sketchpad.css"))
        options.setdefault("apply_default_css", False)
        super().__init__(
            value, html_template=text("pad/pad.html"), js_on_load=START.replace("ASSETS", assets), **options
        )

    def preprocess(self, payload: str | None) -> dict[str, Any] | None:  # type: ignore[override]
        """Return the drawing for a handler. Raises gr.Error if the strokes are invalid."""
        try:
            ink = draw(strokes_of(payload), SIDE)
        except (KeyError, TypeError, ValueError) as error:
            raise gr.Error(f"not a drawing: {error}") from None
        composite = rgba(ink) if ink.any() else None
        return {"background": None, "layers": [] if composite is None else [composite], "composite": composite}

    def postprocess(self, value: list[dict[str, Any]] | None) -> str | None:  # type: ignore[override]
        """Return the strokes for the browser. Raises ValueError, in one line, if they are invalid."""
        if value is None:
            return None
        try:
            draw(strokes_of(payload := json.dumps(value)), SIDE)
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"the value of a Sketchpad must be None or strokes such as {STROKE}") from None
        return payload

    def example_payload(self) -> str:
        """Return an example drawing, for the page "Use via API"."""
        return json.dumps([STROKE])

    def example_value(self) -> None:
        """Return None: the pad starts blank."""


with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()  # Gradio writes a stub beside each component


def strokes_of(payload: str | None) -> list[Stroke]:
    """Return the strokes that the browser sent. Raises KeyError, TypeError or ValueError if they are invalid."""
    strokes = json.loads(payload) if payload else []
    if sum(len(stroke["points"]) for stroke in strokes) > 2 * MAX_POINTS:
        raise ValueError(f"more than {MAX_POINTS} points")
    return [
        Stroke(np.array(stroke["points"], np.float64).reshape(-1, 2), float(stroke["width"]), bool(stroke["erase"]))
        for stroke in strokes
    ]


def rgba(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ink (H, W) as black on white (H, W, 4)."""
    return np.dstack([255 - ink] * 3 + [np.full_like(ink, 255)])
