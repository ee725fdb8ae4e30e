"""The whole idea with Gradio's own pad, which reads when the pen is lifted: `python -m examples.stock_sketchpad`."""

import gradio as gr
import numpy as np

from mnist_demo import Classifier

classifier = Classifier.load("net")


def read(sketch: dict) -> dict[str, float] | None:
    """Return the probabilities of the ten digits, or None if nothing is drawn."""
    if sketch["composite"] is None:
        return None
    gray = sketch["composite"][..., :3].mean(axis=2)
    probabilities = classifier.read((255 - gray).astype(np.uint8)).probabilities
    return {str(digit): float(probability) for digit, probability in enumerate(probabilities)}


brush = gr.Brush(default_size=10, colors=["#000000"])
pad = gr.Sketchpad(canvas_size=(280, 280), layers=False, brush=brush, label="Draw a digit, 0 to 9")
app = gr.Interface(read, pad, gr.Label(num_top_classes=3), live=True, flagging_mode="never")

if __name__ == "__main__":
    app.launch()
