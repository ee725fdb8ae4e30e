"""The page's server: the only folder that imports gradio. What the browser runs is in `web/`.

Read in this order: `page` (what is where), `sketchpad` (the Gradio component to draw on), `web_files` (what the browser
loads), `engine` (what it asks: only digits cross), `readings` and `batching` (digits of many clients, read together),
`lenses/` (what each lens asks), `photo` (the ink of photos), `training_jobs` and `training_process` (networks trained
for users), `user_models` (the networks that come of it).
What keeps it standing in public: `address`, `origins` and `allow_list` (who may ask what), `limits`, `cancellation` and
`connections` (how much, and how long), `assets` (Gradio's files, compressed once), `picture_process` (pictures, in a
process with limits), `zerogpu` (a graphics processor for the time of a call).
What answers other programs: `api` (what they may ask), `pen_strokes`, `gradio_protocol` (as Gradio's clients and curl
call), `mcp` (as language models do), `uploads`.
"""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_demo.server.page import build, demo, serve
    from mnist_demo.server.sketchpad import Sketchpad

__all__ = ["GRADIO", "Sketchpad", "build", "demo", "serve"]

GRADIO_MINORS = range(24, 32)  # the versions 6.24 to 6.31 pass the tests: the page relies on their internals
GRADIO = f">=6.{GRADIO_MINORS.start},<6.{GRADIO_MINORS.stop}"
PLACES = {"build": "page", "demo": "page", "serve": "page", "Sketchpad": "sketchpad"}


def check_gradio() -> None:
    """Raise ImportError, in one line, unless Gradio has one of the versions that the page needs."""
    try:
        found = version("gradio")
    except PackageNotFoundError:
        found = "none"
    if found.split(".")[:2] not in [["6", str(minor)] for minor in GRADIO_MINORS]:
        raise ImportError(f"the page needs gradio{GRADIO}, found {found}: pip install 'gradio{GRADIO}'")


def __getattr__(name: str) -> Any:
    """Import what needs Gradio when asked for: Gradio reads, when it is imported, what `address` must check first."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_gradio()
    return getattr(importlib.import_module(f"{__name__}.{PLACES[name]}"), name)
