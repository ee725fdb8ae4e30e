"""Ink from a picture: a photo, a scan, a screenshot, or what a drawing program saved. NumPy and Pillow only.

Knows: what in a picture is paper, and what on it is no stroke of the pen. Does not know: digits, or networks.

`steps` goes from a picture to its ink in steps that can be looked at. Where two readings of a picture are possible, the
simplest stays: what would leave nothing is not taken away, and what might be a second digit is left for the network to
refuse.
"""

from collections.abc import Callable
from os import PathLike
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from mnist_demo.pieces import Mask, Pieces, grown, pieces_of

LARGEST = 1200  # pixels a side; a larger picture is made smaller first
MOST_PIXELS = 100_000_000  # of a picture, as it is decoded: more would take gigabytes

CELLS = 128  # that the longer side is divided into, at most, to tell the paper's brightness
WINDOW = 0.25  # of the shorter side: what is dark and slimmer is ink, what is broader is darker paper
BROADEST = 0.35  # of the shorter side: no stroke is broader
EVEN = 0.75  # of the border's pixels: so many as bright as each other make paper of one brightness
FAINTEST = 0.25  # of the ink's contrast: what differs less from the paper is paper
FIRM = 0.5  # of the ink's contrast: a piece that nowhere differs so much is no stroke
NEAR = 0.02  # of the shorter side: what is faint is ink as far as this from what is firm
TINY = 24  # pixels: a picture whose shorter side is shorter is a digit cut out, on paper of one brightness
SMALL = 14  # pixels: ink that reaches less far is enlarged
STEEP = 1.5  # times: how much steeper an enlarged outline is made
LINE = 0.025  # of the longer side: a line from border to border that is no thicker is ruled
COVERED = 0.9  # of its length that is ink
NOISE = 4.0  # standard deviations of the paper's grain, that ink must differ by

Gray = NDArray[np.uint8]  # (H, W), 0 = black
Contrast = NDArray[np.float32]  # (H, W), how much darker than the paper; 0 to 255


class Step(NamedTuple):
    """What one step left of a picture."""

    name: str
    left: NDArray[np.uint8]  # (H, W), or (H, W, 3) where in colour


def open_picture(file: str | PathLike[str] | BinaryIO, name: str | None = None) -> Image.Image:
    """The picture in that file, upright, at most LARGEST pixels a side.

    Raises ValueError, in one line that names the file (as `name`, where given), where there is none that can be read.
    """
    try:
        picture = Image.open(file)
        picture.draft(None, _bounded(picture.size))  # JPEG's own way to be made smaller
        if picture.width * picture.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        return upright(picture)
    except Exception as error:  # of a damaged file Pillow raises whatever its decoder meets
        raise ValueError(f"{name or file}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: at most {MOST_PIXELS // 1_000_000} megapixels can be read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "no image that can be read"


def ink_of(picture: Image.Image) -> NDArray[np.uint8]:
    """The ink (H, W), 255 = ink, of the digit in a picture, dark on light or light on dark; zeros where none is found.

    What is small on a large page comes with only as much of the page around it as leaves it no speck.
    """
    return steps(picture)[-1].left


def steps(picture: Image.Image) -> list[Step]:
    """The steps from a picture to its ink, and what each left; the last one's is what `ink_of` gives."""
    shown = upright(picture)
    gray = brightness(shown)
    left = [Step("upright", np.asarray(shown.convert("RGB"))), Step("brightness", gray)]
    for _ in range(2):  # a sheet on a desk, perhaps with a card on it
        if (inner := sheet_in(gray)) is None:
            break
        gray = inner
        left.append(Step("sheet", gray))
    first = _is_dark_on_light(gray)
    found = _written(gray, first)
    if found.doubt is not None and (other := _written(gray, not first)).doubt is None and other.level > found.doubt:
        found = other
    return left + found.steps


def upright(picture: Image.Image) -> Image.Image:
    """The picture as its camera meant it, at most LARGEST pixels a side, as L, RGB or RGBA of eight bits."""
    picture = _plain(picture)
    size = _bounded(picture.size)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return picture


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    shrunk = min(1.0, LARGEST / max(size))
    return max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk))


def _plain(picture: Image.Image) -> Image.Image:
    turned = ImageOps.exif_transpose(picture)
    if turned.mode in ("L", "RGB", "RGBA"):
        return turned
    if turned.mode.startswith(("I", "F")):  # which Pillow would cut at 255
        values = np.asarray(turned).astype(np.float32).clip(min=0)
        return Image.fromarray(np.rint(255 * values / max(float(values.max()), 1e-9)).astype(np.uint8))
    if turned.mode == "1":
        return turned.convert("L")
    return turned.convert("RGBA" if turned.has_transparency_data else "RGB")


def brightness(picture: Image.Image) -> Gray:
    """How bright each pixel is: its luminance, or the colour in which ink and paper differ most; ink on nothing, dark.

    Luminance stays where no colour shows twice as much.
    """
    if picture.mode == "RGBA":
        opacity = np.asarray(picture.getchannel("A"))
        if np.median(_border(opacity)) < 8:
            card = _card(picture, opacity)
            if card is None:
                return 255 - opacity
            picture = card
        else:
            ground = tuple(int(np.median(_border(np.asarray(band)))) for band in picture.split()[:3])
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, (*ground, 255)), picture)
        picture = picture.convert("RGB")
    bands = [picture.convert("L"), *(picture.split() if picture.mode == "RGB" else ())]
    spreads = [_spread(band) for band in bands]
    best = int(np.argmax(spreads))
    return np.asarray(bands[best if spreads[best] > 2 * spreads[0] else 0])


def _border(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _spread(band: Image.Image) -> float:
    """How far from the border's brightness the band goes, but for single pixels."""
    smooth = np.asarray(band.filter(ImageFilter.BoxBlur(1)), np.int16)
    return float(np.abs(smooth - np.median(_border(smooth))).max())


def _card(picture: Image.Image, opacity: Gray) -> Image.Image | None:
    """What is not transparent, where that is a card with something on it and not the ink itself."""
    pieces = pieces_of(opacity > 127)
    if not len(pieces.area):
        return None
    largest = int(np.argmax(pieces.area))
    filled = pieces.filled(largest)
    if _likeness(filled, pieces.corners(largest)) < 0.93 or pieces.area[largest] < 0.75 * filled.sum():
        return None
    gray = np.asarray(picture.convert("RGB").convert("L"))
    paper = np.median(gray[filled])
    if (np.abs(gray[filled] - paper) > 40).mean() < 0.002:
        return None
    colours = np.asarray(picture.convert("RGB"))
    ground = np.median(colours[filled], axis=0).astype(np.uint8)
    box = np.s_[pieces.top[largest] : pieces.bottom[largest], pieces.left[largest] : pieces.right[largest]]
    inside = ~grown(~filled, 2)
    return Image.fromarray(np.where(inside[..., None], colours, ground)[box]).convert("RGB")


def _likeness(mask: Mask, corners: NDArray[np.float64]) -> float:
    """How much of the mask and of the quadrilateral with those corners (4, 2) they share, in [0, 1]."""
    canvas = Image.new("1", mask.shape[::-1])
    ImageDraw.Draw(canvas).polygon([(x, y) for x, y in corners.tolist()], fill=1)
    drawn = np.asarray(canvas)
    return float((mask & drawn).sum() / (mask | drawn).sum())


def sheet_in(gray: Gray) -> Gray | None:
    """The sheet or card, and nothing around it, where one lies on a ground that shows all around it, and is written on.

    Else None.
    """
    ground = float(np.median(_border(gray)))
    for extreme in np.percentile(gray, [95, 5]).tolist():
        if abs(extreme - ground) < 24:
            continue
        middle = (extreme + ground) / 2
        pieces = pieces_of(gray > middle if extreme > ground else gray < middle)
        largest = int(np.argmax(pieces.area))
        sheet = _sheet(gray, pieces, largest, extreme - ground)
        if sheet is not None:
            return sheet
    return None


def _sheet(gray: Gray, pieces: Pieces, which: int, contrast: float) -> Gray | None:
    filled = pieces.filled(which)
    size, (height, width) = int(filled.sum()), gray.shape
    sides = sorted((int(pieces.height[which]), int(pieces.width[which])))
    if size < 0.12 * gray.size or sides[1] > 3 * sides[0] or pieces.area[which] < 0.75 * size:
        return None
    touched = (
        pieces.top[which] == 0,
        pieces.left[which] == 0,
        pieces.bottom[which] == height,
        pieces.right[which] == width,
    )
    if sum(touched) > 1:
        return None
    if sides[0] < 12 or _likeness(filled, pieces.corners(which)) < 0.93:
        return None
    rim = max(2, sides[0] // 40)
    inside = ~grown(~filled, rim)
    inner, outer = inside & grown(~inside, rim), grown(filled, 2 * rim) & ~grown(filled, rim)
    if not outer.any() or abs(float(np.median(gray[inner])) - float(np.median(gray[outer]))) < 0.6 * abs(contrast):
        return None
    paper = np.median(gray[inside])
    written = np.abs(gray[inside] - paper) > 0.35 * abs(contrast)
    if not 0.001 < written.mean() < 0.4:
        return None
    box = np.s_[pieces.top[which] : pieces.bottom[which], pieces.left[which] : pieces.right[which]]
    return np.where(inside, gray, np.uint8(paper))[box]


def _is_dark_on_light(gray: Gray) -> bool:
    """Whether what differs from the paper is darker.

    Where the border shows paper of one brightness, by what there is more of; else by which surface is the smoother one,
    the picture without what is dark and slim, or without what is light and slim.
    """
    if min(gray.shape) < TINY:
        return _is_mostly_darker(gray)
    small = _small(gray)
    reach = max(1, round(WINDOW * min(small.shape) / 2))
    closed, opened = _closed(small, reach), -_closed(-small, reach)
    by_dark, by_light = _is_even(closed, small), _is_even(opened, small)
    if by_dark != by_light:
        level = np.median(_border(closed if by_dark else opened))
        if abs(level - np.median(_border(gray))) <= 0.1 * np.ptp(small):
            return by_dark
    rough = _roughness(closed), _roughness(opened)
    if (by_dark and by_light) or (max(rough) < 3.5 * min(rough) and _has_two_levels(gray)):
        return _is_mostly_darker(gray)
    return rough[0] <= rough[1]


def _is_mostly_darker(gray: Gray) -> bool:
    """Whether what differs most from what the border mostly shows is darker, most of it."""
    difference = gray - np.float32(np.median(_border(gray)))
    difference[np.abs(difference) < FIRM * np.abs(difference).max()] = 0
    return float(difference.mean()) <= 0


def _has_two_levels(gray: Gray) -> bool:
    """Whether nearly all there is, is as bright as the brightest or as dark as the darkest."""
    low, high = np.percentile(gray, [0.05, 99.95])
    return bool((np.minimum(np.abs(gray - low), np.abs(high - gray)) < 0.15 * (high - low)).mean() > 0.75)


def _is_even(surface: NDArray[np.float32], small: NDArray[np.float32]) -> bool:
    """Whether the surface is as bright all along the border, as far as matters for what the picture shows."""
    border = _border(surface)
    level = float(np.median(border))
    tolerance = max(4.0, 0.08 * float(np.abs(level - small).max()))
    return bool((np.abs(border - level) <= tolerance).mean() >= EVEN)


def _roughness(surface: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(surface, axis=0)).sum() + np.abs(np.diff(surface, axis=1)).sum())


def _small(gray: Gray) -> NDArray[np.float32]:
    """The picture's brightness in at most CELLS cells a side."""
    shrunk = min(1.0, CELLS / max(gray.shape))
    size = (max(1, round(gray.shape[1] * shrunk)), max(1, round(gray.shape[0] * shrunk)))
    return np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BOX), np.float32)


def _closed(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """What is dark and slimmer than 2 `reach` + 1 is filled: a morphological closing with a square."""
    return -_highest(-_highest(values, reach), reach)


def _highest(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    for _ in range(2):
        padded = np.pad(values, ((reach, reach), (0, 0)), constant_values=-np.inf)
        values = sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1).T
    return values


def paper_of(gray: Gray, ink: Mask | None = None) -> Contrast:
    """The paper's brightness at each pixel, where the ink is darker than it; `ink`: where some is known to be."""
    if min(gray.shape) < TINY:
        return np.full(gray.shape, np.median(_border(gray)), np.float32)
    small = _small(gray)
    closed = _closed(small, max(1, round(WINDOW * min(small.shape) / 2)))
    if _is_even(closed, small) or _has_two_levels(gray):
        border, level = _border(gray), np.median(_border(closed))
        return np.full(gray.shape, np.median(border[border >= min(0.9 * level, border.max())]), np.float32)
    if ink is not None:
        bare = _small(np.where(ink, np.uint8(0), np.uint8(255))) / 255
        seen = _small(np.where(ink, np.uint8(0), gray))
        closed = np.where(bare > 0.3, seen / np.maximum(bare, 0.3), closed)
    return np.asarray(Image.fromarray(closed).resize(gray.shape[::-1], Image.Resampling.BICUBIC))


class Written(NamedTuple):
    """What is written on paper, if the ink is darker than it, or if it is lighter."""

    steps: list[Step]
    level: float  # how much the ink differs from the paper, 0 to 255
    doubt: float | None  # ink of the other kind is likelier if it differs more than that; None: this is ink


def _written(gray: Gray, is_dark: bool) -> Written:
    shown = gray if is_dark else 255 - gray
    grain = _grain(gray)
    paper = paper_of(shown)
    contrast = (paper - shown).clip(min=0)
    ink = contrast > FIRM * max(_level(contrast), 1.0)
    paper = paper_of(shown, grown(ink, max(1, max(gray.shape) // 150)))
    contrast = paper - shown
    if is_dark:
        scale = np.float32(max(np.median(paper), 1.0)) / np.maximum(paper, 32)  # light falls on paper and ink alike
        contrast = contrast * scale
    if min(gray.shape) < TINY:
        level = float(contrast.max())
        ink = np.rint(contrast.clip(0) * np.float32(255 / max(level, 1))).astype(np.uint8)
        ink[ink < 255 * FAINTEST] = 0
        return Written(
            [Step("contrast", np.rint(contrast.clip(0, 255)).astype(np.uint8)), Step("digit", _fitted(ink))],
            level,
            None,
        )
    bare = contrast[contrast < FIRM * max(_level(contrast.clip(min=0)), 1.0)]
    contrast = (contrast - max(float(np.median(bare)), 0.0)).clip(0, 255)
    marks = _inked(contrast, grain)
    digit, level, doubt = _digit(contrast, grain)
    left = [Step("contrast", np.rint(contrast).astype(np.uint8)), Step("ink", marks), Step("digit", digit)]
    return Written(left, level, doubt)


def _grain(gray: Gray) -> float:
    """The standard deviation of the paper's grain: of what three pixels in four differ by from others near them."""
    if min(gray.shape) < 64:
        return 0.0
    near = np.abs(gray[:, 3:].astype(np.int16) - gray[:, :-3])
    return float(np.percentile(near, 25)) / 0.45


def _level(contrast: Contrast) -> float:
    """How much the ink differs from the paper: most of what differs most, single pixels aside."""
    radius = max(1, round(min(contrast.shape) / 150))
    smooth = np.asarray(Image.fromarray(contrast.astype(np.uint8)).filter(ImageFilter.BoxBlur(radius)))
    if not smooth.any():
        return 0.0
    return float(np.percentile(contrast[smooth > smooth.max() / 2], 90))


def _mask(contrast: Contrast, grain: float) -> tuple[Mask, float]:
    level = _level(contrast)
    if level < max(3.0, 1.5 * NOISE * grain):
        return np.zeros(contrast.shape, bool), 1.0
    mask = contrast > min(max(FAINTEST * level, NOISE * grain), FIRM * level)
    return mask & grown(contrast > FIRM * level, max(2, round(NEAR * min(contrast.shape)))), level


def _inked(contrast: Contrast, grain: float) -> Gray:
    mask, level = _mask(contrast, grain)
    return np.where(mask, np.rint((contrast * 255 / level).clip(max=255)), 0).astype(np.uint8)


def _digit(contrast: Contrast, grain: float) -> tuple[Gray, float, float | None]:
    """What is left of the ink when what is no stroke of the pen is taken away; its contrast; and `Written.doubt`."""
    contrast = contrast.copy()
    for _ in range(6):
        mask, level = _mask(contrast, grain)
        pieces = pieces_of(mask)
        firm = _firm(pieces, contrast, level)
        gone = _lines(pieces, firm)
        if gone is None:
            gone = _frame(pieces, firm)
        if gone is None:
            gone = _hanging(pieces, firm)
        if gone is None:
            break
        contrast[gone] = 0
    if not firm.any():
        return np.zeros(contrast.shape, np.uint8), 0.0, 0.0
    strokes = firm & ~_specks(pieces, firm)
    kept = pieces.mask(strokes)
    ink: Gray = np.where(kept, np.rint((contrast * 255 / level).clip(max=255)), 0).astype(np.uint8)
    along = strokes & _along_border(pieces)
    if not along.any():
        return _fitted(ink), level, None
    return _fitted(ink), level, level * (0.3 if _is_broad(pieces.mask(along)) else 1.5)


def _is_broad(mask: Mask) -> bool:
    """Whether there is a square in it, BROADEST of the shorter side long, as in no stroke of a pen."""
    small = _small(np.where(mask, np.uint8(255), np.uint8(0)))
    return bool((-_highest(-small, max(1, round(BROADEST * min(small.shape) / 2)))).max() > 127)


def _firm(pieces: Pieces, contrast: Contrast, level: float) -> Mask:
    """(P,): which pieces differ from the paper as ink does, somewhere."""
    strong = contrast > FIRM * level
    counts = np.concatenate([np.zeros((len(strong), 1), np.int64), np.cumsum(strong, axis=1)], axis=1)
    in_run = counts[pieces.row, pieces.end] - counts[pieces.row, pieces.start]
    return np.bincount(pieces.piece, weights=in_run, minlength=len(pieces.area)) > 0


class Trace(NamedTuple):
    """What lies along a straight line through a mask."""

    covered: float  # share of its length that is ink
    thickness: float  # pixels across, of most of it
    line: Mask  # (H, W): the line's own pixels, not those of strokes that cross it


def _trace(mask: Mask, start: tuple[float, float], end: tuple[float, float], reach: int) -> Trace:
    """What lies between two points (x, y), up to `reach` pixels beside the straight line from one to the other."""
    if abs(end[1] - start[1]) > abs(end[0] - start[0]):
        trace = _trace(mask.T, start[::-1], end[::-1], reach)
        return trace._replace(line=trace.line.T)
    (x0, y0), (x1, y1) = sorted((start, end))
    x = np.arange(round(x0), round(x1) + 1)
    y = np.rint(np.interp(x, [x0, x1], [y0, y1])).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    inside = (y >= 0) & (y < len(mask))
    y = y.clip(0, len(mask) - 1)
    across = mask[y, x] & inside
    counts = across.sum(axis=0)
    covered = across[reach // 3 : reach + 1 + (reach - reach // 3)].any(axis=0)
    thickness = float(np.median(counts[covered])) if covered.any() else 0.0
    own = across & (counts <= 1.5 * thickness + 1)
    line = np.zeros(mask.shape, bool)
    line[y[own], np.broadcast_to(x, y.shape)[own]] = True
    return Trace(float(covered.mean()), thickness, line)


def _lines(pieces: Pieces, firm: Mask) -> Mask | None:
    """Thin lines that run straight from one border to the opposite one."""
    height, width = pieces.shape
    gone = np.zeros(pieces.shape, bool)
    across = firm & (pieces.left == 0) & (pieces.right == width)
    down = firm & (pieces.top == 0) & (pieces.bottom == height)
    if across.any():
        gone |= _between_borders(pieces.mask(across))
    if down.any():
        gone |= _between_borders(pieces.mask(down).T).T
    return grown(gone, 1) if gone.any() else None


def _between_borders(mask: Mask) -> Mask:
    """Thin lines from the left border to the right one."""
    thickest, reach = LINE * max(mask.shape), max(3, round(LINE * max(mask.shape)))
    gone = np.zeros(mask.shape, bool)
    left, right = _middles(mask[:, 0], 2 * reach), _middles(mask[:, -1], 2 * reach)
    for y0 in left:
        for y1 in right:
            if abs(y1 - y0) < 0.2 * mask.shape[1]:
                trace = _trace(mask, (0, y0), (mask.shape[1] - 1, y1), reach)
                if trace.covered >= COVERED and trace.thickness <= thickest:
                    gone |= trace.line
    return gone


def _middles(values: Mask, longest: int) -> list[float]:
    """The middles of runs that are at most so long."""
    edges = np.flatnonzero(np.diff(np.pad(values.astype(np.int8), 1)))
    return [(a + b - 1) / 2 for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True) if b - a <= longest]


def _frame(pieces: Pieces, firm: Mask) -> Mask | None:
    """A box of four straight lines with something in it."""
    for which in np.flatnonzero(firm & (np.minimum(pieces.height, pieces.width) >= 0.2 * min(pieces.shape))):
        top, left, bottom, right = (int(side[which]) for side in (pieces.top, pieces.left, pieces.bottom, pieces.right))
        mask = pieces.mask(firm)[top:bottom, left:right]
        corners = [(x - left, y - top) for x, y in pieces.corners(int(which)).tolist()]
        reach = max(3, round(0.04 * max(mask.shape)))
        traces = [_trace(mask, *ends, reach) for ends in zip(corners, corners[1:] + corners[:1], strict=True)]
        if min(trace.covered for trace in traces) < 0.85 or max(t.thickness for t in traces) > 0.05 * min(mask.shape):
            continue
        if _likeness(pieces.filled(int(which)), pieces.corners(int(which))) < 0.93:
            continue
        gone = np.any([trace.line for trace in traces], axis=0)
        inner = pieces_of(mask & ~grown(gone, 1))
        if (np.maximum(inner.height, inner.width / 3) >= 0.25 * min(mask.shape)).any():
            full = np.zeros(pieces.shape, bool)
            full[top:bottom, left:right] = gone
            return grown(full, 1)
    return None


def _hanging(pieces: Pieces, firm: Mask) -> Mask | None:
    """What hangs on the border: desk, shadows, pieces of the neighbours."""
    height, width = pieces.shape
    shallow = np.stack([pieces.bottom, pieces.right, height - pieces.top, width - pieces.left])  # reach from each side
    contact = _contacts(pieces)
    touches = contact > 0
    hanging = firm & touches.any(axis=0)
    if not hanging.any():
        return None
    sides, depths = np.array([[width], [height], [width], [height]]), np.array([[height], [width], [height], [width]])
    strip = (contact >= 0.9 * sides) & (shallow < 0.35 * depths) & (pieces.area > 0.45 * shallow * sides)
    gone = hanging & strip.any(axis=0)
    free = firm & ~hanging & (pieces.extent >= 0.03 * min(pieces.shape))
    if free.any():
        main = int(np.argmax(np.where(free, pieces.extent, 0)))
        desk = _along_border(pieces) & (pieces.extent[main] >= 0.12 * min(pieces.shape))
        reach = np.where(touches, shallow, 10**6).min(axis=0)
        slight = (reach < 0.5 * pieces.extent[main]) & (pieces.extent < 1.6 * pieces.extent[main])
        thickness = pieces.area / pieces.extent
        gone = hanging & (gone | desk | slight | (thickness > 3 * thickness[main]))
    return grown(pieces.mask(gone), 2) if gone.any() else None


def _along_border(pieces: Pieces) -> Mask:
    """(P,): which pieces lie in a corner, or along half of a side."""
    height, width = pieces.shape
    contact = _contacts(pieces)
    touches = contact > 0
    sides = np.array([width, height, width, height])[:, None]
    along: Mask = (touches & np.roll(touches, 1, axis=0)).any(axis=0) | (contact >= 0.5 * sides).any(axis=0)
    return along


def _contacts(pieces: Pieces) -> NDArray[np.float64]:
    """(4, P): how many of its pixels lie on the border's top, left, bottom, right."""
    height, width = pieces.shape
    length = pieces.end - pieces.start
    shares = (
        length * (pieces.row == 0), pieces.start == 0, length * (pieces.row == height - 1), pieces.end == width,
    )  # fmt: skip
    return np.stack([np.bincount(pieces.piece, share, len(pieces.area)) for share in shares])


def _specks(pieces: Pieces, firm: Mask) -> Mask:
    """(P,): dirt, and what is small and far from the largest piece."""
    main = int(np.argmax(np.where(firm, pieces.extent, 0)))
    extent = int(pieces.extent[main])
    own = pieces.piece == main
    stroke = min(float(np.median(pieces.end[own] - pieces.start[own])), float(pieces.area[main]) / extent)
    above, below = pieces.top[main] - pieces.bottom, pieces.top - pieces.bottom[main]
    before, behind = pieces.left[main] - pieces.right, pieces.left - pieces.right[main]
    apart = np.max([above, below, before, behind], axis=0)
    dirt = pieces.extent < max(0.75 * stroke, 0.06 * extent)
    elsewhere = (apart > 0.3 * extent) & (pieces.extent < 0.35 * extent)
    rule = (np.maximum(above, below) > 0) & (pieces.width > 8 * pieces.height)
    gone: Mask = dirt | elsewhere | rule
    gone[main] = False
    return gone


def _fitted(ink: Gray) -> Gray:
    """The ink on no more paper than `to_mnist` takes: small ink on a large page is cut out."""
    if not ink.any():
        return ink
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = int(max(bottom - top, right - left))
    if side < SMALL:
        return _enlarged(np.pad(ink[top:bottom, left:right], 2))
    if 4 * side >= min(ink.shape):
        return ink
    return np.pad(ink[top:bottom, left:right], side // 2)


def _enlarged(ink: Gray) -> Gray:
    """Ink of few pixels on more of them, its outline as sharp as a pen's."""
    times = -(-4 * SMALL // max(ink.shape))
    image = Image.fromarray(ink).resize((ink.shape[1] * times, ink.shape[0] * times), Image.Resampling.BICUBIC)
    gray = np.asarray(image, np.float32)
    return np.rint(((gray - 128) * STEEP + 128).clip(0, 255)).astype(np.uint8)
