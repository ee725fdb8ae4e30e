"""Segmentation of a number: pieces of ink, and the groups of them that may be digits. NumPy and OpenCV.

A number is over-segmented (Casey & Lecolinet 1996): no piece belongs to two digits, and all groups of neighbouring
pieces are candidates. Pieces are strokes if they are known, else connected components, cut where they are thin.
Lengths "in heights" are multiples of the number's height. `web/pad/segmentation.js` makes the same groups of strokes,
and the same images of them.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.components import Components, dilated
from mnist_demo.ink.preprocess import SIDE, to_mnist
from mnist_demo.ink.strokes import Path, Stroke, draw, evenly, fitted

MAX_PIECES = 36  # of a number
MAX_GROUP = 4  # pieces of a digit
WINDOW = 3  # a digit's pieces are among its first and this many after it, from the left
MAX_GAP = 0.45  # heights, between two pieces of a digit
MAX_WIDTH = 2.0  # heights, of a digit
TALL = 0.5  # of the tallest piece's height: shorter pieces do not count for the number's height
STEP = 0.08  # heights between the points of a piece, from which distances are measured
MAX_POINTS = 40  # of a piece

WAYS = ((0.09, 1.0), (0.06, 0.7))  # each group is drawn in both: the brush's width in heights, the factor for x
CANVAS = 96  # pixels of the square that a group is drawn on
LONGEST = 80  # pixels of that square: the group's longer side

INKED = 127  # of 255: pixels above this are ink
MAX_HEIGHT = 64  # pixels: a number at least twice as high is reduced by a whole factor first
EDGE = 2  # pixels around a component that its soft edge may reach
MAX_COMPONENTS = 400  # ink with more is not divided into rows
MAX_SPACE = 4.0  # heights between two neighbours in a row
NARROWEST = 0.45  # heights: a narrower component is not cut
CUT_MARGIN = 0.15  # heights, from a component's sides to the first and the last seam
CUT_STEP = 0.06  # heights between the starts of two seams that are tried
CUT_REACH = 0.2  # heights that a seam may move to either side of its start
MAX_CROSSED = 2.6  # brush widths of ink that a seam may cross
MIN_CUT = 0.01  # brush widths: a cut through less ink has this value, since 0 means "not cut"
APART = 0.14  # heights, at least, between two seams
INK, SIDEWAYS, SIDEWAYS_INK = 100, 5, 40  # a seam's cost: per pixel of ink, per step sideways, extra if into ink

Image = NDArray[np.float32]  # (28, 28) in [0, 1]
Mask = NDArray[np.bool_]


class Box(NamedTuple):
    """A bounding box, in the drawing's pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def centre(self) -> float:
        """The middle from left to right."""
        return (self.left + self.right) / 2


class Group(NamedTuple):
    """Pieces that may be one digit."""

    pieces: tuple[int, ...]  # their indices; pieces are ordered from the left
    box: Box
    gap: float  # heights: the widest horizontal gap between its pieces
    spread: float  # heights: the longest edge of the pieces' minimum spanning tree


class Segmentation(NamedTuple):
    """Pieces of a drawing, and their groups."""

    height: float  # pixels, of the number
    boxes: list[Box]  # of the pieces, from the left
    distances: NDArray[np.float64]  # (N, N): heights between two pieces, at most 1
    ends: NDArray[np.float64]  # (N, 2, N): heights from either end of a piece to each other piece, at most 1
    cuts: NDArray[np.float64]  # (N, N): how much ink the cut between two pieces crosses, in brush widths; 0: not cut
    groups: list[Group]
    images: Callable[[Group], list[Image]]  # the group as a digit, drawn in all WAYS


def of_strokes(strokes: Sequence[Stroke]) -> Segmentation | None:
    """Return the segmentation of pen strokes, not erasers; None for no strokes, or more than MAX_PIECES."""
    paths = [np.asarray(stroke.points, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke.points)]
    if not 1 <= len(paths) <= MAX_PIECES:
        return None
    boxes = [Box(*path.min(axis=0), *path.max(axis=0)) for path in paths]
    order = sorted(range(len(paths)), key=lambda at: boxes[at].centre)
    paths, boxes = [paths[at] for at in order], [boxes[at] for at in order]
    height = height_of(boxes)
    points = [_dense(path, STEP * height) for path in paths]
    distances, ends = _distances(points, boxes, height), _ends(points, height)

    pen_height = 2 ** (round(4 * math.log2(height)) / 4)  # rounded: most images stay while a number grows

    def images(group: Group) -> list[Image]:
        return [_drawn([paths[piece] for piece in group.pieces], brush * pen_height, narrow) for brush, narrow in WAYS]

    groups, cuts = _groups(boxes, distances, height), np.zeros_like(distances)
    return Segmentation(height, boxes, distances, ends, cuts, groups, images)


def height_of(boxes: Sequence[Box]) -> float:
    """Return the height of a number: the median of its tall pieces; if it is flat, its width."""
    heights = [box.height for box in boxes]
    if max(heights) <= 0:
        return max(max(box.right for box in boxes) - min(box.left for box in boxes), 1.0)
    return float(np.median([height for height in heights if height >= TALL * max(heights)]))


def _dense(path: Path, step: float) -> Path:
    """Return points along the path, about a step apart."""
    length = float(np.sqrt(np.square(np.diff(path, axis=0)).sum(axis=1)).sum())
    return evenly(path, min(MAX_POINTS, max(2, math.floor(length / step))))


def _distances(points: Sequence[Path], boxes: Sequence[Box], height: float) -> NDArray[np.float64]:
    """Return the distances between the pieces, in heights."""
    distances = np.zeros((len(points), len(points)))
    for one, other in itertools.combinations(range(len(points)), 2):
        gap = max(boxes[other].left - boxes[one].right, boxes[one].left - boxes[other].right)
        square = np.square(points[one][:, None] - points[other]).sum(axis=2).min() if gap <= height else math.inf
        distances[one, other] = distances[other, one] = min(1.0, math.sqrt(square) / height)
    return distances


def _ends(points: Sequence[Path], height: float) -> NDArray[np.float64]:
    """Return the distance from either end of each piece to every piece, in heights."""
    ends = [[_nearest(one[end], other) for other in points] for one in points for end in (0, -1)]
    return np.minimum(1.0, np.array(ends).reshape(len(points), 2, len(points)) / height)


def _nearest(place: NDArray[np.float64], points: Path) -> float:
    """Return the distance from a place (2,) to the nearest of the points (N, 2)."""
    return math.sqrt(np.square(points - place).sum(axis=1).min())


def _groups(
    boxes: Sequence[Box], distances: NDArray[np.float64], height: float, others: Sequence[tuple[int, ...]] = ()
) -> list[Group]:
    """Return all groups of neighbouring pieces that may be a digit, and `others`, which may have more pieces."""
    groups, near = [], list(_neighbours(len(boxes)))
    for pieces in [*near, *(pieces for pieces in others if pieces not in near)]:
        box = union([boxes[piece] for piece in pieces])
        gap = _widest_gap([boxes[piece] for piece in pieces]) / height
        if len(pieces) == 1 or (gap <= MAX_GAP and box.width <= MAX_WIDTH * height):
            groups.append(Group(pieces, box, gap, _spread(pieces, distances)))
    return groups


def _neighbours(count: int) -> Iterator[tuple[int, ...]]:
    """Yield the indices of one to MAX_GROUP pieces near each other."""
    for first in range(count):
        after = range(first + 1, min(first + 1 + WINDOW, count))
        for more in range(MAX_GROUP):
            for others in itertools.combinations(after, more):
                yield (first, *others)


def union(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def _widest_gap(boxes: Sequence[Box]) -> float:
    """Return the widest gap from left to right between boxes."""
    ordered = sorted(boxes)
    widest, end = 0.0, ordered[0].right
    for box in ordered[1:]:
        widest, end = max(widest, box.left - end), max(end, box.right)
    return widest


def _spread(pieces: tuple[int, ...], distances: NDArray[np.float64]) -> float:
    """Return the longest edge of the minimum spanning tree of the pieces."""
    reached, left, longest = [pieces[0]], list(pieces[1:]), 0.0
    while left:
        distance, piece = min((distances[one, other], other) for one in reached for other in left)
        longest = max(longest, float(distance))
        reached.append(piece)
        left.remove(piece)
    return longest


def _drawn(paths: Sequence[Path], width: float, narrow: float) -> Image:
    """Return the digit that a brush of that width draws along the paths, their x scaled by `narrow`."""
    strokes = [Stroke(path * np.array([narrow, 1.0]), width) for path in paths]
    return _digit(draw(fitted(strokes, CANVAS, LONGEST), CANVAS))


def _digit(ink: NDArray[np.uint8]) -> Image:
    """Return the digit of ink, blank if there is too little."""
    digit = to_mnist(ink)
    return np.zeros((SIDE, SIDE), np.float32) if digit is None else digit


class Part(NamedTuple):
    """Some pixels of the ink."""

    rows: NDArray[np.int64]  # (N,), of its pixels
    columns: NDArray[np.int64]  # (N,)
    box: Box
    rank: int  # in the order in which parts are found
    cut: float  # how much ink the cut to the part before crosses, in brush widths; 0 for a component's first part


def of_ink(ink: NDArray[np.uint8]) -> Segmentation | None:
    """Return the segmentation of ink (H, W), 255 = ink; None if it has no pieces, or too many."""
    height = _number_height(ink)
    factor = max(1, int(height / MAX_HEIGHT))
    small = _shrunk(ink, factor)
    parts = ordered_parts(small)
    if not 1 <= len(parts) <= MAX_PIECES:
        return None
    boxes = [Box(*(factor * side for side in part.box)) for part in parts]
    cuts = np.zeros((len(parts), len(parts)))
    for one, other in itertools.permutations(range(len(parts)), 2):
        if parts[other].cut and parts[one].rank == parts[other].rank - 1:
            cuts[one, other] = cuts[other, one] = parts[other].cut
    distances = np.where(cuts > 0, 0, _distances([factor * _sampled(part) for part in parts], boxes, height))

    def images(group: Group) -> list[Image]:
        chosen = [parts[piece] for piece in group.pieces]
        return [_digit(_cropped(small, chosen, narrow)) for _, narrow in WAYS]

    ends = np.ones((len(parts), 2, len(parts)))
    groups = _groups(boxes, distances, height, _components(parts))
    return Segmentation(height, boxes, distances, ends, cuts, groups, images)


def _components(parts: Sequence[Part]) -> list[tuple[int, ...]]:
    """Return the indices of the parts of each connected component."""
    begun = sorted(part.rank for part in parts if not part.cut)
    owners = np.searchsorted(begun, [part.rank for part in parts], side="right")
    return sorted(tuple(np.flatnonzero(owners == one).tolist()) for one in range(1, len(begun) + 1))


def _number_height(ink: NDArray[np.uint8]) -> float:
    """Return the height of a number in ink; 0 if there is none."""
    boxes = _boxes(Components.of(ink > INKED))
    return height_of(boxes) if boxes else 0.0


def _boxes(components: Components) -> list[Box]:
    """Return the components' boxes."""
    sides = components.left, components.top, components.right, components.bottom
    return [Box(*box) for box in zip(*(side.tolist() for side in sides), strict=True)]


def _shrunk(ink: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return the ink averaged over squares of `factor` pixels a side."""
    rows, columns = (-size % factor for size in ink.shape)
    padded = np.pad(ink, ((0, rows), (0, columns))).astype(np.int64)
    squares = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    small: NDArray[np.uint8] = ((squares.sum(axis=(1, 3)) + factor**2 // 2) // factor**2).astype(np.uint8)
    return small


class Row(NamedTuple):
    """A row of digits."""

    ink: NDArray[np.uint8]  # (H, W), 255 = ink
    top: int  # where this ink begins in the whole picture
    left: int


def rows_of(ink: NDArray[np.uint8]) -> list[Row]:
    """Return the rows of digits, from top to bottom.

    Two tall components are in one row if they are near each other, and half the height of the shorter one is level with
    the other. A small component joins the row of the nearest tall one.
    """
    components = Components.of(ink > INKED)
    boxes = _boxes(components)
    if not 2 <= len(boxes) <= MAX_COMPONENTS:
        return [Row(ink, 0, 0)]
    height = height_of(boxes)
    tall = [at for at, box in enumerate(boxes) if box.height >= TALL * height]
    row = {at: at for at in tall}
    for one, other in itertools.combinations(tall, 2):
        if row[one] != row[other] and _are_beside(boxes[one], boxes[other], height):
            row = {at: row[one] if own == row[other] else own for at, own in row.items()}
    for at in set(range(len(boxes))) - set(tall):
        row[at] = row[min(tall, key=lambda one: _apart(boxes[one], boxes[at]))]
    members = [[at for at, own in row.items() if own == name] for name in set(row.values())]
    members.sort(key=lambda one: union([boxes[at] for at in one]).top)
    if len(members) == 1:
        return [Row(ink, 0, 0)]
    return [_row(ink, components, [boxes[at] for at in one], np.isin(np.arange(len(boxes)), one)) for one in members]


def _row(ink: NDArray[np.uint8], components: Components, boxes: Sequence[Box], chosen: Mask) -> Row:
    """Return the ink of chosen components alone."""
    box = union(boxes)
    top, left = max(0, int(box.top) - EDGE), max(0, int(box.left) - EDGE)
    part = slice(top, int(box.bottom) + EDGE), slice(left, int(box.right) + EDGE)
    own = dilated(components.mask(chosen)[part], EDGE)
    return Row(np.where(own, ink[part], 0).astype(np.uint8), top, left)


def _are_beside(one: Box, other: Box, height: float) -> bool:
    """Return if two boxes may be in one row."""
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = max(one.left, other.left) - min(one.right, other.right)
    return overlap >= min(one.height, other.height) / 2 and gap <= MAX_SPACE * height


def _apart(one: Box, other: Box) -> float:
    """Return how far apart two boxes are."""
    across = max(0.0, one.left - other.right, other.left - one.right)
    down = max(0.0, one.top - other.bottom, other.top - one.bottom)
    return math.hypot(across, down)


def ordered_parts(ink: NDArray[np.uint8]) -> list[Part]:
    """Return the components of the ink from left to right, cut where they are thin, without specks."""
    mask = ink > INKED
    if not mask.any():
        return []
    components, brush = Components.of(mask), _brush(mask)
    height = height_of(_boxes(components))
    parts: list[Part] = []
    for at in np.flatnonzero(components.area >= 0.3 * brush * brush).tolist():
        if len(parts) > MAX_PIECES:
            break
        rows, columns = components.box(at)
        own = components.labels[rows, columns] == at + 1
        cut = _cut(own, height, brush, (rows.start, columns.start))
        parts += [part._replace(rank=rank) for rank, part in enumerate(cut, start=len(parts))]
    return sorted(parts, key=lambda part: part.box.centre)


def _brush(mask: Mask) -> float:
    """Estimate the width of the lines in a mask: twice their area over their outline."""
    inner = cv2.erode(np.pad(mask, 1).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return max(1.5, 2 * float(mask.sum()) / max(1.0, float(mask.sum() - inner.sum())))


def _cut(mask: Mask, height: float, brush: float, corner: tuple[int, int]) -> list[Part]:
    """Return the parts of a component between its seams."""
    seams, crossed = _seams(mask, height, brush)
    seams_left = (
        (np.arange(mask.shape[1]) >= seams[:, :, None]).sum(axis=0) if len(seams) else np.zeros(mask.shape, int)
    )
    parts: list[Part] = []
    for index in range(len(seams) + 1):
        rows, columns = np.nonzero(mask & (seams_left == index))
        if len(rows):
            rows, columns = rows + corner[0], columns + corner[1]
            box = Box(float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
            parts.append(Part(rows, columns, box, len(parts), max(crossed[index - 1], MIN_CUT) if parts else 0.0))
    return parts


def _seams(mask: Mask, height: float, brush: float) -> tuple[NDArray[np.int64], list[float]]:
    """Return where a component may be cut from top to bottom: columns (S, H), and brush widths of ink crossed."""
    margin, step = int(CUT_MARGIN * height), max(2, int(CUT_STEP * height))
    starts = np.arange(margin, mask.shape[1] - margin, step)
    if mask.shape[1] < NARROWEST * height or not len(starts):
        return np.zeros((0, len(mask)), np.int64), []
    paths, costs = _cheapest(mask, starts, max(3, int(CUT_REACH * height)))
    crossed = mask[np.arange(len(mask)), paths].sum(axis=1) / brush
    kept: list[int] = []
    for at in np.argsort(costs, kind="stable").tolist():
        if crossed[at] <= MAX_CROSSED and _divides(mask, paths[at], [paths[one] for one in kept], height, brush):
            kept.append(at)
        if len(kept) >= max(1, int(2.5 * mask.shape[1] / height)):
            break
    kept.sort(key=lambda at: float(paths[at].mean()))
    return paths[kept], [float(crossed[at]) for at in kept]


def _divides(
    mask: Mask, seam: NDArray[np.int64], others: Sequence[NDArray[np.int64]], height: float, brush: float
) -> bool:
    """Return if a seam leaves enough ink on either side, and between it and each other seam."""
    columns = np.arange(mask.shape[1])
    left = columns < seam[:, None]
    inked = int((mask & left).sum())
    if min(inked, int(mask.sum()) - inked) < 1.5 * brush * brush:
        return False
    return all(
        np.median(np.abs(seam - other)) >= APART * height
        and (mask & (left != (columns < other[:, None]))).sum() >= 1.2 * brush * brush
        for other in others
    )


def _cheapest(mask: Mask, starts: NDArray[np.int64], reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cheapest seam around each of the columns `starts` (S,): columns (S, H) and costs (S,)."""
    far = 1 << 40
    columns = starts[:, None] + np.arange(-reach, reach + 1)  # (S, 2 reach + 1)
    inside = (columns >= 0) & (columns < mask.shape[1])
    inked = mask[:, columns.clip(0, mask.shape[1] - 1)].astype(np.int64)  # (H, S, 2 reach + 1)
    price = np.where(inside, INK * inked, far)
    total, moves = price[0], np.zeros(inked.shape, np.int8)
    for row in range(1, len(mask)):
        aside = np.pad(total, ((0, 0), (1, 1)), constant_values=far) + SIDEWAYS
        choices = np.stack([total, aside[:, :-2] + SIDEWAYS_INK * inked[row], aside[:, 2:] + SIDEWAYS_INK * inked[row]])
        best = choices.argmin(axis=0)
        moves[row] = np.array([0, -1, 1], np.int8)[best]
        total = choices.min(axis=0) + price[row]
    rows = np.arange(len(starts))
    at = total.argmin(axis=1)
    paths = np.zeros((len(starts), len(mask)), np.int64)
    for row in range(len(mask) - 1, -1, -1):
        paths[:, row] = columns[rows, at]
        at = at + moves[row, rows, at]
    return paths.clip(0, mask.shape[1] - 1), total.min(axis=1)


def _sampled(part: Part) -> Path:
    """Return some points of a part."""
    every = max(1, len(part.rows) // MAX_POINTS)
    return np.stack([part.columns[::every], part.rows[::every]], axis=1).astype(np.float64)


def _cropped(ink: NDArray[np.uint8], parts: Sequence[Part], narrow: float) -> NDArray[np.uint8]:
    """Return the ink of the parts alone, their width scaled by `narrow`."""
    box = union([part.box for part in parts])
    left, top = int(box.left), int(box.top)
    crop = np.zeros((int(box.bottom) - top, int(box.right) - left), np.uint8)
    for part in parts:
        crop[part.rows - top, part.columns - left] = ink[part.rows, part.columns]
    count = max(1, round(narrow * crop.shape[1]))
    return crop[:, ((np.arange(count) + 0.5) * crop.shape[1] / count).astype(np.int64)]
