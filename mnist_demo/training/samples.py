"""What a run learns from: the data set's digits, synthetic ones, non-digits and digits from a stroke file."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mnist_demo.data.augment import distort
from mnist_demo.data.mnist import Samples
from mnist_demo.data.non_digits import non_digits
from mnist_demo.data.stroke_file import Handwritten
from mnist_demo.data.synthetic import drawn, handwriting, redrawn
from mnist_demo.ink.preprocess import SIDE
from mnist_demo.model.recipes import Recipe

NON_DIGIT = 10  # the label of non-digits, in training only
WRITTEN = 11  # added to the labels of --extra digits, in training only


def training_samples(recipe: Recipe, mnist: Samples, seed: int, written: Sequence[Handwritten] = ()) -> Samples:
    """Return the training images, with the synthetic digits, non-digits and `written` digits that the recipe wants."""
    if recipe.mnist is not None:
        some = torch.randperm(len(mnist.labels), generator=torch.Generator().manual_seed(seed))[: recipe.mnist]
        mnist = Samples(mnist.images[some], mnist.labels[some])
    digits, labels = handwriting(recipe.handwriting, seed)
    others = non_digits(recipe.non_digits, seed)
    count = len(mnist.labels) + len(digits) + len(others)
    again, what = redrawn(written, round(count * recipe.written / (1 - recipe.written)), seed)
    images = [torch.from_numpy(part).unsqueeze(1) for part in (digits, others, again) if len(part)]
    return Samples(
        torch.cat([mnist.images, *images]),
        torch.cat(
            [
                mnist.labels,
                torch.from_numpy(labels),
                torch.full((len(others),), NON_DIGIT),
                torch.from_numpy(what) + WRITTEN,
            ]
        ),
    )


def as_written(written: Sequence[Handwritten], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, 28, 28) uint8 of handwritten digits, as they were drawn, and their labels (N,)."""
    images = np.array([drawn(one.strokes) for one in written], np.uint8).reshape(-1, 1, SIDE, SIDE)
    return torch.from_numpy(images).to(device), torch.tensor([one.label for one in written], device=device)


def loss_targets(recipe: Recipe, device: torch.device) -> Tensor:
    """Return the weight (21, 10) of each log-probability in the loss, for each label.

    Row NON_DIGIT is spread evenly; the rows from WRITTEN on repeat those of the digits. Without smoothing, a digit's
    row is one-hot, which makes the loss the tutorial's negative log-likelihood.
    """
    digits = torch.eye(10) * (1 - recipe.label_smoothing) + recipe.label_smoothing / 10
    return torch.cat([digits, torch.full((1, 10), recipe.non_digit_weight / 10), digits]).to(device)


def as_trained(recipe: Recipe, images: Tensor, seed: int) -> Tensor:
    """Return digits (N, 1, 28, 28) uint8 as training shows them: distorted if the recipe says so.

    The threshold is chosen on these, because MNIST's own ink is more even than that of other pens and scanners.
    """
    if not recipe.distortion:
        return images
    random = torch.Generator(images.device).manual_seed(seed)
    return (distort(images.float() / 255, random) * 255).round().to(torch.uint8)
