"""The Gradio page: the only folder that imports gradio.

Read in this order: `page` (what is where), `wire` (strokes come in from the browser), `readings` (what goes back),
`bounds` (how much may come), `files` (what the browser gets); then `read/`, the lens; then the browser's half, which
all lenses share: `pad.js` (what the pen does), `texts.json` (every word, in both languages), `page.css` and `pad.css`.
"""

from mnist_demo.page.page import build, serve

__all__ = ["build", "serve"]
