"""The lens "Report": what each network is worth, and the very digits that it fails on.

Read in this order: `votes` (what people saw in suspected labels), `parts` (what stands in it, and what the browser may
ask for), then the browser's half, `report.js` (what is shown when), `charts.js` (pictures of figures), `digits.js` (the
matrix of confusion, and the digits that a cell opens).
"""

from mnist_demo.page.report.parts import build

__all__ = ["build"]
