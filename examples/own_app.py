"""Your own app around the pad: `python -m examples.own_app`. Bars move while the pen is down."""

import gradio as gr

from mnist_demo import Classifier, Sketchpad
from mnist_demo.data.mnist import load_mnist

classifier = Classifier.load("convnet")
samples = load_mnist("test")
gallery = [(image[0].numpy(), str(int(label))) for image, label in zip(*samples, strict=True)][:20]


def read(sketch: dict) -> dict[str, float] | None:
    """Return the probabilities of the ten digits, or None if nothing is drawn."""
    if sketch["composite"] is None:
        return None
    probabilities = classifier.read(255 - sketch["composite"][..., 0]).probabilities
    return {str(digit): float(probability) for digit, probability in enumerate(probabilities)}


with gr.Blocks(title="Draw a digit") as app:
    with gr.Row():
        pad, label = Sketchpad(), gr.Label(num_top_classes=3, label="Digit")
    gr.Gallery(gallery, columns=10, label="Samples of MNIST's test set")
    pad.change(read, pad, label, show_progress="hidden", queue=False)

if __name__ == "__main__":
    app.launch()
