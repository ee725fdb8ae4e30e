"""The lens "Learn": a network is trained before one's eyes, and is the visitor's own from its first step on.

Read in this order: `school` (trainings, in processes of their own), `parts` (what stands in it, and what the browser
may ask for), then the browser's half: `learn.js`, `curves.js` and `wall.js` (how a training gets on), and `hand.js`
(the digits that the visitor corrected).
"""

from mnist_demo.page.learn.parts import build

__all__ = ["build"]
