"""What on a sheet of paper is no stroke of the pen: ruled lines, frames, what hangs on the border, specks.

Knows: the shapes of such things, and of strokes. Does not know: the picture, or digits.

Each function takes the pieces of a picture (H, W), and which of them (P,) are firm: differ from the paper as ink does.
What they find is a mask (H, W) to take away, None where there is nothing; nothing is found that would leave nothing.
"""

import heapq
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnist_demo.paper import is_broad
from mnist_demo.pieces import Mask, Pieces, grown, pieces_of

LINE = 0.025  # of the longer side: what runs from border to border and is no thicker is a ruled line
STEEPEST = 0.2  # rise of such a line, of its length
COVERED = 0.9  # of a line's length that is ink
MOST_LINES = 300  # pairs of ends that a line may lie between, the flattest of which are tried
FRAME = 0.2  # of the shorter side that a frame reaches at least
FRAME_LINE = 0.05  # of the frame's shorter side, that its lines may be thick
MOST_FRAMES = 30  # pieces that may be frames, the largest of which are tried
SQUARE = 0.93  # of a frame or a sheet and the quadrilateral of its corners, that they share
STRIP = 0.35  # of the shorter side: what lies along the border and reaches less far in is no stroke
WEDGE = 0.45  # of its box: what lies along half of a side and fills so much of it is no stroke
BROADEST = 0.3  # of the longer side: no stroke is broader


class Trace(NamedTuple):
    """What lies along a straight line through a mask."""

    covered: float  # share of its length that is ink
    thickness: float  # pixels across, of most of it
    line: Mask  # (H, W): the line's own pixels, not those of strokes that cross it


def trace(mask: Mask, start: tuple[float, float], end: tuple[float, float], reach: int) -> Trace:
    """What lies between two points (x, y), up to `reach` pixels beside the straight line from one to the other."""
    if abs(end[1] - start[1]) > abs(end[0] - start[0]):
        turned = trace(mask.T, start[::-1], end[::-1], reach)
        return turned._replace(line=turned.line.T)
    (x0, y0), (x1, y1) = sorted((start, end))
    x = np.arange(round(x0), round(x1) + 1)
    y = np.rint(np.interp(x, [x0, x1], [y0, y1])).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    is_inside = (y >= 0) & (y < len(mask))
    y = y.clip(0, len(mask) - 1)
    across = mask[y, x] & is_inside
    counts = across.sum(axis=0)
    covered = across[reach // 3 : 2 * reach + 1 - reach // 3].any(axis=0)
    thickness = float(np.median(counts[covered])) if covered.any() else 0.0
    own = across & (counts <= 1.5 * thickness + 1)
    line = np.zeros(mask.shape, bool)
    line[y[own], np.broadcast_to(x, y.shape)[own]] = True
    return Trace(float(covered.mean()), thickness, line)


def likeness(mask: Mask, corners: NDArray[np.float64]) -> float:
    """How much of the mask and of the quadrilateral with those corners (4, 2) they share, in [0, 1]."""
    canvas = Image.new("1", mask.shape[::-1])
    ImageDraw.Draw(canvas).polygon([(x, y) for x, y in corners.tolist()], fill=1)
    drawn = np.asarray(canvas)
    return float((mask & drawn).sum() / (mask | drawn).sum())


def lines(pieces: Pieces, firm: Mask) -> Mask | None:
    """Thin lines that run straight from one border to the opposite one."""
    height, width = pieces.shape
    across = firm & (pieces.left == 0) & (pieces.right == width)
    down = firm & (pieces.top == 0) & (pieces.bottom == height)
    gone = np.zeros(pieces.shape, bool)
    if across.any():
        gone |= _between_borders(pieces.mask(across))
    if down.any():
        gone |= _between_borders(pieces.mask(down).T).T
    return grown(gone, 1) if gone.any() else None


def _between_borders(mask: Mask) -> Mask:
    """Thin lines from the left border to the right one."""
    thickest = LINE * max(mask.shape)
    reach = max(3, round(thickest))
    gone = np.zeros(mask.shape, bool)
    pairs = _flattest(_middles(mask[:, 0], 2 * reach), _middles(mask[:, -1], 2 * reach))
    pairs = [(left, right) for left, right in pairs if abs(right - left) < STEEPEST * mask.shape[1]]
    for left, right in _likely(mask, pairs, reach, thickest):
        found = trace(mask, (0, left), (mask.shape[1] - 1, right), reach)
        if found.covered >= COVERED and found.thickness <= thickest:
            gone |= found.line
    return gone


def _likely(mask: Mask, pairs: list[tuple[float, float]], reach: int, thickest: float) -> list[tuple[float, float]]:
    """Return the pairs of ends between which `trace` may find a line; it takes far longer for each."""
    if not pairs:
        return []
    inked = np.pad(np.cumsum(np.pad(mask, ((reach, reach), (0, 0))), axis=0, dtype=np.int32), ((1, 0), (0, 0)))
    left, right = np.array(pairs).T[..., None]  # (N, 1) each
    x = np.arange(mask.shape[1])
    y = np.rint(left + (right - left) * (x / max(mask.shape[1] - 1, 1))).astype(np.int64)  # (N, W)
    near, far = reach // 3, 2 * reach + 1
    covered = inked[y + far - near, x] > inked[y + near, x]
    slim = inked[y + far, x] - inked[y, x] <= thickest
    likely = (covered.mean(axis=1) >= COVERED) & (2 * (covered & slim).sum(axis=1) >= covered.sum(axis=1))
    return [pair for pair, may_be_line in zip(pairs, likely.tolist(), strict=True) if may_be_line]


def _flattest(left: Sequence[float], right: Sequence[float]) -> list[tuple[float, float]]:
    """MOST_LINES pairs at most of one and the other that differ least."""
    return heapq.nsmallest(MOST_LINES, itertools.product(left, right), key=lambda pair: abs(pair[1] - pair[0]))


def _middles(values: Mask, longest: int) -> list[float]:
    """The middles of the runs that are at most so long."""
    edges = np.flatnonzero(np.diff(np.pad(values.astype(np.int8), 1))).tolist()
    return [(a + b - 1) / 2 for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a <= longest]


def frame(pieces: Pieces, firm: Mask) -> Mask | None:
    """A box of four straight lines with something in it."""
    size = np.minimum(pieces.height, pieces.width)
    large = np.flatnonzero(firm & (size >= FRAME * min(pieces.shape)))
    for which in np.sort(large[np.argsort(-size[large], kind="stable")[:MOST_FRAMES]]).tolist():
        if likeness(pieces.filled(which), pieces.corners(which)) >= SQUARE:
            gone = _frame(pieces.mask(firm)[pieces.box(which)], pieces.corners(which) - pieces.corner(which))
            if gone is not None:
                full = np.zeros(pieces.shape, bool)
                full[pieces.box(which)] = gone
                return grown(full, 1)
    return None


def _frame(mask: Mask, corners: NDArray[np.float64]) -> Mask | None:
    """The lines between the corners (4, 2), where something that is no bar stands between them."""
    ends = [(float(x), float(y)) for x, y in corners]
    reach = max(3, round(0.04 * max(mask.shape)))
    sides = [trace(mask, start, end, reach) for start, end in zip(ends, ends[1:] + ends[:1], strict=True)]
    if min(side.covered for side in sides) < 0.85 or max(s.thickness for s in sides) > FRAME_LINE * min(mask.shape):
        return None
    gone: Mask = np.any([side.line for side in sides], axis=0)
    inner = pieces_of(mask & ~grown(gone, 1))
    return gone if (np.maximum(inner.height, inner.width / 3) >= 0.25 * min(mask.shape)).any() else None


def hanging(pieces: Pieces, firm: Mask) -> Mask | None:
    """What hangs on the border: the desk, light and shadows, pieces of the neighbours.

    Strips and what is broader than any stroke go in any case, the rest where there is a digit free of the border.
    """
    touches = contacts(pieces) > 0
    hang = firm & touches.any(axis=0)
    if not hang.any():
        return None
    gone = is_no_stroke(pieces, hang)
    free = firm & ~hang & (pieces.extent >= 0.03 * min(pieces.shape))
    if free.any():
        gone = gone | (hang & _is_foreign(pieces, touches, int(np.argmax(np.where(free, pieces.extent, 0)))))
    return grown(pieces.mask(gone), 2) if gone.any() else None


def is_no_stroke(pieces: Pieces, which: Mask) -> Mask:
    """(P,): which of those pieces lie along the border, and are strips or wedges there, or broader than any stroke."""
    least = 0.4 * (BROADEST * max(pieces.shape)) ** 2  # pixels of what may be broad, and more
    broad = which & along_border(pieces) & (pieces.area >= least)
    for piece in np.flatnonzero(broad).tolist():
        broad[piece] = is_broad(pieces.mask(np.arange(len(which)) == piece), BROADEST)
    is_wedge = is_long(pieces) & (pieces.area > WEDGE * pieces.height * pieces.width)
    return broad | (which & (is_strip(pieces) | is_wedge))


def _is_foreign(pieces: Pieces, touches: Mask, main: int) -> Mask:
    """(P,): what may be desk or neighbour, judged by the largest piece that is free of the border."""
    height, width = pieces.shape
    reaches = np.stack([pieces.bottom, pieces.right, height - pieces.top, width - pieces.left])
    reach = np.where(touches, reaches, max(pieces.shape)).min(axis=0)
    extent, thickness = pieces.extent, pieces.area / pieces.extent
    is_desk = along_border(pieces) & (extent[main] >= 0.12 * min(pieces.shape))
    is_neighbour = (reach < 0.5 * extent[main]) & (extent < 1.6 * extent[main])
    is_thick = thickness > 3 * thickness[main]
    foreign: Mask = is_desk | is_neighbour | is_thick
    return foreign


def is_strip(pieces: Pieces) -> Mask:
    """(P,): what lies along whole sides and nowhere reaches far in."""
    height, width = pieces.shape
    whole = contacts(pieces) >= 0.9 * np.array([width, height, width, height])[:, None]
    far = max(pieces.shape)
    depths = np.stack([pieces.row + 1, pieces.end, height - pieces.row, width - pieces.start])
    depth = np.where(whole[:, pieces.piece], depths, far).min(axis=0)
    deepest = np.zeros(len(pieces.area), np.int64)
    np.maximum.at(deepest, pieces.piece, depth)
    strip: Mask = deepest < STRIP * min(pieces.shape)
    return strip


def along_border(pieces: Pieces) -> Mask:
    """(P,): which pieces lie in a corner, or along half of a side."""
    touches = contacts(pieces) > 0
    along: Mask = (touches & np.roll(touches, 1, axis=0)).any(axis=0) | is_long(pieces)
    return along


def is_long(pieces: Pieces) -> Mask:
    """(P,): which pieces lie along half of a side."""
    height, width = pieces.shape
    half = np.array([[width], [height], [width], [height]]) / 2
    long: Mask = np.any(contacts(pieces) >= half, axis=0)
    return long


def contacts(pieces: Pieces) -> NDArray[np.float64]:
    """(4, P): how many of its pixels lie on the border's top, left, bottom, right."""
    height, width = pieces.shape
    length = pieces.end - pieces.start
    counts = (
        length * (pieces.row == 0), pieces.start == 0, length * (pieces.row == height - 1), pieces.end == width,
    )  # fmt: skip
    return np.stack([np.bincount(pieces.piece, count, len(pieces.area)) for count in counts])


def specks(pieces: Pieces, firm: Mask) -> Mask:
    """(P,): dirt; what is small and far from the largest piece; a rule above or below it."""
    main = int(np.argmax(np.where(firm, pieces.extent, 0)))
    extent = int(pieces.extent[main])
    own = pieces.piece == main
    stroke = min(float(np.median((pieces.end - pieces.start)[own])), float(pieces.area[main]) / extent)
    upright = np.maximum(pieces.top[main] - pieces.bottom, pieces.top - pieces.bottom[main])
    level = np.maximum(pieces.left[main] - pieces.right, pieces.left - pieces.right[main])
    is_dirt = pieces.extent < max(0.75 * stroke, 0.06 * extent)
    is_elsewhere = (np.maximum(upright, level) > 0.3 * extent) & (pieces.extent < 0.35 * extent)
    is_rule = (upright > 0) & (pieces.width > 8 * pieces.height)
    gone: Mask = is_dirt | is_elsewhere | is_rule
    gone[main] = False
    return gone
