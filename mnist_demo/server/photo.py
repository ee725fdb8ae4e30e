"""The ink of a photo, scaled for the pad."""

import base64
import binascii
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from mnist_demo.server.engine import Function, Functions, Question
from mnist_demo.server.picture_process import Pictures

SIDE = 280  # pixels of the pad
MAX_CHARACTERS = 200_000
INK_PIXELS = 200  # of the pad: the longer side of a photo's ink


class Photo(Question):
    """A picture that was chosen, dropped or pasted."""

    picture: Annotated[str, Field(max_length=MAX_CHARACTERS)]  # base64 of a file


def functions(pictures: Pictures) -> Functions:
    """Return the requests that the browser may send."""

    async def ink_of_photo(photo: Photo) -> dict[str, Any]:
        try:
            return {"ink": on_pad(await pictures.ink_of(base64.b64decode(photo.picture, validate=True)))}
        except (ValueError, binascii.Error):
            return {"ink": None}

    return {"ink_of_photo": Function(Photo, ink_of_photo)}


def on_pad(ink: NDArray[np.uint8]) -> str:
    """Return the ink (H, W) of a photo in the middle of a pad, packed; "" if it is blank.

    The packed form is one bit per pixel, deflated, in base64.
    """
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return ""
    box = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = INK_PIXELS / max(box.size)
    box = box.resize((max(1, round(box.width * scale)), max(1, round(box.height * scale))))
    pad = Image.new("L", (SIDE, SIDE))
    pad.paste(box, ((SIDE - box.width) // 2, (SIDE - box.height) // 2))
    return base64.b64encode(zlib.compress(np.packbits(np.asarray(pad) > 127).tobytes())).decode()
