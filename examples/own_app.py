"""Your own app around the pad: `python examples/own_app.py`. Bars move while the pen is down."""

import gradio as gr

from mnist_demo import Classifier, Sketchpad
from mnist_demo.data import load_mnist

classifier = Classifier.load("convnet")
samples = load_mnist("test")


def read(sketch: dict) -> dict[str, float] | None:
    """Return the probabilities of the ten digits, or None if nothing is drawn."""
    if sketch["composite"] is None:
        return None
    probabilities = classifier.read(255 - sketch["composite"][..., 0]).probabilities
    return {str(digit): float(probability) for digit, probability in enumerate(probabilities)}


with gr.Blocks(title="Draw a digit") as app:
    with gr.Row():
        pad, label = Sketchpad(), gr.Label(num_top_classes=3, label="Digit")
    gr.Gallery([(image[0].numpy(), str(int(digit))) for image, digit in zip(samples.images[:20], samples.labels)])
    pad.change(read, pad, label, show_progress="hidden", queue=False)

if __name__ == "__main__":
    app.launch()
