"""The ink of a photo, as the pad takes it."""

import base64
import binascii
import io
import zlib
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from mnist_demo.page.engine import Function, Functions, Question
from mnist_demo.pictures import ink_of, open_picture

SIDE = 280  # pixels of the pad
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]
MAX_SIDE = 1200  # pixels of a picture from the browser, which makes larger ones smaller
MAX_CHARACTERS = 200_000
INK_HEIGHT = 200  # pixels of the pad that the ink of a picture reaches


class Photo(Question):
    """A picture that somebody chose, dropped or pasted."""

    picture: Annotated[str, Field(max_length=MAX_CHARACTERS)]  # base64 of a file


def functions() -> Functions:
    """Return what the browser may ask."""
    return {"ink_of_photo": Function(Photo, lambda photo: {"ink": ink_on_pad(photo.picture)})}


def ink_on_pad(picture: str) -> str | None:
    """Return the ink of a picture in the middle of a pad, packed; "" if there is none; None if it cannot be read."""
    try:
        content = base64.b64decode(picture, validate=True)
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if max(opened.size) > MAX_SIDE:
                return None
        ink = ink_of(open_picture(io.BytesIO(content)))
    except (OSError, ValueError, binascii.Error, Image.DecompressionBombError):
        return None
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return ""
    box = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = INK_HEIGHT / max(box.size)
    box = box.resize((max(1, round(box.width * scale)), max(1, round(box.height * scale))))
    pad = Image.new("L", (SIDE, SIDE))
    pad.paste(box, ((SIDE - box.width) // 2, (SIDE - box.height) // 2))
    return packed(np.asarray(pad))


def packed(ink: NDArray[np.uint8]) -> str:
    """Return ink (SIDE, SIDE) as base64 of one bit a pixel, deflated."""
    return base64.b64encode(zlib.compress(np.packbits(ink > 127).tobytes())).decode()
