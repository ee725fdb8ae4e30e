"""Random distortion of a whole batch of digits, in one pass on the batch's device."""

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 28
TURN = 0.26  # radians, the largest turn either way
SCALE = 0.12  # the largest change of width and of height, as a logarithm
SHEAR = 0.3  # the largest, either way
SHIFT = 1.0  # pixels, the largest shift either way
ELASTIC = 0.8  # pixels, the standard deviation of the displacement by all waves together
WAVES = 4  # the waves in each direction have 0 to 3 half-periods across the image
THICKER, THINNER = 0.9, 0.6  # pixels, the largest change at either edge of a line


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many images (N, 1, 28, 28) float32 in [0, 1] as given, each distorted in its own way.

    Each image is turned, scaled, sheared and shifted, bent by smooth waves (Simard, Steinkraus & Platt 2003), and drawn
    with a thicker pen (the first half of the batch) or a thinner one (the second half), so the images must be in random
    order. `generator` must be on the images' device.
    """
    warped = F.grid_sample(images, _places(len(images), generator), align_corners=False)
    change = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    half = len(images) // 2
    thicker, thinner = warped[:half], warped[half:]
    thicker = thicker.lerp(_spread(thicker), THICKER * change[:half])
    thinner = thinner.lerp(1 - _spread(1 - thinner), THINNER * change[half:])
    return torch.cat([thicker, thinner])


def _places(count: int, generator: torch.Generator) -> Tensor:
    """Return where in its image, from -1 to 1, each pixel takes its value from: (N, 28, 28, 2)."""
    device = generator.device

    def uniform(most: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator, device=device) * 2 - 1) * most

    turn, shear, scale = uniform(TURN), uniform(SHEAR), uniform(SCALE, 2).exp()
    cos, sin = turn.cos(), turn.sin()
    x = torch.stack([cos * scale[:, 0], (shear * cos - sin) * scale[:, 1]], dim=1)
    y = torch.stack([sin * scale[:, 0], (shear * sin + cos) * scale[:, 1]], dim=1)
    shift = uniform(SHIFT / (SIDE / 2), 2, 1)
    waves = torch.randn(count, 2, WAVES**2 - 1, generator=generator, device=device)
    weights = torch.cat([torch.stack([x, y], dim=1), shift, waves], dim=2)  # (N, 2, 3 + 15)
    return (weights.flatten(0, 1) @ _fields(device)).view(count, 2, SIDE, SIDE).permute(0, 2, 3, 1)


@functools.lru_cache(maxsize=4)
def _fields(device: torch.device) -> Tensor:
    """Return the fields (18, 784) that displacements mix: x, y, a constant, and waves (longer ones are stronger)."""
    axis = (torch.arange(SIDE) + 0.5) / SIDE
    x, y = (2 * axis - 1).expand(SIDE, SIDE), (2 * axis - 1).unsqueeze(1).expand(SIDE, SIDE)
    pairs = [(i, j) for i in range(WAVES) for j in range(WAVES) if i + j > 0]
    waves = [torch.outer((math.pi * i * axis).cos(), (math.pi * j * axis).cos()) / (i + j) for i, j in pairs]
    power = sum(wave.square().mean() for wave in waves)
    strength = ELASTIC / (SIDE / 2) / math.sqrt(power)
    fields = [x, y, torch.ones(SIDE, SIDE), *(wave * strength for wave in waves)]
    return torch.stack(fields).flatten(1).to(device)


def _spread(images: Tensor) -> Tensor:
    """Make each pixel as bright as the brightest of itself and its four neighbours."""
    spread = images.clone()
    torch.maximum(spread[..., 1:, :], images[..., :-1, :], out=spread[..., 1:, :])
    torch.maximum(spread[..., :-1, :], images[..., 1:, :], out=spread[..., :-1, :])
    torch.maximum(spread[..., 1:], images[..., :-1], out=spread[..., 1:])
    torch.maximum(spread[..., :-1], images[..., 1:], out=spread[..., :-1])
    return spread
