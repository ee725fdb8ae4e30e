"""MNIST's digits on paper, as people photograph them."""

import torch
from PIL import Image, ImageOps


def picture(image: torch.Tensor, side: int = 280) -> Image.Image:
    """Return a test digit (1, 28, 28) as dark ink on white paper."""
    return ImageOps.invert(Image.fromarray(image[0].numpy())).resize((side, side), Image.Resampling.BICUBIC)
