"""The paper in a picture: whether ink is darker or lighter, and how bright paper is at each pixel. NumPy and Pillow.

Knows: that strokes are slim, and that paper reaches the border. Does not know: what is written on it.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from mnist_demo.pieces import Mask

CELLS = 128  # that the longer side is divided into, at most, to tell the paper's brightness
WINDOW = 0.25  # of the shorter side: what is dark and slimmer is ink, what is broader is darker paper
EVEN = 0.75  # of the border: where so much of it is as bright as each other, the paper is of one brightness
STEP = 20  # of 255, within three cells: so much is one thing's edge against another
MOST_STEPS = 4  # along the border of a sheet
TINY = 24  # pixels: a picture whose shorter side is shorter is a digit cut out, on paper of one brightness

Gray = NDArray[np.uint8]  # (H, W), 0 = black
Surface = NDArray[np.float32]  # (H, W), 0 to 255


def border(values: NDArray[np.uint8] | Surface) -> Surface:
    """(2 H + 2 W,): what lies along the border of (H, W)."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]).astype(np.float32)


def middle(values: NDArray[np.uint8] | NDArray[np.float32]) -> float:
    """The median, as a plain number."""
    return float(np.median(values))


def is_dark_on_light(gray: Gray) -> bool:
    """Whether what differs from the paper is darker.

    Where the picture's border is of one brightness once what is dark and slim is filled, ink is dark, and the other way
    around; where that says nothing, the smoother of the two surfaces is paper, or ink is what there is more of.
    """
    if min(gray.shape) < TINY:
        return _is_mostly_darker(gray)
    small = _small(gray)
    closed, opened = _filled(small), -_filled(-small)
    by_dark, by_light = _is_even(closed, small), _is_even(opened, small)
    if by_dark != by_light:
        level = middle(border(closed if by_dark else opened))
        if abs(level - middle(border(gray))) <= 0.1 * np.ptp(small):
            return by_dark
    rough = _roughness(closed), _roughness(opened)
    if (by_dark and by_light) or (max(rough) < 3.5 * min(rough) and _has_two_levels(gray)):
        return _is_mostly_darker(gray)
    return rough[0] <= rough[1]


def paper_of(gray: Gray, ink: Mask | None = None) -> Surface:
    """The paper's brightness at each pixel, where the ink is darker than it; `ink`: where some is known to be."""
    if min(gray.shape) < TINY:
        return np.full(gray.shape, middle(border(gray)), np.float32)
    small = _small(gray)
    closed = _filled(small)
    if _is_even(closed, small) or _has_two_levels(gray):
        along, level = border(gray), middle(border(closed))
        return np.full(gray.shape, middle(along[along >= min(0.9 * level, float(along.max()))]), np.float32)
    if ink is not None:
        bare = _small(np.where(ink, np.uint8(0), np.uint8(255))) / 255
        seen = _small(np.where(ink, np.uint8(0), gray))
        closed = np.where(bare > 0.3, seen / np.maximum(bare, 0.3), closed)
    return np.asarray(Image.fromarray(closed).resize(gray.shape[::-1], Image.Resampling.BICUBIC))


def is_sheet(gray: Gray) -> bool:
    """Whether the border shows a sheet, perhaps with some desk or shadow, rather than many things side by side."""
    small = _filled(_small(gray))
    small = -_filled(-small)
    around = np.concatenate([small[0], small[1:, -1], small[-1, -2::-1], small[-2:0:-1, 0]])
    steep = np.abs(np.roll(around, -3) - around) > STEP
    return int((steep & ~np.roll(steep, 1)).sum()) <= MOST_STEPS


def grain_of(gray: Gray) -> float:
    """The standard deviation of the paper's grain, by what the smaller differences between near pixels are."""
    if min(gray.shape) < 64:
        return 0.0
    near = np.abs(gray[:, 3:].astype(np.int16) - gray[:, :-3])
    return float(np.percentile(near, 25)) / 0.45  # a quarter of normal differences is below 0.45 standard deviations


def is_broad(mask: Mask, share: float) -> bool:
    """Whether a square lies in it whose side is that share of the longer side of (H, W)."""
    small = np.pad(_small(np.where(mask, np.uint8(255), np.uint8(0))), 1)
    reach = max(1, round(share * max(small.shape) / 2))
    return bool((-_highest(np.pad(-small, reach), reach)).max() > 127)


def _small(gray: Gray) -> Surface:
    """The picture's brightness in at most CELLS cells a side."""
    shrunk = min(1.0, CELLS / max(gray.shape))
    size = (max(1, round(gray.shape[1] * shrunk)), max(1, round(gray.shape[0] * shrunk)))
    return np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BOX), np.float32)


def _filled(small: Surface) -> Surface:
    """What is dark and slim made as bright as what is around it: a morphological closing with a square."""
    reach = max(1, round(WINDOW * min(small.shape) / 2))
    return -_highest(-_highest(small, reach), reach)


def _highest(values: Surface, reach: int) -> Surface:
    """The highest value of a square around each place, which ends at the border."""
    for _ in range(2):
        padded = np.pad(values, ((reach, reach), (0, 0)), constant_values=-np.inf)
        values = sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1).T
    return values


def _is_even(surface: Surface, small: Surface) -> bool:
    """Whether the surface is as bright all along the border, as far as matters for what the picture shows."""
    along = border(surface)
    level = middle(along)
    tolerance = max(4.0, 0.08 * float(np.abs(level - small).max()))
    return bool((np.abs(along - level) <= tolerance).mean() >= EVEN)


def _has_two_levels(gray: Gray) -> bool:
    """Whether nearly all there is, is as bright as the brightest or as dark as the darkest."""
    low, high = np.percentile(gray, [0.05, 99.95]).tolist()
    values = gray.astype(np.float32)
    apart = np.minimum(np.abs(values - low), np.abs(high - values))
    return bool((apart < 0.15 * (high - low)).mean() > 0.75)


def _is_mostly_darker(gray: Gray) -> bool:
    """Whether what differs most from what the border mostly shows is darker, most of it."""
    difference = gray.astype(np.float32) - middle(border(gray))
    difference[np.abs(difference) < np.abs(difference).max() / 2] = 0
    return float(difference.mean()) <= 0


def _roughness(surface: Surface) -> float:
    return float(np.abs(np.diff(surface, axis=0)).sum() + np.abs(np.diff(surface, axis=1)).sum())
