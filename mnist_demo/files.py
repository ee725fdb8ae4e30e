"""Files read and written whole, or not at all.

Knows: what happens to files where processes are killed, disks are full, and several write at once. Does not know:
what is in them.
"""

import contextlib
import glob
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

PART = ".part"  # ends the name of a file that is being written
ABANDONED = 60  # seconds since anything was written to it, after which such a file is a killed process's
MOST_BYTES = 2**26  # of a file that is read: more than any of ours has


def read_whole(path: Path) -> bytes:
    """The content of a file, read in one go, for another process may replace it meanwhile.

    Raises OSError where it cannot be read, is no regular file, or has more than MOST_BYTES.
    """
    with open_regular(path) as file:
        return file.read()


def open_regular(path: Path) -> BinaryIO:
    """Open a file to be read. Raises OSError as `read_whole` does: a pipe or a device could keep a reader for ever."""
    file = open(path, "rb", opener=_without_waiting)
    found = os.fstat(file.fileno())
    is_regular = stat.S_ISREG(found.st_mode)
    if is_regular and found.st_size <= MOST_BYTES:
        return file
    file.close()
    raise OSError(f"{path} is larger than {MOST_BYTES} bytes" if is_regular else f"{path} is no regular file")


def place_of(path: Path) -> Path:
    """Where a file written to `path` comes to lie: links are followed.

    Raises OSError where something that is no regular file is there.
    """
    place = Path(os.path.realpath(path))
    if os.path.lexists(place) and not place.is_file():
        raise OSError(f"{path} is {'a folder' if place.is_dir() else 'no regular file'}: name a file")
    return place


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside `path`, then renames: whoever reads it finds the old file or the new one. Links are followed.

    Raises OSError, in one line that names the file, where it cannot be written; the old one is as it was, then.
    """
    place = place_of(path)
    clear_away(place)
    try:
        _write_beside(place, content)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None


def check_can_write(path: Path) -> None:
    """Raises OSError, in one line that names the file, where `write_whole` could not write even an empty one."""
    place = place_of(path)
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", suffix=PART):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None


def clear_away(place: Path) -> None:
    """Removes what processes that were killed while writing the file at that place left beside it."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.????????{PART}"):
        with contextlib.suppress(OSError):  # it is another's, or another was faster
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def _write_beside(place: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", suffix=PART, delete=False) as beside:
        part = Path(beside.name)
        try:
            beside.write(content)
            beside.flush()
            os.fsync(beside.fileno())
            part.chmod(0o644)
            part.replace(place)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _without_waiting(path: str, flags: int) -> int:
    """Opens, without waiting for somebody to write into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
