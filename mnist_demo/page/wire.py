"""The server's half of the live layer: pen strokes in, readings out, as often as the page asks.

Knows: the wire between page and server, and its bounds. Holds no state: each request carries the whole drawing, so
any number of visitors, threads and replicas can answer. Does not know: the page's looks.

The wire: {"base": "", "strokes": [[width, erase, x, y, dx, dy, dx, dy, ...], ...]}, in whole pixels of the pad's
canvas; each stroke goes from (x, y) by steps. `base` is a picture to draw upon, as `pack` made it: what the pad itself
held, where that was found to differ from the strokes.
"""

import base64
import binascii
import io
import zlib
from typing import Any

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray
from PIL import Image

from mnist_demo.strokes import Stroke, draw

SIDE = 280  # of the pad's own canvas, and of what strokes are drawn on here, pixels
MOST_STROKES = 400
MOST_NUMBERS = 20_000  # in all strokes together
MOST_LENGTH = 20_000  # pixels, of all strokes together: two minutes of scribbling
MOST = {"strokes": MOST_STROKES, "numbers": MOST_NUMBERS, "length": MOST_LENGTH}  # for the page to keep to
FARTHEST = 4 * SIDE  # pixels; a step or a point beyond is no pen's
NARROWEST, WIDEST = 6, 100  # pixels, of a line; the page offers 6 to 60
MOST_BASE = 16_384  # characters
MOST_PICTURE = 200_000  # characters


def ink_of(drawing: Any) -> NDArray[np.uint8]:
    """The ink (SIDE, SIDE) of a drawing from the wire. Raises HTTPException (422) where it is not one."""
    try:
        strokes = strokes_of(drawing["strokes"])
        base = unpack(drawing["base"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HTTPException(422, f"not a drawing: {error}") from None
    return draw(strokes, SIDE, base)


def strokes_of(lists: Any) -> list[Stroke]:
    """The strokes of a drawing from the wire. Raises ValueError or TypeError where they are none."""
    if not isinstance(lists, list) or len(lists) > MOST_STROKES:
        raise ValueError(f"strokes must be a list of at most {MOST_STROKES}")
    if sum(map(len, lists)) > MOST_NUMBERS:
        raise ValueError(f"strokes must hold at most {MOST_NUMBERS} numbers")
    strokes = [stroke_of(numbers) for numbers in lists]
    if sum(abs(number) for numbers in lists for number in numbers[4:]) > MOST_LENGTH:
        raise ValueError(f"strokes must be at most {MOST_LENGTH} pixels long")
    return strokes


def stroke_of(numbers: Any) -> Stroke:
    """One stroke from the wire. Raises ValueError where it is none."""
    if not isinstance(numbers, list) or len(numbers) < 4 or len(numbers) % 2:
        raise ValueError("a stroke is a width, an erase flag, a point and steps")
    if not all(type(number) is int and abs(number) <= FARTHEST for number in numbers):
        raise ValueError(f"a stroke holds whole numbers up to {FARTHEST}")
    width, erase, *steps = numbers
    if not NARROWEST <= width <= WIDEST or erase not in (0, 1):
        raise ValueError("a stroke's width or erase flag is out of range")
    points = np.array(steps, np.float32).reshape(-1, 2).cumsum(axis=0)
    return Stroke(points.astype(np.float32), width, bool(erase))


def pack(ink: NDArray[np.uint8]) -> str:
    """A picture (SIDE, SIDE) as text that `unpack` reads: one bit a pixel, deflated."""
    return base64.b64encode(zlib.compress(np.packbits(ink > 127).tobytes())).decode()


def unpack(text: Any) -> NDArray[np.uint8] | None:
    """What `pack` packed; None for "". Raises ValueError where it did not."""
    if text == "":
        return None
    if not isinstance(text, str) or len(text) > MOST_BASE:
        raise ValueError("base is not a packed picture")
    try:
        size = SIDE * SIDE // 8
        bits = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size)
    except (binascii.Error, zlib.error):
        raise ValueError("base is not a packed picture") from None
    if len(bits) != size:
        raise ValueError("base is not a packed picture")
    return np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(SIDE, SIDE) * np.uint8(255)


def ink_of_picture(text: Any) -> NDArray[np.uint8]:
    """The ink (H, W) of the pad's own drawing, base64 of a PNG. Raises HTTPException (422) where it is not one."""
    content = decoded(text, MOST_PICTURE)
    try:
        picture = Image.open(io.BytesIO(content), formats=["PNG"])
        if max(picture.size) > 4 * SIDE:
            raise ValueError(f"larger than {4 * SIDE} pixels a side")
        rgba = np.asarray(picture.convert("RGBA"), np.float32)
    except Exception:  # of a damaged picture Pillow raises whatever its decoder meets
        raise HTTPException(422, f"not a picture: a PNG of at most {4 * SIDE} pixels a side is wanted") from None
    luminance = rgba[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    ink: NDArray[np.uint8] = np.rint((255 - luminance) * rgba[..., 3] / 255).astype(np.uint8)
    return ink


def decoded(text: Any, most: int) -> bytes:
    """What base64 of at most so many characters says. Raises HTTPException (422) where it is not that."""
    if not isinstance(text, str) or len(text) > most:
        raise HTTPException(422, f"not a picture: base64 of at most {most} characters is wanted")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise HTTPException(422, "not a picture: no base64") from None


def at_side(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The ink as (SIDE, SIDE): a sharp screen's editor draws more pixels."""
    return np.asarray(Image.fromarray(ink).resize((SIDE, SIDE), Image.Resampling.BOX))
