"""Ink from a picture: a photo, a scan, a screenshot, or what a drawing program saved.

Knows: what in a picture is paper. Does not know: digits, or networks.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

LARGEST = 2000  # pixels a side; a larger picture is made smaller first, for it would take seconds and gigabytes


def open_picture(path: str) -> Image.Image:
    """The picture in that file, upright, at most LARGEST pixels a side.

    Raises ValueError, in one line that names the file, where there is none that can be read.
    """
    try:
        picture = Image.open(path)
        picture.thumbnail((LARGEST, LARGEST))
        return ImageOps.exif_transpose(picture)
    except Exception as error:  # of a damaged file Pillow raises whatever its decoder meets
        reason = error if isinstance(error, OSError) and error.strerror else "no image that can be read"
        raise ValueError(f"{path}: {reason}") from None


def ink_of(picture: Image.Image) -> NDArray[np.uint8]:
    """The ink (H, W) in a picture, dark on light or light on dark: how far each pixel is from the paper's colour.

    The paper is what the picture's border mostly shows. Where that is transparent, what is not transparent is
    ink. What differs from the paper by less than a quarter of what the darkest ink does is taken for paper, so
    that shadows and compression leave no marks.
    """
    if picture.mode in ("I;16", "I", "F"):  # which Pillow would cut at 255
        values = np.asarray(picture, np.float64).clip(min=0)
        picture = Image.fromarray(np.rint(255 * values / max(values.max(), 1e-9)).astype(np.uint8))
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.int32)
    opacity = rgba[..., 3]
    luminance = np.asarray(picture.convert("RGB").convert("L"), dtype=np.int32)
    contrast = opacity if _paper(opacity) == 0 else np.abs(luminance - _paper(luminance)) * opacity // 255
    contrast[contrast < contrast.max() / 4] = 0
    return contrast.astype(np.uint8)


def _paper(values: NDArray[np.int32]) -> int:
    return int(np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])))
