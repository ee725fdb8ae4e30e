"""Connected components of a mask, and convex regions: geometry alone, with NumPy and OpenCV."""

from typing import Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # (H, W)
Ints = NDArray[np.int64]

MAX_RUNS = 60_000  # of a mask, along its rows: ink on paper has far fewer, noise has hundreds of thousands


class Components(NamedTuple):
    """The N connected components of a mask (H, W): pixels that touch by a side or a corner."""

    labels: NDArray[np.int32]  # (H, W): 0 = outside of the mask, n + 1 = component n
    left: Ints  # (N,), and the following: bounding boxes, right and bottom exclusive
    top: Ints
    right: Ints
    bottom: Ints
    area: Ints  # (N,), pixels
    contacts: Ints  # (4, N): pixels on the picture's top, left, bottom and right border

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """Find the components of the mask."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        left, top, width, height, area = stats[1:].astype(np.int64).T
        sides = labels[0], labels[:, 0], labels[-1], labels[:, -1]
        contacts = np.stack([np.bincount(side, minlength=len(stats))[1:] for side in sides])
        return cls(labels.astype(np.int32, copy=False), left, top, left + width, top + height, area, contacts)

    @property
    def height(self) -> Ints:
        """Heights (N,) of the bounding boxes."""
        return self.bottom - self.top

    @property
    def width(self) -> Ints:
        """Widths (N,) of the bounding boxes."""
        return self.right - self.left

    @property
    def extent(self) -> Ints:
        """Longer sides (N,) of the bounding boxes."""
        return np.maximum(self.height, self.width)

    def box(self, which: int) -> tuple[slice, slice]:
        """Return the rows and columns of a component's bounding box."""
        return slice(self.top[which], self.bottom[which]), slice(self.left[which], self.right[which])

    def mask(self, which: Mask | int) -> Mask:
        """Return the pixels (H, W) of the component `which`, or of all components n with `which[n]` True."""
        if isinstance(which, np.ndarray):
            chosen: Mask = np.concatenate([[False], which])[self.labels]
            return chosen
        return np.asarray(self.labels == which + 1)


class Region(NamedTuple):
    """The convex hull of a shape."""

    mask: Mask  # (H, W)
    solidity: float  # share of the hull that the shape covers, its holes filled
    straightness: float  # share of the hull that a polygon of few corners covers
    rectangularity: float  # the hull's share of the smallest rectangle around it, at any angle
    slimness: float  # that rectangle's shorter side over its longer one
    turn: float  # degrees, -45 to 45: how far the hull's longest side within the picture is turned clockwise


def convex_region(mask: Mask) -> Region:
    """Return the convex hull of all pixels in a mask that has at least one."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(np.concatenate(outlines))
    region = _filled(mask.shape, hull)
    size = int(region.sum())
    polygon = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, True), True)
    width, height = cv2.minAreaRect(hull)[1]
    return Region(
        region,
        float(_filled(mask.shape, *outlines).sum()) / size,
        float(_filled(mask.shape, polygon).sum()) / size,
        size / ((width + 1) * (height + 1)),
        (min(width, height) + 1) / (max(width, height) + 1),
        _turn(polygon[:, 0], mask.shape),
    )


def _turn(corners: NDArray[Any], shape: tuple[int, ...]) -> float:
    """Return the turn in degrees, -45 to 45, of the longest side that the picture's border does not cut."""
    after = np.roll(corners, -1, axis=0)
    last = np.array([shape[1] - 1, shape[0] - 1])
    is_cut = (((corners <= 1) & (after <= 1)) | ((corners >= last - 1) & (after >= last - 1))).any(axis=1)
    sides = (after - corners)[~is_cut].astype(np.float64)
    if not len(sides):
        return 0.0
    x, y = sides[np.hypot(*sides.T).argmax()]
    return float((np.rad2deg(np.arctan2(y, x)) + 45) % 90 - 45)


def _filled(shape: tuple[int, ...], *outlines: NDArray[Any]) -> Mask:
    canvas = np.zeros(shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.astype(bool)


def is_noise(mask: Mask) -> bool:
    """Return if a mask shows noise or a texture, which would take long to search."""
    return int((mask[:, 1:] & ~mask[:, :-1]).sum()) > MAX_RUNS


def dilated(mask: Mask, pixels: int) -> Mask:
    """Return the mask, widened by that many pixels on every side."""
    side = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def eroded(mask: Mask, pixels: int) -> Mask:
    """Return the mask, narrowed by that many pixels on every side except along the picture's border."""
    return ~dilated(~mask, pixels)
