"""Artifacts on paper that are not strokes of the digit: ruled lines, frames, specks, and things at the border.

Everything here is recognised by the shape of a mask, never by its brightness.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.components import Components, Mask, convex_region, eroded

LINE = 0.08  # of the longer side: the thickest ruled line
STEEPEST = 0.2  # radians: the steepest ruled line
COVERED = 0.85  # of a line's length that is ink
EVEN = 0.5  # of a line's length that is about as thick as its median
HOUGH = 256  # pixels: the longer side of the small picture on which lines are searched for
MAX_CANDIDATES = 200  # lines that are tried, those with most ink first
MAX_LINES = 40  # lines that are returned
CELL = 0.08  # of the picture: the smallest area of a cell, or of the visible part of a sheet
FEW = 14  # pixels: smaller components have no clear shape
BROADEST = 0.4  # of the longer side: the broadest stroke


class Line(NamedTuple):
    """A straight line from the left border of a mask (H, W) to the right one, at the C columns where it is visible."""

    x: NDArray[np.int64]  # (C,)
    y: NDArray[np.int64]  # (C,), its middle
    thickness: float  # pixels, the median

    def paint(self, canvas: Mask, columns: Mask | None = None) -> None:
        """Set the line's pixels, blurred edges included, in a canvas (H, W); only in these columns (C,) if given."""
        half = round(self.thickness / 2 + max(1.5, 0.2 * self.thickness))
        x, y = (values if columns is None else values[columns] for values in (self.x, self.y))
        rows = y + np.arange(-half, half + 1)[:, None]
        inside = (rows >= 0) & (rows < len(canvas))
        canvas[rows[inside], np.broadcast_to(x, rows.shape)[inside]] = True

    def crossed(self, mask: Mask) -> Mask:
        """Return where (C,) a stroke of the mask crosses the line, so that there is ink on both of its sides."""
        beside = round(self.thickness / 2 + max(2.5, 0.4 * self.thickness))
        slant = np.ones((1, 2 * round(self.thickness / 2 + 1) + 1), np.uint8)
        padded = np.pad(mask, ((1, 1), (0, 0)))
        above, below = (
            cv2.dilate(padded[rows.clip(0, len(mask) + 1), self.x].astype(np.uint8)[None], slant)[0]
            for rows in (self.y + 1 - beside, self.y + 1 + beside)
        )
        return np.asarray((above & below).astype(bool))


def lines(mask: Mask) -> Mask | None:
    """Return the ruled lines in a mask (H, W), without the strokes that cross them; None if little else is left."""
    both = [(turned, _lines_across(turned)) for turned in (mask, np.ascontiguousarray(mask.T))]
    bands = [np.zeros_like(turned) for turned, _ in both]
    for band, (_, found) in zip(bands, both, strict=True):
        for line in found:
            line.paint(band)
    if not any(band.any() for band in bands):
        return None
    gone = np.zeros_like(mask)
    for (turned, found), canvas, other in zip(both, (gone, gone.T), bands[::-1], strict=True):
        strokes = turned & ~other.T
        for line in found:
            line.paint(canvas, ~line.crossed(strokes))
    left = Components.of(mask & ~gone)
    return gone if (left.extent >= 0.05 * max(mask.shape)).any() else None


def _lines_across(mask: Mask) -> list[Line]:
    """Return the lines from the left border to the right one, MAX_LINES at most."""
    height, width = mask.shape
    scale = min(1.0, HOUGH / max(mask.shape))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = (cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 40).astype(np.uint8)
    found = cv2.HoughLines(
        small, 1, np.pi / 720, round(0.7 * size[0]), min_theta=np.pi / 2 - STEEPEST, max_theta=np.pi / 2 + STEEPEST
    )
    if found is None:
        return []
    up, left, traced = _run_lengths(mask), mask.copy(), list[Line]()
    down = _run_lengths(mask[::-1])[::-1]
    for rho, theta in found[:MAX_CANDIDATES, 0]:
        middle = (rho / scale - np.arange(width) * np.cos(theta)) / np.sin(theta)
        line = _traced(left, up, down, middle, round(1 + 1 / scale))
        if line is not None:
            traced.append(line)
            seen = np.zeros_like(mask)
            line.paint(seen)
            left &= ~seen
        if len(traced) == MAX_LINES:
            break
    return traced


def _run_lengths(mask: Mask) -> NDArray[np.int32]:
    """Return for each pixel (H, W) the length of the run of mask pixels that ends there from above."""
    rows = np.arange(1, len(mask) + 1, dtype=np.int32)[:, None]
    return np.asarray(rows - np.maximum.accumulate(np.where(mask, np.int32(0), rows), axis=0))


def _traced(
    mask: Mask, up: NDArray[np.int32], down: NDArray[np.int32], middle: NDArray[np.float64], slack: int
) -> Line | None:
    """Return the line within `slack` pixels of the rows `middle` (W,) of a mask, or None if there is none."""
    height, width = mask.shape
    for _ in range(2):
        x = np.flatnonzero((middle > -0.5) & (middle < height - 0.5))
        if len(x) < 0.6 * width:
            return None
        near = np.array(sorted(range(-slack, slack + 1), key=abs))
        rows = (np.rint(middle[x]).astype(np.int64) + near[:, None]).clip(0, height - 1)
        hits = mask[rows, x]
        covered, end = hits.any(axis=0), max(3, len(x) // 30)
        if min(covered.mean(), covered[:end].mean() + 0.3, covered[-end:].mean() + 0.3) < COVERED:
            return None
        y = rows[hits.argmax(axis=0), np.arange(len(x))]
        thick = up[y, x] + down[y, x] - 1
        thickness, end = float(np.median(thick[covered])), max(3, len(x) // 8)
        even = covered & (np.abs(thick - thickness) <= max(1.5, 0.2 * thickness))
        thin = covered & ~even & (thick < thickness)
        taper = max(abs(float(np.median(part)) - thickness) for part in (thick[:end], thick[-end:]))
        if even.mean() < EVEN or thin.mean() > 0.15 or taper > max(2.0, 0.35 * thickness):
            return None
        if thickness > min(LINE * max(mask.shape), 1.0 + 0.12 * width):
            return None
        fit = np.polyfit(x[even], (y + (down[y, x] - up[y, x]) / 2)[even], 2)
        middle, slack = np.polyval(fit, np.arange(float(width))), 1
    return Line(x, np.rint(middle[x]).astype(np.int64), thickness)


def outside(mask: Mask) -> Mask | None:
    """Return all that lies outside the paper: around a frame, a table's cell, or a sheet that ends within the picture.

    Paper is a convex region with straight sides that has writing on it; a bare sheet has none. Return None if the paper
    fills the whole picture.
    """
    paper = Components.of(~mask)
    regions = []
    for which in np.argsort(-paper.area)[:6].tolist():
        if paper.area[which] < CELL * mask.size:
            break
        region = convex_region(paper.mask(which))
        beyond = mask & ~region.mask
        along = max(float(side.mean()) for side in (beyond[0], beyond[-1], beyond[:, 0], beyond[:, -1]))
        is_straight = region.straightness >= 0.95 and region.solidity >= 0.5
        if (is_straight and along >= 0.4) or (region.solidity >= 0.8 and region.rectangularity >= 0.92):
            regions.append(region.mask)
    for sheet in sorted(regions, key=np.sum):
        share = sheet.mean()
        writing = Components.of(mask & eroded(sheet, 1))
        side = min(np.ptp(np.flatnonzero(sheet.any(axis=1))), np.ptp(np.flatnonzero(sheet.any(axis=0))))
        least = 0.03 * min(mask.shape) if share > 0.6 else 0.3 * side
        if share < 0.995:
            if (np.maximum(writing.height, writing.width / 3) >= least).any():
                return ~eroded(sheet, 1 + min(mask.shape) // 300)
            if share > 0.6:
                return np.ones(mask.shape, bool)
    return None


def residue(mask: Mask, gone: Mask) -> Mask:
    """Return the components (H, W) of a mask that lie along the pixels `gone` that were removed."""
    components = Components.of(mask)
    distance = cv2.distanceTransform((~gone).astype(np.uint8), cv2.DIST_L2, 3)
    total = np.bincount(components.labels.ravel(), distance.ravel(), len(components.area) + 1)[1:]
    return components.mask(total / components.area < 0.1 * components.extent)


def frame(mask: Mask) -> Mask | None:
    """Return the box around something written, and everything outside it; None if there is no such box."""
    components = Components.of(mask)
    side = np.minimum(components.height, components.width)
    for which in np.argsort(side)[-5:].tolist():
        if side[which] < 0.2 * min(mask.shape) or (components.contacts[:, which] > 0).any():
            continue
        region = convex_region(components.mask(which))
        if region.solidity < 0.95 or region.rectangularity < 0.86:
            continue
        box = components.box(which)
        sides = lines(mask[box])
        if sides is not None and (sides & mask[box]).sum() > 0.8 * (2 * np.add(*mask[box].shape)):
            gone = np.ones(mask.shape, bool)
            gone[box] = sides
            return gone
    return None


def digit(components: Components, firm: Mask) -> tuple[Mask, bool]:
    """Return which components (N,) of a picture are the digit, and if that is doubtful.

    `firm` (N,) is True for components that differ from the paper as much as ink does.
    """
    touches = np.asarray((components.contacts > 0).any(axis=0))
    along = is_along_border(components)
    score = components.extent * np.where(along, 0.1, np.where(touches, 0.5, 1.0)) * firm
    main = int(np.argmax(score))
    chosen = firm & ~_specks(components, main) & (~touches | (touches[main] & ~along))
    chosen[main] = True
    return chosen, bool(along[main]) or not may_be_digit(components.mask(chosen))


def may_be_digit(mask: Mask) -> bool:
    """Return if a mask is as slim as strokes are, and not a streak from border to border, a dash or a blob."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    own = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(own.shape) < FEW:
        return True
    inner = cv2.distanceTransform(np.pad(own, 1).astype(np.uint8), cv2.DIST_L2, 3).max()
    region = convex_region(own)
    fill = own.sum() / region.mask.sum()
    near = 1 + min(mask.shape) // 100
    ends = np.array([rows[0], columns[0], mask.shape[0] - 1 - rows[-1], mask.shape[1] - 1 - columns[-1]])
    is_broad = 2 * inner > 0.6 * max(own.shape) + 2 or (own.mean() > 0.8 and region.slimness > 0.4)
    is_streak = (ends < near).sum() > 1 and region.slimness < 0.3
    is_dash = own.shape[1] > 1.2 * own.shape[0] and region.slimness < 0.35 and fill > 0.7
    is_hair = own.sum() < 1.5 * max(own.shape) and max(own.shape) >= 40
    is_blob = fill > 0.92 and region.slimness > 0.4
    return not (is_broad or is_streak or is_dash or is_blob or is_hair)


def is_along_border(components: Components) -> Mask:
    """Return which components (N,) lie in a corner of the picture, or along half of a side."""
    height, width = components.labels.shape
    touches = components.contacts > 0
    half = np.array([[width], [height], [width], [height]]) / 2
    is_corner: Mask = np.any(touches & np.roll(touches, 1, axis=0), axis=0)
    along: Mask = is_corner | np.any(components.contacts >= half, axis=0)
    return along


def is_broad(mask: Mask) -> bool:
    """Return if the mask has a spot broader than any stroke, relative to the picture's longer side."""
    inner = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
    return bool(2 * inner.max() > BROADEST * max(mask.shape))


def _specks(components: Components, main: int) -> Mask:
    """Return which components (N,) are dirt, small and apart from the main one, or a ruled line above or below it."""
    extent = int(components.extent[main])
    stroke = float(components.area[main]) / extent
    upright = np.maximum(components.top[main] - components.bottom, components.top - components.bottom[main])
    level = np.maximum(components.left[main] - components.right, components.left - components.right[main])
    is_dirt = components.extent < max(0.75 * stroke, 0.06 * extent)
    is_elsewhere = (np.maximum(upright, level) > 0.3 * extent) & (components.extent < 0.35 * extent)
    is_beside = (level > 0) & (upright < 0) & (components.extent < 0.3 * extent)
    is_rule = (upright > 0.15 * extent) & (components.width > 8 * components.height)
    specks: Mask = is_dirt | is_elsewhere | is_beside | is_rule
    return specks
