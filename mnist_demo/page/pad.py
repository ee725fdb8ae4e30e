"""The pad: Gradio's Sketchpad, and upon it the page's own paper, pen and tools.

Knows: the editor beneath, and when to believe it. Does not know: what lenses make of a drawing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mnist_demo.classifier import Classifier
from mnist_demo.page.files import script, text
from mnist_demo.page.picture_process import PictureProcess
from mnist_demo.page.wire import MOST, MOST_PICTURE, SIDE, at_side, decoded, ink_of, ink_of_picture, pack
from mnist_demo.written import CANVAS, FURTHEST, MOST_POINTS

DRAWING = ("ink.js", "drawing.js", "corrections.js", "pen.js", "pad.js")
SCRIPTS = ("texts.js", "programs.js", *DRAWING, "lenses.js", "photo.js", "stored.js", "sketch.js")
HIGH = 200  # pixels of the pad, that the ink of a picture reaches
NEAR = 9  # pixels: the two renderers' lines may lie that far apart, with their edges
STRAY = 0.01  # share of the pad's ink that may lie elsewhere


def build(
    classifiers: Mapping[str, Classifier], lenses: Sequence[str], i18n: gr.I18n, shared: Mapping[str, Any]
) -> None:
    """The drawing surface, and the tabs of the lenses beside it. `shared` is what every part of the page is told."""
    pictures = PictureProcess()

    def settle(drawing: Any) -> dict[str, str]:
        return {"base": pack(ink_of(drawing))}

    def read_pad(rest: Any) -> dict[str, Any]:
        picture, drawing = (rest.get("picture"), rest.get("drawing")) if isinstance(rest, dict) else (None, None)
        held, drawn = ink_of_picture(picture), ink_of(drawing)
        agrees = answers(classifiers, held) == answers(classifiers, drawn)
        return {"agrees": agrees, "base": "" if agrees or not is_plausible(held, drawing) else pack(at_side(held))}

    async def take(picture: Any) -> dict[str, str | None]:
        content = decoded(picture, MOST_PICTURE)
        try:
            return {"base": on_pad(await pictures.ink_of(content))}
        except ValueError:
            return {"base": None}

    sketchpad(i18n)
    gr.HTML(
        elem_id="pen",
        html_template=text("pad.html"),
        js_on_load=script(*SCRIPTS),
        server_functions=[settle, read_pad, take],
        most=MOST,
        limits={"points": MOST_POINTS, "furthest": FURTHEST, "side": CANVAS},  # of a corrected digit
        lenses=list(lenses),
        **shared,
    )


def sketchpad(i18n: gr.I18n) -> gr.Sketchpad:
    """Gradio's editor: black ink on one white layer, no picture tools."""
    pad = gr.Sketchpad(
        elem_id="sketchpad",
        label=i18n("pad"),
        canvas_size=(SIDE, SIDE),
        fixed_canvas=True,
        layers=False,
        sources=(),
        transforms=(),
        brush=gr.Brush(colors=["#000000"], color_mode="fixed"),
        show_label=False,
        container=False,
        buttons=[],
    )
    # A server function of the editor's, of no use here, that keeps in memory whatever anybody sends it.
    pad.accept_blobs = None
    return pad


def on_pad(ink: NDArray[np.uint8]) -> str:
    """Return the ink (H, W) of a picture in the middle of a pad, its longer side HIGH, packed; "" if it is blank."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return ""
    box = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = HIGH / max(box.size)
    box = box.resize((max(1, round(box.width * scale)), max(1, round(box.height * scale))))
    pad = Image.new("L", (SIDE, SIDE))
    pad.paste(box, ((SIDE - box.width) // 2, (SIDE - box.height) // 2))
    return pack(np.asarray(pad))


def answers(classifiers: Mapping[str, Classifier], ink: NDArray[np.uint8]) -> list[int | None]:
    """What each network takes the ink (H, W) for."""
    return [classifier.read(ink).answer for classifier in classifiers.values()]


def is_plausible(held: NDArray[np.uint8], drawing: Any) -> bool:
    """Whether the ink (H, W) that the editor gave back can have come of that drawing from the wire.

    Browsers that guard against being recognised give noise or stripes back, or nothing. What a pen drew lies where
    the pen was; of that, some may be missing.
    """
    strokes = [stroke for stroke in drawing["strokes"] if not stroke[1]]
    pen = Image.fromarray(ink_of({"base": drawing["base"], "strokes": strokes}))
    near = np.asarray(pen.filter(ImageFilter.MaxFilter(NEAR))) > 0
    ink = at_side(held).astype(np.float64)
    return bool(ink.sum() > 0 and ink[~near].sum() <= STRAY * ink.sum())
