"""The background of a picture: a sheet on a desk, the paper's brightness and grain, and if ink is darker or lighter.

It relies on two facts: strokes are slim, and paper reaches the border.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.components import Components, Mask, Region, convex_region, dilated, eroded

SMALL = 128  # pixels: the longer side of the small picture on which the background is estimated
WINDOW = 0.25  # of the shorter side: slimmer shapes are ink, broader ones background
EVEN = 0.7  # of the border: if this share is equally bright, the paper is evenly lit
STEP = 20  # of 255, within three pixels of the small picture: an edge between two things
MAX_STEPS = 3  # a border with more shows several things, not one sheet
MAX_COLOURS = 5  # colours that each cover at least 1.5 % of a picture of ink on paper
TINY = 24  # pixels: a picture with a shorter side below this is a digit cut out of evenly lit paper
EDGE = 24  # of 255: the least difference between a sheet and its ground
SHEET = 0.12  # of the picture: the smallest area of a sheet

Gray = NDArray[np.uint8]  # (H, W), 0 = black
Surface = NDArray[np.float32]  # (H, W), 0 to 255


def border(values: NDArray[np.uint8] | Surface) -> Surface:
    """Return the values (2 H + 2 W,) along the border of an array (H, W)."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]).astype(np.float32)


def median(values: NDArray[np.uint8] | Surface) -> float:
    """Return the median as a Python float."""
    return float(np.median(values))


def sheet_in(gray: Gray) -> Gray | None:
    """Return the sheet or card, cut out, if the same surface shows in all four corners of the picture; else None."""
    side = max(1, min(gray.shape) // 30)
    corners = [median(gray[y, x]) for y in (slice(side), slice(-side, None)) for x in (slice(side), slice(-side, None))]
    ground = float(np.median(corners))
    if np.ptp(corners) > EDGE:
        return None
    for extreme in np.percentile(gray, [95, 5]).tolist():
        if abs(extreme - ground) >= EDGE:
            between = (extreme + ground) / 2
            region = sheet_region(gray > between if extreme > ground else gray < between)
            if region is not None and region.mask.sum() >= SHEET * gray.size:
                sheet = _cut_out(gray, region, abs(extreme - ground))
                if sheet is not None:
                    return sheet
    return None


def sheet_region(mask: Mask) -> Region | None:
    """Return the largest component, writing included, if its sides are straight and little of it is missing."""
    components = Components.of(mask)
    if not len(components.area):
        return None
    which = int(np.argmax(components.area))
    shorter, longer = sorted((int(components.height[which]), int(components.width[which])))
    if shorter < 12 or longer > 3 * shorter:
        return None
    region = convex_region(components.mask(which))
    is_full = components.area[which] >= 0.82 * region.mask.sum() and region.solidity >= 0.9
    return region if is_full and max(region.straightness, region.rectangularity) >= 0.93 else None


def _cut_out(gray: Gray, region: Region, contrast: float) -> Gray | None:
    """Return the sheet, turned upright, if it has writing on it and differs by `contrast` from the ground around it."""
    rows, columns = np.flatnonzero(region.mask.any(axis=1)), np.flatnonzero(region.mask.any(axis=0))
    rim = max(2, min(len(rows), len(columns)) // 40)
    inside = eroded(region.mask, rim)
    inner, outer = inside & ~eroded(inside, rim), dilated(region.mask, 2 * rim) & ~dilated(region.mask, rim)
    if not outer.any() or not inner.any() or abs(median(gray[inner]) - median(gray[outer])) < 0.6 * contrast:
        return None
    paper = median(gray[inside])
    marked = np.abs(gray[inside] - np.float32(paper)) > 0.35 * contrast
    if not 0.001 < marked.mean() < 0.4:
        return None
    sheet = np.where(inside, gray, np.uint8(paper))[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    upright = cv2.getRotationMatrix2D((sheet.shape[1] / 2, sheet.shape[0] / 2), region.turn, 1)
    return np.asarray(cv2.warpAffine(sheet, upright, sheet.shape[::-1], borderValue=paper))


def is_dark_on_light(gray: Gray) -> bool:
    """Return if ink is darker than paper.

    Filling the dark, slim shapes then leaves a smoother picture than filling the light ones.
    """
    small = _small(gray)
    return _roughness(_closed(small)) <= _roughness(_closed(-small))


def paper_of(gray: Gray) -> Surface:
    """Return the paper's brightness at each pixel (H, W), if ink is darker; a single brightness if the paper is evenly
    lit.
    """
    small = _small(gray)
    closed = _closed(small)
    level = median(border(closed))
    is_near = np.abs(border(closed) - level) <= max(4.0, 0.08 * float(np.abs(level - small).max()))
    if is_near.mean() >= EVEN:
        return np.full(gray.shape, level, np.float32)
    return np.asarray(cv2.resize(closed, gray.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def is_sheet(gray: Gray) -> bool:
    """Return if the border shows one sheet, perhaps with some desk or shadow, rather than many things side by side.

    Ink must be darker than paper.
    """
    small = -_closed(-_closed(_small(gray)))
    around = np.concatenate([small[0], small[1:, -1], small[-1, -2::-1], small[-2:0:-1, 0]])
    steep = np.abs(np.roll(around, -3) - around) > STEP
    return int((steep & ~np.roll(steep, 1)).sum()) <= MAX_STEPS or _has_two_levels(gray)


def _has_two_levels(gray: Gray) -> bool:
    """Return if nearly all pixels are about as bright as the brightest or as dark as the darkest."""
    low, high = np.percentile(gray, [0.05, 99.95]).astype(np.float32)
    apart = np.minimum(gray - low, high - gray)
    return bool((apart < 0.15 * (high - low)).mean() > 0.75)


def is_colourful(picture: NDArray[np.uint8]) -> bool:
    """Return if a picture (H, W, 3) has too many colours to show ink on paper. Brightness does not count."""
    shrunk = min(1.0, SMALL / max(picture.shape))
    small = cv2.resize(picture, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    a, b = ((cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.int64) - 116) // 24 + 8).T
    return int((np.bincount((16 * a + b).ravel()) >= 0.015 * a.size).sum()) > MAX_COLOURS


def grain_of(gray: Gray) -> float:
    """Return the standard deviation of the paper's grain, estimated from the differences between pixels nearby."""
    if min(gray.shape) < 64:
        return 0.0
    near = np.abs(gray[:, 8:].astype(np.int16) - gray[:, :-8])
    return float(np.percentile(near, 25)) / 0.45  # a quarter of normal differences is below 0.45 standard deviations


def _small(gray: Gray) -> Surface:
    """Return the brightness, reduced to at most SMALL pixels a side."""
    shrunk = min(1.0, SMALL / max(gray.shape))
    size = (max(1, round(gray.shape[1] * shrunk)), max(1, round(gray.shape[0] * shrunk)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)


def _closed(small: Surface) -> Surface:
    """Make dark, slim shapes as bright as their surroundings; bright specks are smoothed away first."""
    even = cv2.medianBlur(small, 5)
    side = 2 * max(1, round(WINDOW * min(small.shape) / 2)) + 1
    return np.asarray(cv2.morphologyEx(even, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)))


def _roughness(surface: Surface) -> float:
    return float(np.abs(np.diff(surface, axis=0)).sum() + np.abs(np.diff(surface, axis=1)).sum())
