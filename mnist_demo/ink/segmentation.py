"""Segmentation of a number: pieces of ink, and the groups of them that may be digits. NumPy and OpenCV.

A number is over-segmented (Casey & Lecolinet 1996): no piece belongs to two digits, and all groups of neighbouring
pieces are candidates. Pieces are strokes if they are known, else connected components, cut where they are thin.
`web/pad/segmentation.js` makes the same groups of strokes, and the same images of them.
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
MAX_GAP, MAX_WIDTH = 0.45, 2.0  # heights: between two pieces of a digit, and of a digit
TALL = 0.5  # of the tallest piece's height: pieces as tall as that count for the height of the number
STEP, MAX_POINTS = 0.08, 40  # heights between two points that distances are measured from; points of a piece

# How a group is drawn, each time in another way: the brush's width in heights, and how much narrower the group gets.
WAYS = ((0.09, 1.0), (0.06, 0.7))
CANVAS, LONGEST = 96, 80  # pixels, that strokes are drawn on, and how large

INKED = 127  # of 255: what is darker is ink
MAX_HEIGHT = 64  # pixels: ink twice as high or more is made smaller first
EDGE = 2  # pixels around a component that its soft edge may reach
MAX_COMPONENTS = 400  # beyond, ink is not divided into rows
MAX_SPACE = 4.0  # heights between two neighbours in a row
NARROWEST = 0.45  # heights: a component that is narrower is not cut
CUT_MARGIN, CUT_STEP, CUT_REACH = 0.15, 0.06, 0.2  # heights: from the sides, between two seams, either way of a seam
MAX_CROSSED = 2.6  # brush widths of ink that a seam may cross
APART = 0.14  # heights, at least, between two seams
INK, SIDEWAYS, SIDEWAYS_INK = 100, 5, 40  # a seam's cost: per pixel of ink, per pixel aside, and that through ink

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

    pieces: tuple[int, ...]  # their numbers, from the left
    box: Box
    gap: float  # heights: the widest gap between two pieces beside each other
    spread: float  # heights: how far a piece is from the nearest of the others, at most


class Segmentation(NamedTuple):
    """Pieces of a drawing, and their groups."""

    height: float  # pixels, of the number
    boxes: list[Box]  # of the pieces, from the left
    distances: NDArray[np.float64]  # (N, N): heights between two pieces; 1 if they are that far apart or further
    ends: NDArray[np.float64]  # (N, 2, N): heights from either end of a piece to the others; 1 at most
    cuts: NDArray[np.float64]  # (N, N): brush widths of ink that the cut between two pieces crosses; else 0
    groups: list[Group]
    images: Callable[[Group], list[Image]]  # the group as a digit, drawn in all WAYS


def of_strokes(strokes: Sequence[Stroke]) -> Segmentation | None:
    """Return the segmentation of strokes, none of which erases; None if they are too many or none."""
    paths = [np.asarray(stroke.points, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke.points)]
    if not 1 <= len(paths) <= MAX_PIECES:
        return None
    boxes = [Box(*path.min(axis=0), *path.max(axis=0)) for path in paths]
    order = sorted(range(len(paths)), key=lambda at: boxes[at].centre)
    paths, boxes = [paths[at] for at in order], [boxes[at] for at in order]
    height = height_of(boxes)
    points = [_dense(path, STEP * height) for path in paths]
    distances, ends = _distances(points, boxes, height), _ends(points, height)

    step = 2 ** (round(4 * math.log2(height)) / 4)  # in steps, so that most images last while a number grows

    def images(group: Group) -> list[Image]:
        return [_drawn([paths[piece] for piece in group.pieces], brush * step, narrow) for brush, narrow in WAYS]

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
    """Return how far apart the pieces are, in heights."""
    distances = np.zeros((len(points), len(points)))
    for one, other in itertools.combinations(range(len(points)), 2):
        gap = max(boxes[other].left - boxes[one].right, boxes[one].left - boxes[other].right)
        square = np.square(points[one][:, None] - points[other]).sum(axis=2).min() if gap <= height else math.inf
        distances[one, other] = distances[other, one] = min(1.0, math.sqrt(square) / height)
    return distances


def _ends(points: Sequence[Path], height: float) -> NDArray[np.float64]:
    """Return how far either end of a piece is from the others, in heights."""
    ends = [[_nearest(one[end], other) for other in points] for one in points for end in (0, -1)]
    return np.minimum(1.0, np.array(ends).reshape(len(points), 2, len(points)) / height)


def _nearest(place: NDArray[np.float64], points: Path) -> float:
    """Return the distance from a place (2,) to the nearest of the points (N, 2)."""
    return math.sqrt(np.square(points - place).sum(axis=1).min())


def _groups(boxes: Sequence[Box], distances: NDArray[np.float64], height: float) -> list[Group]:
    """Return all groups of neighbouring pieces that may be a digit."""
    groups = []
    for pieces in _neighbours(len(boxes)):
        box = union([boxes[piece] for piece in pieces])
        gap = _widest_gap([boxes[piece] for piece in pieces]) / height
        if len(pieces) == 1 or (gap <= MAX_GAP and box.width <= MAX_WIDTH * height):
            groups.append(Group(pieces, box, gap, _spread(pieces, distances)))
    return groups


def _neighbours(count: int) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of one to MAX_GROUP pieces near each other."""
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
    """Return the digit that the paths make with that brush, and that much narrower."""
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
    number: int  # in the order in which parts are found
    cut: float  # brush widths of ink that the cut to the part before it crosses; 0 if it is the first of its component


def of_ink(ink: NDArray[np.uint8]) -> Segmentation | None:
    """Return the segmentation of ink (H, W), 255 = ink; None if it has too many pieces or none."""
    factor = max(1, int(_height(ink) / MAX_HEIGHT))
    small = _shrunk(ink, factor)
    parts = ordered_parts(small)
    if not 1 <= len(parts) <= MAX_PIECES:
        return None
    boxes = [Box(*(factor * side for side in part.box)) for part in parts]
    height = height_of(boxes)
    cuts = np.zeros((len(parts), len(parts)))
    for one, other in itertools.permutations(range(len(parts)), 2):
        if parts[other].cut and parts[one].number == parts[other].number - 1:
            cuts[one, other] = cuts[other, one] = parts[other].cut
    distances = np.where(cuts > 0, 0, _distances([factor * _sampled(part) for part in parts], boxes, height))

    def images(group: Group) -> list[Image]:
        chosen = [parts[piece] for piece in group.pieces]
        return [_digit(_cropped(small, chosen, narrow)) for _, narrow in WAYS]

    ends = np.ones((len(parts), 2, len(parts)))
    return Segmentation(height, boxes, distances, ends, cuts, _groups(boxes, distances, height), images)


def _height(ink: NDArray[np.uint8]) -> float:
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
    top: int  # of the whole picture, where the row's ink begins
    left: int


def rows_of(ink: NDArray[np.uint8]) -> list[Row]:
    """Return the rows of digits, from top to bottom.

    Two tall components are in one row if they are near and half of the lower one is beside the other; what is small
    goes with the nearest of them.
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
    level = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = max(one.left, other.left) - min(one.right, other.right)
    return level >= min(one.height, other.height) / 2 and gap <= MAX_SPACE * height


def _apart(one: Box, other: Box) -> float:
    """Return how far apart two boxes are."""
    aside = max(0.0, one.left - other.right, other.left - one.right)
    upright = max(0.0, one.top - other.bottom, other.top - one.bottom)
    return math.hypot(aside, upright)


def ordered_parts(ink: NDArray[np.uint8]) -> list[Part]:
    """Return the components of the ink from left to right, cut where they are thin; specks left out."""
    mask = ink > INKED
    if not mask.any():
        return []
    components, brush = Components.of(mask), _brush(mask)
    boxes = [
        Box(*box) for box in zip(components.left, components.top, components.right, components.bottom, strict=True)
    ]
    height = height_of(boxes)
    parts: list[Part] = []
    for at in np.flatnonzero(components.area >= 0.3 * brush * brush).tolist():
        if len(parts) > MAX_PIECES:
            break
        rows, columns = components.box(at)
        own = components.labels[rows, columns] == at + 1
        cut = _cut(own, height, brush, (rows.start, columns.start))
        parts += [part._replace(number=number) for number, part in enumerate(cut, start=len(parts))]
    return sorted(parts, key=lambda part: part.box.centre)


def _brush(mask: Mask) -> float:
    """Return about how wide the lines of a mask are: twice their area over their outline."""
    inner = cv2.erode(np.pad(mask, 1).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return max(1.5, 2 * float(mask.sum()) / max(1.0, float(mask.sum() - inner.sum())))


def _cut(mask: Mask, height: float, brush: float, corner: tuple[int, int]) -> list[Part]:
    """Return the parts of a component between its seams."""
    seams, crossed = _seams(mask, height, brush)
    which = (np.arange(mask.shape[1]) >= seams[:, :, None]).sum(axis=0) if len(seams) else np.zeros(mask.shape, int)
    parts: list[Part] = []
    for number in range(len(seams) + 1):
        rows, columns = np.nonzero(mask & (which == number))
        if len(rows):
            rows, columns = rows + corner[0], columns + corner[1]
            box = Box(float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
            parts.append(Part(rows, columns, box, len(parts), max(crossed[number - 1], 0.01) if parts else 0.0))
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
    """Return if a seam leaves enough ink on either side, and to other seams."""
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
    """Return the ink of the parts alone, that much narrower."""
    box = union([part.box for part in parts])
    left, top = int(box.left), int(box.top)
    crop = np.zeros((int(box.bottom) - top, int(box.right) - left), np.uint8)
    for part in parts:
        crop[part.rows - top, part.columns - left] = ink[part.rows, part.columns]
    count = max(1, round(narrow * crop.shape[1]))
    return crop[:, ((np.arange(count) + 0.5) * crop.shape[1] / count).astype(np.int64)]
