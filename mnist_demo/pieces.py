"""What hangs together in a mask: its pieces, their boxes and outlines. NumPy only.

Knows: geometry. Does not know: what the mask shows, or where it came from.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # (H, W)
Ints = NDArray[np.int64]

MAX_RUNS = 60_000  # of a mask, along its rows: photos of a digit have at most 16,000, noise has hundreds of thousands


class TooManyRunsError(Exception):
    """The mask shows noise or a texture, which takes long to search."""


class Pieces(NamedTuple):
    """The pieces of a mask (H, W): pixels that touch, by a side or by a corner. P pieces of R runs along a row."""

    shape: tuple[int, int]
    row: Ints  # (R,)
    start: Ints  # (R,), the run's first column
    end: Ints  # (R,), the column behind its last
    piece: Ints  # (R,), 0 to P - 1
    area: Ints  # (P,), pixels
    top: Ints  # (P,), and the following: the piece's box, bottom and right exclusive
    left: Ints
    bottom: Ints
    right: Ints

    @property
    def height(self) -> Ints:
        """(P,) of the boxes."""
        return self.bottom - self.top

    @property
    def width(self) -> Ints:
        """(P,) of the boxes."""
        return self.right - self.left

    @property
    def extent(self) -> Ints:
        """(P,): the longer side of each box."""
        return np.maximum(self.height, self.width)

    def box(self, which: int) -> tuple[slice, slice]:
        """The rows and columns of that piece's box."""
        return slice(self.top[which], self.bottom[which]), slice(self.left[which], self.right[which])

    def corner(self, which: int) -> Ints:
        """(2,): x and y of the box's upper left corner."""
        return np.array([self.left[which], self.top[which]])

    def mask(self, which: Mask | None = None) -> Mask:
        """(H, W): where the pieces are of which (P,) is true."""
        chosen = slice(None) if which is None else which[self.piece]
        return _painted(self.shape, self.row[chosen], self.start[chosen], self.end[chosen])

    def filled(self, which: int) -> Mask:
        """(H, W): that piece, each of its rows filled from the first of its pixels to the last."""
        own = self.piece == which
        row, first, last = self.row[own], np.full(self.shape[0], self.shape[1]), np.zeros(self.shape[0], np.int64)
        np.minimum.at(first, row, self.start[own])
        np.maximum.at(last, row, self.end[own])
        rows = np.unique(row)
        return _painted(self.shape, rows, first[rows], last[rows])

    def corners(self, which: int) -> NDArray[np.float64]:
        """(4, 2): the four corners, x and y, that the piece's outline has if it is a quadrilateral, going around."""
        own = self.piece == which
        y = np.concatenate([self.row[own]] * 2)
        x = np.concatenate([self.start[own], self.end[own] - 1])
        upright = [np.argmin(x + y), np.argmax(x - y), np.argmax(x + y), np.argmin(x - y)]
        on_edge = [np.argmin(y), np.argmax(x), np.argmax(y), np.argmin(x)]
        points = [np.stack([x[chosen], y[chosen]], axis=1).astype(np.float64) for chosen in (upright, on_edge)]
        return max(points, key=area_within)


def pieces_of(mask: Mask) -> Pieces:
    """Return the mask's pieces, in the order of their first pixels. Raises TooManyRunsError beyond MAX_RUNS."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    edges = np.flatnonzero(np.diff(padded.ravel()))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) > MAX_RUNS:
        raise TooManyRunsError
    piece = _joined(*_touching(starts, ends, width + 2), len(starts))
    row, start, end = starts // (width + 2), starts % (width + 2), ends % (width + 2)
    count = int(piece.max(initial=-1)) + 1
    top, left, bottom, right = (np.full(count, start_at) for start_at in (height, width, 0, 0))
    np.minimum.at(top, piece, row)
    np.minimum.at(left, piece, start)
    np.maximum.at(bottom, piece, row + 1)
    np.maximum.at(right, piece, end)
    area = np.bincount(piece, weights=end - start, minlength=count).astype(np.int64)
    return Pieces((height, width), row, start, end, piece, area, top, left, bottom, right)


def area_within(corners: NDArray[np.float64]) -> float:
    """The area of the polygon with those corners (N, 2), in pixels whose middles they are."""
    x, y = corners.T
    around = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T).sum()
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2 + around / 2 + 1)


def _touching(starts: Ints, ends: Ints, stride: int) -> tuple[Ints, Ints]:
    """Which runs touch which in the next row, as numbers of runs (E,) and (E,)."""
    first = np.searchsorted(ends - stride, starts, side="left")
    behind = np.searchsorted(starts - stride, ends, side="right")
    counts = (behind - first).clip(min=0)
    upper = np.repeat(np.arange(len(starts)), counts)
    before = np.cumsum(counts) - counts
    return upper, np.arange(len(upper)) - np.repeat(before - first, counts)


def _joined(one: Ints, other: Ints, count: int) -> Ints:
    """(count,): for each of `count` things the number of the group that it is in when each pair is in one."""
    group = np.arange(count)
    while True:
        lower = np.minimum(group[one], group[other])
        joined = group.copy()
        np.minimum.at(joined, group[one], lower)
        np.minimum.at(joined, group[other], lower)
        while (further := joined[joined]).tobytes() != joined.tobytes():
            joined = further
        if (joined == group).all():
            return np.unique(group, return_inverse=True)[1].astype(np.int64)
        group = joined


def _painted(shape: tuple[int, int], row: Ints, start: Ints, end: Ints) -> Mask:
    """(H, W): true within those runs, no two of which overlap."""
    steps = np.zeros((shape[0], shape[1] + 1), np.int8)
    np.add.at(steps, (row, start), 1)
    np.add.at(steps, (row, end), -1)
    painted: Mask = np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].astype(bool)
    return painted


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask, wider by that many pixels on every side."""
    if pixels <= 0:
        return mask
    rows = np.pad(mask, ((pixels, pixels), (0, 0)))
    tall = functools.reduce(np.logical_or, [rows[y : y + len(mask)] for y in range(2 * pixels + 1)])
    columns = np.pad(tall, ((0, 0), (pixels, pixels)))
    width = mask.shape[1]
    wide: Mask = functools.reduce(np.logical_or, [columns[:, x : x + width] for x in range(2 * pixels + 1)])
    return wide
