"""The Gradio page: the only folder that imports gradio.

Read in this order: `page` (what is where), `pad` (the drawing surface), `wire` (strokes come in from the browser),
`readings` (what goes back), `yours` (visitors' own networks), `files` (what the browser gets); what keeps it standing
in public: `doors` (what may be asked for), `bounds` (how much may come), `calls` (the server functions, called),
`connections` (how many, and how long); what answers other programs: `endpoints` (what they may ask), `events` (as
Gradio's clients and curl call), `tools` (as language models do), `uploads` (pictures, on their way); then `read/`, the
lens; then the browser's half of what all lenses share: `sketch.js` (the pad, made of `drawing.js`, `ink.js`, `pen.js`
and, for Gradio's editor beneath, `pad.js`), `stored.js` (the drawing survives a reload), `corrections.js` (what the
visitor said drawings were), `axes.js` (figures become pictures), `texts.json` (every word, in both languages),
`texts.js`, `page.css` and `pad.css`.
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

__all__ = ["GRADIO", "build", "demo", "serve"]
