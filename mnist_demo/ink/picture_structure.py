"""Count the parts of a picture file without decoding it: a JPEG's scans and segments, a PNG's chunks, a GIF's blocks.

A decoder spends time on every part, however little it holds. Photos have few parts.
"""

import re

MAX_SCANS = 100  # of a JPEG; encoders write at most 20
MAX_PARTS = 10_000  # segments, chunks, or blocks before the first frame; photos have at most 3,000

JPEG, PNG, GIF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8"
MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")  # with a length behind it, or END_OF_IMAGE
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
EXTENSION, FRAMES = 0x21, b",;"  # of a GIF: an extension begins; a frame begins, or the file ends


def check_structure(content: bytes) -> None:
    """Raise ValueError, in one line, if the file has more parts than any photo. Damage is left to the decoder."""
    if content.startswith(JPEG):
        parts, scans = _jpeg(content)
        if scans > MAX_SCANS:
            raise ValueError(f"image: too complex: a JPEG may have at most {MAX_SCANS} scans")
    elif content.startswith(PNG):
        parts = _png(content)
    else:
        parts = _gif(content) if content.startswith(GIF) else 0
    if parts > MAX_PARTS:
        raise ValueError(f"image: too complex: a picture may have at most {MAX_PARTS:,} segments, chunks or blocks")


def _jpeg(content: bytes) -> tuple[int, int]:
    """Count the segments and scans of a JPEG."""
    parts, scans, at = 0, 0, len(JPEG)
    while parts <= MAX_PARTS and scans <= MAX_SCANS and (marker := MARKER.search(content, at)):
        code = content[marker.start() + 1]
        if code == END_OF_IMAGE:
            break
        parts += 1
        scans += code == START_OF_SCAN
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])
    return parts, scans


def _png(content: bytes) -> int:
    """Count the chunks of a PNG."""
    parts, at = 0, len(PNG)
    while parts <= MAX_PARTS and at < len(content) and content[at + 4 : at + 8] != b"IEND":
        parts, at = parts + 1, at + 12 + int.from_bytes(content[at : at + 4])
    return parts


def _gif(content: bytes) -> int:
    """Count the blocks of the extensions before a GIF's first frame, and the stray bytes, which decoders skip."""
    flags = content[10] if len(content) > 10 else 0
    parts, at = 0, 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while parts <= MAX_PARTS and at < len(content) and content[at] not in FRAMES:
        is_extension = content[at] == EXTENSION
        parts, at = parts + 1, at + (2 if is_extension else 1)
        while is_extension and parts <= MAX_PARTS and at < len(content):
            is_extension = content[at] > 0  # the last block is empty
            parts, at = parts + 1, at + 1 + content[at]
    return parts
