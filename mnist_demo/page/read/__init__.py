"""The lens "Read": what the networks make of the drawing, and labelled samples to compare it with.

Read in this order: `read` (what stands in it), `reader` (drawings of many visitors, read together), `gallery` (the
samples); then the browser's half, `live.js` and `gallery.js`.
"""

from mnist_demo.page.read.read import build

__all__ = ["build"]
