"""The page's server, the only folder that imports gradio. The browser's part is in `web/`.

Read in this order: `page` (the layout), `sketchpad` (the Gradio component to draw on), `web_files` (the files that the
browser loads), `engine` (requests from the browser: only digits cross), `readings` and `batching` (digits of many
clients, read together), `lenses/` (requests of each lens), `photo` (the ink of photos), `training_jobs` and
`training_process` (training for users), `user_models` (the trained networks).
Protection in public: `address`, `origins` and `allow_list` (who may ask for what), `limits`, `cancellation` and
`connections` (how much, and how long), `assets` (Gradio's files, compressed once), `picture_process` (pictures, in a
process with limits), `zerogpu` (a graphics processor during a call).
Other programs: `api` (the endpoints), `pen_strokes`, `gradio_protocol` (for Gradio's clients and curl), `mcp` (for
language models), `uploads`.
"""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.server.page import demo, serve
    from mnist_demo.server.sketchpad import Sketchpad

__all__ = ["GRADIO", "Sketchpad", "demo", "serve"]

GRADIO_MINORS = range(24, 32)  # the versions 6.24 to 6.31 pass the tests: the page relies on their internals
GRADIO = f">=6.{GRADIO_MINORS.start},<6.{GRADIO_MINORS.stop}"
PLACES = {"demo": "page", "serve": "page", "Sketchpad": "sketchpad"}


def check_gradio() -> None:
    """Raise ImportError, in one line, unless Gradio has a version that the page supports."""
    try:
        found = version("gradio")
    except PackageNotFoundError:
        found = "none"
    if found.split(".")[:2] not in [["6", str(minor)] for minor in GRADIO_MINORS]:
        raise ImportError(f"the page needs gradio{GRADIO}, found {found}: pip install 'gradio{GRADIO}'")


def __getattr__(name: str) -> Any:
    """Import modules that need Gradio on first use: `address` must first check the variables that Gradio reads."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_gradio()
    return getattr(importlib.import_module(f"{__name__}.{PLACES[name]}"), name)
