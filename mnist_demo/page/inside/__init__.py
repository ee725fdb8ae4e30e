"""The lens "Inside": what happens between the ink and the answer, on the very digit that is being drawn.

Read in this order: `parts` (what stands in it, and what the browser may ask for), then the browser's half, `inside.js`
(what is asked for when), `layers.js` (steps, maps and cells), `work.js` (one cell's arithmetic).
"""

from mnist_demo.page.inside.parts import build

__all__ = ["build"]
