"""Ink from a picture: a photo, a scan, a screenshot, or what a drawing program saved. NumPy and Pillow only.

Knows: the steps from a picture to ink. Does not know: how paper and strokes look, which `paper` and `marks` do; digits.

Where two readings of a picture are possible, the simplest stays: what would leave nothing is not taken away, and what
might be a second digit is left for the network to refuse.
"""

import warnings
from collections.abc import Iterator
from os import PathLike
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    ImageFilter,
    ImageOps,
    TiffImagePlugin,  # noqa: F401  # imported here, because otherwise Pillow loads all its plugins to find this one,
    WebPImagePlugin,  # noqa: F401  # and this one
)
from PIL.JpegImagePlugin import JpegImageFile

from mnist_demo import marks
from mnist_demo.paper import (
    TINY,
    Gray,
    Surface,
    border,
    grain_of,
    is_broad,
    is_dark_on_light,
    is_sheet,
    middle,
    paper_of,
)
from mnist_demo.pieces import Mask, Pieces, TooManyRunsError, grown, pieces_of

LARGEST = 1200  # pixels a side; a larger picture is made smaller first
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # no other decoder of Pillow is ever used
MAX_PIXELS = 100_000_000  # of a picture: decoding more takes gigabytes
JPEG_FACTOR = 3.25  # a JPEG may have so many times the pixels, because it is reduced while it is decoded

FAINTEST = 0.25  # of the ink's contrast: what differs less from the paper is paper
FIRM = 0.5  # of the ink's contrast: a piece that nowhere differs so much is no stroke
NEAR = 0.02  # of the shorter side: what is faint is ink as far as this from what is firm
NOISE = 4.0  # standard deviations of the paper's grain that ink differs by
LEAST, LEAST_UNEVEN = 3.0, 16.0  # of 255, that ink differs by; and where light falls unevenly
RIMMED = 0.02  # of the picture: so much taken away at the border may leave a rim
MARGIN = 0.05  # of the longer side, that a digit cut out may have around it
LARGE = 0.15  # of the longer side: what reaches as far is large there
GROUND = 0.8  # of the border, that the ground must be under a sheet
EDGE = 24  # of 255, that the sheet differs from its ground by
SHEET = 0.12  # of the picture that a sheet covers at least
SMALLEST = 0.25  # of the shorter side: ink that reaches less far is cut out
FEW = 14  # pixels: ink that reaches less far is enlarged
STEEP = 1.5  # times: how much steeper an enlarged outline is made


class Step(NamedTuple):
    """What one step left of a picture."""

    name: str
    left: NDArray[np.uint8]  # (H, W), or (H, W, 3) where in colour


class Written(NamedTuple):
    """What is written on the paper, if ink is darker than paper, or if it is lighter."""

    steps: list[Step]  # contrast, ink, digit
    level: float  # how much the ink differs from the paper, 0 to 255
    is_doubtful: bool  # whether there is none, or it lies along the border


def open_picture(
    file: str | PathLike[str] | BinaryIO, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Return the picture in a file, upright, at most LARGEST pixels a side.

    Only the decoders of FORMATS are tried, and the file is opened once, so that what is checked is what is decoded.
    Raises ValueError, in one line that names the file (as `name`, if given), if it cannot be read, is in another
    format, or has more than `max_pixels` pixels (a JPEG: JPEG_FACTOR times as many).
    """
    limit = max_pixels
    try:
        with _opened(file) as picture:
            if isinstance(picture, JpegImageFile):
                limit = round(JPEG_FACTOR * max_pixels)
            if picture.width * picture.height > limit:
                raise Image.DecompressionBombError
            picture.draft(None, _bounded(picture.size))  # JPEG's own way to be made smaller
            return upright(picture)
    except Exception as error:  # of a damaged file Pillow raises whatever its decoder meets
        raise ValueError(f"{name or file}: {_reason(error, limit)}") from None


def _opened(file: str | PathLike[str] | BinaryIO) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `max_pixels` is the limit
        return Image.open(file, formats=FORMATS)


def _reason(error: Exception, max_pixels: int) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: at most {max_pixels // 1_000_000} megapixels can be read"
    if isinstance(error, MemoryError):
        return "too large: decoding it takes too much memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"cannot be read as a picture ({', '.join(FORMATS)})"


def ink_of(picture: Image.Image) -> NDArray[np.uint8]:
    """The ink (H, W), 255 = ink, of the digit in a picture, dark on light or light on dark; zeros where none is found.

    What is small on a large page comes with only as much of the page around it as leaves it no speck.
    """
    return steps(picture)[-1].left


def steps(picture: Image.Image) -> list[Step]:
    """Return the steps from a picture to its ink, each with what it left; the last one's is what `ink_of` returns."""
    shown = upright(picture)
    left = [Step("upright", np.asarray(shown.convert("RGB")))]
    try:
        for step in _search(shown):
            left.append(step)
    except TooManyRunsError:
        left.append(Step("digit", np.zeros(shown.size[::-1], np.uint8)))
    return left


def _search(shown: Image.Image) -> Iterator[Step]:
    """Yield the steps from an upright picture to its ink. Raises TooManyRunsError if it shows noise or a texture."""
    gray = brightness(shown)
    yield Step("brightness", gray)
    for _ in range(2):  # a sheet on a desk, perhaps with a card on it
        inner = sheet_in(gray)
        if inner is None:
            break
        gray = inner
        yield Step("sheet", gray)
    whole = cut_out(gray)
    if whole is not None:
        yield from whole
        return
    is_dark = is_dark_on_light(gray)
    found = written(gray, is_dark)
    if found.is_doubtful:
        other = written(gray, not is_dark)
        if not other.is_doubtful and other.level > 1.5 * found.level:
            found = other
    yield from found.steps


def upright(picture: Image.Image) -> Image.Image:
    """The picture as its camera meant it, at most LARGEST pixels a side, as L, RGB or RGBA of eight bits."""
    plain = _plain(ImageOps.exif_transpose(picture))
    size = _bounded(plain.size)
    return plain if size == plain.size else plain.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    shrunk = min(1.0, LARGEST / max(size))
    return max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk))


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    if picture.mode.startswith(("I", "F")):  # which Pillow would cut at 255
        values = np.nan_to_num(np.asarray(picture).astype(np.float32)).clip(min=0)
        return Image.fromarray(np.rint(255 * (values / max(float(values.max()), 1e-9))).astype(np.uint8))
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def brightness(picture: Image.Image) -> Gray:
    """How bright each pixel (H, W) is: its luminance, or the colour in which ink and paper differ most.

    Luminance stays where no colour differs twice as much. Of what lies on nothing, opacity is the ink, unless it is a
    card with something on it.
    """
    if picture.mode == "RGBA":
        opacity = np.asarray(picture.getchannel("A"))
        if middle(border(opacity)) < 8:
            card = _card(picture, opacity)
            if card is None:
                return 255 - opacity
            picture = card
        else:
            ground = [round(middle(border(np.asarray(band)))) for band in picture.split()[:3]]
            paper = Image.new("RGBA", picture.size, (ground[0], ground[1], ground[2], 255))
            picture = Image.alpha_composite(paper, picture)
        picture = picture.convert("RGB")
    bands = [picture.convert("L"), *(picture.split() if picture.mode == "RGB" else ())]
    spreads = [_spread(band) for band in bands]
    best = int(np.argmax(spreads))
    return np.asarray(bands[best if spreads[best] > 2 * spreads[0] else 0])


def _spread(band: Image.Image) -> float:
    """How far from the border's brightness the band goes, but for single pixels."""
    smooth = np.asarray(band.filter(ImageFilter.BoxBlur(1)), np.float32)
    return float(np.abs(smooth - middle(border(smooth))).max())


def _card(picture: Image.Image, opacity: Gray) -> Image.Image | None:
    """What is opaque, cut out, where it is a card with something on it and not the ink itself."""
    pieces = pieces_of(opacity > 127)
    which = _quadrilateral(pieces)
    if which is None:
        return None
    colours, filled = np.asarray(picture.convert("RGB")), pieces.filled(which)
    gray = np.asarray(picture.convert("L"), np.float32)[filled]
    if (np.abs(gray - middle(gray)) > 40).mean() < 0.002:
        return None
    ground = np.median(colours[filled], axis=0).astype(np.uint8)
    inside = ~grown(~filled, 2)
    return Image.fromarray(np.where(inside[..., None], colours, ground)[pieces.box(which)])


def _quadrilateral(pieces: Pieces) -> int | None:
    """The largest piece, where it is a quadrilateral that little is missing of, as a sheet with writing is."""
    if not len(pieces.area):
        return None
    which = int(np.argmax(pieces.area))
    shorter, longer = sorted((int(pieces.height[which]), int(pieces.width[which])))
    filled = pieces.filled(which)
    is_full = pieces.area[which] >= 0.75 * filled.sum() and shorter >= 12 and longer <= 3 * shorter
    return which if is_full and marks.likeness(filled, pieces.corners(which)) >= marks.SQUARE else None


def sheet_in(gray: Gray) -> Gray | None:
    """The sheet or card alone, where one lies on a ground that shows all around it, and is written on; else None."""
    around = border(gray)
    ground = middle(around)
    if (np.abs(around - ground) < EDGE).mean() < GROUND:
        return None
    for extreme in np.percentile(gray, [95, 5]).tolist():
        if abs(extreme - ground) >= EDGE:
            between = (extreme + ground) / 2
            pieces = pieces_of(gray > between if extreme > ground else gray < between)
            sheet = _sheet(gray, pieces, abs(extreme - ground))
            if sheet is not None:
                return sheet
    return None


def _sheet(gray: Gray, pieces: Pieces, contrast: float) -> Gray | None:
    """The largest piece, where it is a sheet that differs so much from its ground all around."""
    which = _quadrilateral(pieces)
    if which is None or pieces.area[which] < SHEET * gray.size or (marks.contacts(pieces)[:, which] > 0).sum() > 1:
        return None
    filled = pieces.filled(which)
    rim = max(2, int(min(pieces.height[which], pieces.width[which])) // 40)
    inside = ~grown(~filled, rim)
    inner, outer = inside & grown(~inside, rim), grown(filled, 2 * rim) & ~grown(filled, rim)
    if not outer.any() or abs(middle(gray[inner]) - middle(gray[outer])) < 0.6 * contrast:
        return None
    paper = middle(gray[inside])
    marked = np.abs(gray[inside] - np.float32(paper)) > 0.35 * contrast
    if not 0.001 < marked.mean() < 0.4:
        return None
    return np.where(inside, gray, np.uint8(paper))[pieces.box(which)]


def cut_out(gray: Gray) -> list[Step] | None:
    """The last steps, where the picture is tiny, or is a digit cut out, whose ink reaches every side.

    Ink is then simply what differs from the border's brightness.
    """
    contrast = np.abs(gray.astype(np.float32) - middle(border(gray)))
    level = float(contrast.max())
    if min(gray.shape) >= TINY and not (level >= LEAST and _reaches_all_sides(contrast >= FIRM * level)):
        return None
    ink = _inked(contrast, contrast >= max(FAINTEST * level, 1.0), max(level, 1.0))
    return [Step("contrast", np.rint(contrast).astype(np.uint8)), Step("digit", fitted(ink))]


def _reaches_all_sides(mask: Mask) -> bool:
    """Whether what is large in the mask lies along the sides, along each some, and may be strokes."""
    pieces, (height, width) = pieces_of(mask), mask.shape
    margin = MARGIN * max(mask.shape)
    near = [pieces.top <= margin, pieces.left <= margin]
    touches = np.stack([*near, pieces.bottom >= height - margin, pieces.right >= width - margin])
    large = pieces.extent >= LARGE * max(mask.shape)
    if not touches[:, large].any(axis=1).all() or not touches[:, large].any(axis=0).all():
        return False
    return not (
        is_broad(mask, marks.BROADEST) or marks.is_strip(pieces)[large].any() or marks.lines(pieces, large) is not None
    )


def written(gray: Gray, is_dark: bool) -> Written:
    """The ink that is darker than the paper, or lighter."""
    shown = gray if is_dark else 255 - gray
    contrast, least = _contrast(shown, is_dark)
    seen = Step("contrast", np.rint(contrast).astype(np.uint8))
    grain = grain_of(gray)
    mask, level = _mask(contrast, grain, least)
    ink = Step("ink", _inked(contrast, mask, level))
    if not is_sheet(gray):
        return Written([seen, Step("digit", fitted(ink.left))], level, False)
    is_cut = False  # whether what was taken away may have left a rim along the border
    for find in [marks.lines, marks.frame, marks.hanging] * 2:
        pieces = pieces_of(mask)
        gone = find(pieces, _firm(pieces, contrast, level))
        if gone is not None:
            is_cut |= find is marks.hanging and gone.mean() > RIMMED
            contrast = np.where(gone, 0, contrast)
            mask, level = _mask(contrast, grain, least)
    pieces = pieces_of(mask)
    firm = _firm(pieces, contrast, level)
    if is_cut:
        firm &= ~(marks.contacts(pieces) > 0).any(axis=0)
    if firm.any():
        firm &= ~marks.specks(pieces, firm)
    digit = Step("digit", fitted(_inked(contrast, pieces.mask(firm), level)))
    return Written([seen, ink, digit], level, not firm.any() or bool((firm & marks.along_border(pieces)).any()))


def _contrast(shown: Gray, is_lit: bool) -> tuple[Surface, float]:
    """How much darker than the paper each pixel is, 0 to 255, and how much ink must be at least.

    Where `is_lit`, brightness is that of light, which falls on paper and ink alike: what counts is their ratio.
    """
    paper = paper_of(shown)
    contrast = (paper - shown).clip(min=0)
    strokes = contrast > FIRM * max(_level(contrast), 1.0)
    paper = paper_of(shown, grown(strokes, max(1, max(shown.shape) // 150)))
    contrast = paper - shown
    is_uneven = float(np.ptp(paper)) > 0
    if is_uneven:
        if is_lit:
            contrast *= np.float32(max(middle(paper), 1.0)) / np.maximum(paper, 32)
        faint = contrast[contrast < FIRM * max(_level(contrast.clip(min=0)), 1.0)]
        contrast -= np.float32(max(middle(faint), 0.0))
    return contrast.clip(0, 255), LEAST_UNEVEN if is_uneven else LEAST


def _level(contrast: Surface) -> float:
    """How much the ink differs from the paper: most of what differs most, single pixels aside."""
    radius = max(1, round(min(contrast.shape) / 150))
    smooth = np.asarray(Image.fromarray(contrast.astype(np.uint8)).filter(ImageFilter.BoxBlur(radius)))
    strongest = contrast[smooth > smooth.max() / 2]
    return float(np.percentile(strongest, 90)) if strongest.size else 0.0


def _mask(contrast: Surface, grain: float, least: float) -> tuple[Mask, float]:
    """Where there is ink, (H, W), and how much it differs from the paper."""
    level = _level(contrast)
    if level < max(least, 1.5 * NOISE * grain):
        return np.zeros(contrast.shape, bool), 1.0
    mask = contrast > min(max(FAINTEST * level, NOISE * grain), FIRM * level)
    return mask & grown(contrast > FIRM * level, max(2, round(NEAR * min(contrast.shape)))), level


def _firm(pieces: Pieces, contrast: Surface, level: float) -> Mask:
    """(P,): which pieces differ from the paper as ink does, somewhere."""
    strong = np.pad(np.cumsum(contrast > FIRM * level, axis=1), ((0, 0), (1, 0)))
    in_run: NDArray[np.int64] = strong[pieces.row, pieces.end] - strong[pieces.row, pieces.start]
    firm: Mask = np.bincount(pieces.piece, in_run, len(pieces.area)) > 0
    return firm


def _inked(contrast: Surface, mask: Mask, level: float) -> Gray:
    """The ink of the mask: 255 where it differs from the paper as most ink does."""
    return np.where(mask, np.rint((contrast * (255 / level)).clip(max=255)), 0).astype(np.uint8)


def fitted(ink: Gray) -> Gray:
    """The ink on no more paper than `to_mnist` takes, small ink on a large page cut out; of few pixels, enlarged."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return ink
    top, bottom, left, right = (int(end) for end in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    side = max(bottom - top, right - left)
    if side < FEW:
        return _enlarged(np.pad(ink[top:bottom, left:right], 2))
    if side >= SMALLEST * min(ink.shape):
        return ink
    return np.pad(ink[top:bottom, left:right], side // 2)


def _enlarged(ink: Gray) -> Gray:
    """Ink of few pixels on more of them, its outline as sharp as a pen's."""
    times = -(-4 * FEW // max(ink.shape))
    size = (ink.shape[1] * times, ink.shape[0] * times)
    gray = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC), np.float32)
    steeper: Gray = np.rint(((gray - 128) * STEEP + 128).clip(0, 255)).astype(np.uint8)
    return steeper
