"""The Gradio page: the only folder that imports gradio.

Read in this order: `page` (what is where), `live` (strokes come in from the browser), `readings` (what goes back),
`gallery` (labelled samples); then the browser's half, `pad.js` (what the pen does), `live.js` (what is shown),
`gallery.js`, `texts.json` (every word, in both languages) and `page.css`.
"""

from mnist_demo.page.page import build, serve

__all__ = ["build", "serve"]
