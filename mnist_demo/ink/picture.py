"""Ink from a picture: a photo, a scan, a screenshot, or a drawing program's file. NumPy, OpenCV and Pillow.

These are the steps from a picture to ink; `background` knows how paper looks, `artifacts` which components are not
strokes. Where a picture can be read in two ways, the simpler one wins: no step removes everything, and what might be a
second digit is left for the network to reject.
"""

import warnings
from os import PathLike
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    ImageOps,
    ImageSequence,
    TiffImagePlugin,  # noqa: F401  # imported here, because otherwise Pillow loads all its plugins to find this one,
    WebPImagePlugin,  # noqa: F401  # and this one
)
from PIL.JpegImagePlugin import JpegImageFile

from mnist_demo.ink import artifacts
from mnist_demo.ink.background import (
    TINY,
    Gray,
    Surface,
    border,
    grain_of,
    is_colourful,
    is_dark_on_light,
    is_sheet,
    median,
    paper_of,
    sheet_in,
    sheet_region,
)
from mnist_demo.ink.components import Components, Mask, dilated, eroded, is_noise

MAX_SIDE_PIXELS = 1200  # a larger picture is reduced first
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # Pillow's other decoders are never used
MAX_PIXELS = 100_000_000  # of a picture: decoding more takes gigabytes
JPEG_FACTOR = 3.25  # a JPEG may have this many times MAX_PIXELS, because it is reduced while it is decoded
MAX_FRAMES, MAX_FRAMES_PIXELS = 50, 20_000_000  # of an animation: later frames are ignored

FAINTEST = 0.25  # of the ink's contrast: what differs less from the paper is paper
FIRM = 0.5  # of the ink's contrast: a component that nowhere reaches it is not ink
REMOVED = 0.35  # of the contrast of removed artifacts: a fainter remainder is not ink
NEAR = 0.05  # of the shorter side: faint pixels are ink up to this far from firm ones
NOISE = 4.0  # standard deviations of the paper's grain: ink differs by more
LEAST, LEAST_UNEVEN = 3.0, 16.0  # of 255: the faintest ink in even light, and in uneven light
UNEVEN = 8.0  # of 255: paper that varies by this much is unevenly lit
LEAST_SHARE = 0.25  # of the variation of unevenly lit paper: the faintest ink
COARSE = 3.0  # of 255: grain with this standard deviation or more is smoothed
MARGIN = 0.05  # of the longer side: the widest margin around a digit that was cut out
LARGE = 0.15  # of the longer side: the least extent of a large component
SMALLEST = 0.25  # of the shorter side: smaller ink is cut out
FEW = 14  # pixels: smaller ink is enlarged
STEEP = 1.5  # the factor by which an enlarged outline is made steeper


class Step(NamedTuple):
    """One step from a picture to ink, and its result."""

    name: str
    left: NDArray[np.uint8]  # (H, W), or (H, W, 3) if in colour


class Found(NamedTuple):
    """The ink on paper, under the assumption that ink is darker than paper, or that it is lighter."""

    steps: list[Step]  # contrast, ink, digit
    level: float  # how much the ink differs from the paper, 0 to 255
    is_doubtful: bool  # True if there is no ink, or it may be something else
    is_free: bool  # True if it does not touch the border


def open_picture(
    file: str | PathLike[str] | BinaryIO, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Return the picture in a file, upright, at most MAX_SIDE_PIXELS a side.

    Only the decoders of FORMATS are tried. The file is opened once, so that the file checked is the file decoded.

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
            picture.draft(None, _bounded(picture.size))  # JPEG can be reduced while it is decoded
            return upright(picture)
    except Exception as error:  # for a damaged file Pillow's decoders raise errors of many types
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
    """Return the ink (H, W) uint8, 255 = ink, of the digit in a picture, dark on light or light on dark; zeros if none.

    Around a small digit on a large page, no more of the page is kept than the margin that `to_mnist` needs.
    """
    return cleaning_steps(picture)[-1].left


def cleaning_steps(picture: Image.Image) -> list[Step]:
    """Return the steps from a picture to its ink, each with its result; the last result is `ink_of`."""
    shown = upright(picture)
    gray = brightness(shown)
    left = [Step("upright", np.asarray(shown.convert("RGB"))), Step("brightness", gray)]
    for _ in range(2):  # a sheet on a desk, perhaps with a card on it
        inner = sheet_in(gray)
        if inner is None:
            break
        gray = inner
        left.append(Step("sheet", gray))
    whole = cut_out(gray)
    if whole is not None:
        return left + whole
    if grain_of(gray) > COARSE:
        gray = np.asarray(cv2.medianBlur(gray, 3 if min(gray.shape) < 200 else 5), np.uint8)
    is_dark = is_dark_on_light(gray)
    if is_colourful(left[0].left) or not is_sheet(gray if is_dark else 255 - gray):
        return [*left, Step("digit", np.zeros_like(gray))]
    found = ink_in(gray, is_dark)
    if found.is_doubtful:
        other = ink_in(gray, not is_dark)
        if not other.is_doubtful and other.is_free and other.level > 0.5 * found.level:
            found = other
    return left + found.steps


def upright(picture: Image.Image) -> Image.Image:
    """Return the picture turned as its camera says, at most MAX_SIDE_PIXELS a side, as L, RGB or RGBA of eight bits."""
    plain = eight_bits(ImageOps.exif_transpose(frame_with_most_ink(picture)))
    size = _bounded(plain.size)
    return plain if size == plain.size else plain.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    shrunk = min(1.0, MAX_SIDE_PIXELS / max(size))
    return max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk))


def frame_with_most_ink(picture: Image.Image) -> Image.Image:
    """Return the frame of an animation that varies most, or the picture itself if it is not an animation."""
    if picture.format not in ("GIF", "PNG", "WEBP") or not getattr(picture, "is_animated", False):
        return picture
    most, best = -1.0, picture
    for number, frame in enumerate(ImageSequence.Iterator(picture)):
        if number and (number >= MAX_FRAMES or number * frame.width * frame.height > MAX_FRAMES_PIXELS):
            break
        plain = frame.convert("RGBA")
        spread = float(np.asarray(plain).std(axis=(0, 1)).max())
        if spread > most:
            most, best = spread, plain
    return best


def eight_bits(picture: Image.Image) -> Image.Image:
    """Return the picture as L, RGB or RGBA; values beyond 0 to 255 are scaled from their darkest to their brightest."""
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    if picture.mode.startswith(("I", "F")):  # which Pillow would cut at 255
        values = np.asarray(picture).astype(np.float32)
        finite = np.isfinite(values)
        low, high = np.percentile(values[finite], [0.01, 99.99]) if finite.any() else (0.0, 1.0)
        shares = (np.where(finite, values, low) - low) / ((high - low) or 1.0)
        return Image.fromarray(np.rint(255 * shares.clip(0, 1)).astype(np.uint8))
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def brightness(picture: Image.Image) -> Gray:
    """Return the brightness (H, W): luminance, or a colour channel in which ink and paper differ twice as much.

    If the border is transparent, opacity is the ink, unless the opaque part is a card with something on it.
    """
    if picture.mode == "RGBA":
        opacity = np.asarray(picture.getchannel("A"))
        if median(border(opacity)) < 8:
            card = _card(picture, opacity)
            if card is None:
                return 255 - opacity
            picture = card
        else:
            ground = [round(median(border(np.asarray(band)))) for band in picture.split()[:3]]
            paper = Image.new("RGBA", picture.size, (ground[0], ground[1], ground[2], 255))
            picture = Image.alpha_composite(paper, picture)
        picture = picture.convert("RGB")
    bands = [np.asarray(band) for band in (picture.convert("L"), *(picture.split() if picture.mode == "RGB" else ()))]
    spreads = [_spread(band) for band in bands]
    best = int(np.argmax(spreads))
    return bands[best if spreads[best] > 2 * spreads[0] else 0]


def _spread(band: Gray) -> float:
    """Return how far the band strays from the border's brightness, ignoring single pixels."""
    smooth = cv2.blur(band, (3, 3)).astype(np.float32)
    return float(np.abs(smooth - median(border(smooth))).max())


def _card(picture: Image.Image, opacity: Gray) -> Image.Image | None:
    """Return the opaque part, cut out, if it is a card with something on it and not the ink itself."""
    region = sheet_region(opacity > 127)
    if region is None:
        return None
    colours = np.asarray(picture.convert("RGB"))
    gray = np.asarray(picture.convert("L"), np.float32)[region.mask]
    if (np.abs(gray - median(gray)) > 40).mean() < 0.002:
        return None
    ground = np.median(colours[region.mask], axis=0).astype(np.uint8)
    y, x = np.nonzero(region.mask)
    inside = eroded(region.mask, 2)[..., None]
    return Image.fromarray(np.where(inside, colours, ground)[y.min() : y.max() + 1, x.min() : x.max() + 1])


def cut_out(gray: Gray) -> list[Step] | None:
    """Return the last steps if the picture is tiny, or is a digit that was cut out, with ink reaching its sides.

    Ink is what differs from the border's median. In a tiny picture, it is what differs from the darkest or brightest
    pixel, whichever is nearer to the border.
    """
    is_tiny, along, paper = min(gray.shape) < TINY, border(gray), median(border(gray))
    if is_tiny:
        paper = float(min((gray.min(), gray.max()), key=lambda extreme: abs(along.mean() - extreme)))
    contrast = np.abs(gray.astype(np.float32) - paper)
    level = float(contrast.max())
    if not is_tiny and not (level >= LEAST and _reaches_the_sides(contrast / max(level, 1.0))):
        return None
    ink = _inked(contrast, contrast >= max(FAINTEST * level, 1.0), max(level, 1.0))
    return [Step("contrast", np.rint(contrast).astype(np.uint8)), Step("digit", fitted(ink))]


def _reaches_the_sides(contrast: Surface) -> bool:
    """Return if the large components of a contrast, 0 to 1, reach all sides (one of them nearly) and may be strokes."""
    mask = contrast >= FIRM
    if is_noise(mask):
        return False
    components, (height, width) = Components.of(mask), mask.shape
    large = components.extent >= LARGE * max(mask.shape)
    if not large.any():
        return False
    gaps = np.stack([components.top, components.left, height - components.bottom, width - components.right])[:, large]
    margins = np.sort(gaps.min(axis=1))
    reaches = (gaps <= MARGIN * max(mask.shape)).any(axis=0).all()
    if not reaches or (margins[2:] > np.array([1, 2.5]) * MARGIN * max(mask.shape)).any():
        return False
    is_side = (components.contacts >= 0.6 * np.array([[width], [height]] * 2)).any()
    return not (is_side or artifacts.is_broad(mask) or artifacts.lines(contrast >= FAINTEST) is not None)


def ink_in(gray: Gray, is_dark: bool) -> Found:
    """Return the ink that is darker than the paper if `is_dark`, else the ink that is lighter."""
    shown = gray if is_dark else 255 - gray
    contrast, least = _contrast(shown, is_dark)
    seen = Step("contrast", np.rint(contrast).astype(np.uint8))
    grain = grain_of(gray)
    mask, level = _mask(contrast, grain, least)
    ink = Step("ink", _inked(contrast, mask, level))
    if is_noise(mask):
        return Found([seen, ink, Step("digit", np.zeros_like(gray))], level, True, True)
    whole = level
    for find in (artifacts.lines, artifacts.frame, artifacts.outside):
        gone = find(mask if find is artifacts.lines else _firm(contrast, mask, level))
        if gone is not None:
            contrast = np.where(gone, 0, contrast)
            mask, level = _mask(contrast, grain, least)
            mask = mask & ~artifacts.residue(mask, gone) if find is artifacts.outside else mask
    strong = mask & (contrast > FIRM * level)
    components = Components.of(_firm(contrast, mask, level))
    firm = np.zeros(len(components.area), bool)
    firm[components.labels[strong] - 1] = True
    is_doubtful = not firm.any() or level < REMOVED * whole
    if not is_doubtful:
        firm, is_doubtful = artifacts.digit(components, firm)
    digit = _inked(contrast, components.mask(firm), level)
    if is_doubtful:
        digit = np.zeros_like(digit)
    return Found([seen, ink, Step("digit", fitted(digit))], level, is_doubtful, not border(digit).any())


def _firm(contrast: Surface, mask: Mask, level: float) -> Mask:
    """Return the pixels of the mask that lie near a pixel as strong as ink."""
    return mask & dilated(contrast > FIRM * level, max(2, round(NEAR * min(mask.shape))))


def _contrast(shown: Gray, is_lit: bool) -> tuple[Surface, float]:
    """Return how much darker than the paper each pixel (H, W) is, 0 to 255, and the least contrast of ink.

    If `is_lit`, the picture shows light that falls on paper and ink alike, so their ratio counts.
    """
    paper = paper_of(shown)
    contrast = paper - shown
    if is_lit:
        contrast *= np.float32(max(median(paper), 1.0)) / np.maximum(paper, 32)
    faint = contrast[contrast < FIRM * max(_level(contrast.clip(min=0)), 1.0)]
    contrast -= np.float32(max(median(faint), 0.0))
    spread = float(np.ptp(paper))
    return contrast.clip(0, 255), LEAST if spread < UNEVEN else max(LEAST_UNEVEN, LEAST_SHARE * spread)


def _level(contrast: Surface) -> float:
    """Return how much the ink differs from the paper: the 90th percentile of the strongest areas, ignoring single
    pixels.
    """
    side = 2 * max(1, round(min(contrast.shape) / 150)) + 1
    smooth = cv2.blur(contrast, (side, side))
    strongest = contrast[smooth > smooth.max() / 2]
    return float(np.percentile(strongest, 90)) if strongest.size else 0.0


def _mask(contrast: Surface, grain: float, least: float) -> tuple[Mask, float]:
    """Return the pixels (H, W) that are ink, and how much the ink differs from the paper."""
    level = _level(contrast)
    if level < max(least, 1.5 * NOISE * grain):
        return np.zeros(contrast.shape, bool), 1.0
    return contrast > min(max(FAINTEST * level, NOISE * grain), FIRM * level), level


def _inked(contrast: Surface, mask: Mask, level: float) -> Gray:
    """Return the ink of the mask (H, W): 255 at a pixel that differs from the paper by `level` or more."""
    return np.where(mask, np.rint((contrast * (255 / level)).clip(max=255)), 0).astype(np.uint8)


def fitted(ink: Gray) -> Gray:
    """Return the ink with no more paper than `to_mnist` needs; enlarged if it has few pixels."""
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
    """Return ink of few pixels on a larger grid, with an outline as sharp as a pen's."""
    times = -(-4 * FEW // max(ink.shape))
    gray = cv2.resize(ink, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    steeper: Gray = np.rint(((gray - 128) * STEEP + 128).clip(0, 255)).astype(np.uint8)
    return steeper
