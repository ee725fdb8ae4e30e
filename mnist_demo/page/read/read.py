"""What stands in the lens "Read", and which server function each part may call.

Knows: Gradio's HTML component. Does not know: the rest of the page.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.page.files import script, text
from mnist_demo.page.read.gallery import open_gallery
from mnist_demo.page.read.reader import Reader
from mnist_demo.page.readings import Readings
from mnist_demo.page.yours import Yours


def build(classifiers: Mapping[str, Classifier], samples: Samples, shared: Mapping[str, Any], yours: Yours) -> None:
    """Answers and bars of those networks, by name, in that order, and the gallery of samples (the test set).

    `shared` is what every part of the page is told, `yours` are visitors' networks, which read, too.
    """
    gallery = open_gallery(samples, classifiers)
    reader = Reader(classifiers, yours)

    async def read(drawing: Any) -> Readings:
        return await reader.read(drawing)

    def pick(wanted: Any) -> list[dict[str, Any]]:
        return gallery.pick_wanted(wanted)

    def marks(wanted: Any) -> dict[str, Any]:
        return gallery.marks(wanted, yours)

    gr.HTML(
        elem_id="live",
        html_template=text("read/live.html"),
        js_on_load=script("texts.js", "read/correct.js", "read/live.js"),
        server_functions=[read, marks],
        **shared,
    )
    gr.HTML(
        elem_id="gallery",
        html_template=text("read/gallery.html"),
        js_on_load=script("texts.js", "tiles.js", "read/gallery.js"),
        server_functions=[pick, marks],
        **shared,
    )
