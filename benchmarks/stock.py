"""The yardstick: Gradio's stock sketchpad and label around the same network. `python -m benchmarks.stock`."""

from typing import Any

import gradio as gr
import numpy as np

from mnist_demo.model.classifier import Classifier


def main() -> None:
    """Serve until stopped."""
    classifier = Classifier.load("convnet")

    def read(sketch: dict[str, Any]) -> dict[str, float]:
        composite = sketch["composite"]
        if composite is None:
            return {}
        ink = 255 - composite[..., :3].mean(axis=2) if composite[..., 3].all() else composite[..., 3]
        reading = classifier.read(np.asarray(ink, np.uint8))
        return {str(digit): float(p) for digit, p in enumerate(reading.probabilities)}

    gr.Interface(read, "sketchpad", "label", live=True).launch(quiet=True)


if __name__ == "__main__":
    main()
