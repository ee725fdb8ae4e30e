"""The page's server: the only folder that imports gradio. What the browser runs is in `web/`.

Read in this order: `page` (what is where), `sketchpad` (the Gradio component to draw on), `web_files` (what the browser
loads), `engine` (what it asks: only digits cross), `readings` and `read/` (digits of many clients are read together),
`inside/`, `learn/`, `report/` (what each lens asks), `photo` (the ink of photos), `yours` (users' own networks).
What keeps it standing in public: `origins` and `doors` (who may ask what), `bounds`, `callers` and `connections` (how
much, and how long), `assets` (Gradio's files, compressed once), `picture_process` (pictures, in a process with limits).
What answers other programs: `endpoints` (what they may ask), `pen_strokes`, `events` (as Gradio's clients and curl
call), `tools` (as language models do), `uploads`.
"""

from importlib.metadata import PackageNotFoundError, version

GRADIO = "6.31.0"  # the version whose inside the page relies on


def check_gradio() -> None:
    """Raise ImportError, in one line, unless Gradio has the version that the page needs."""
    try:
        found = version("gradio")
    except PackageNotFoundError:
        found = "none"
    if found != GRADIO:
        raise ImportError(f"the page needs gradio {GRADIO}, found {found}: pip install gradio=={GRADIO}")


check_gradio()

from mnist_demo.page.page import build, demo, serve  # noqa: E402
from mnist_demo.page.sketchpad import Sketchpad  # noqa: E402

__all__ = ["GRADIO", "Sketchpad", "build", "demo", "serve"]
