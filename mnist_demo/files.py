"""Files read and written atomically, even if processes are killed, disks are full, or several processes write."""

import contextlib
import glob
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

PART = ".part"  # suffix of a file that is being written
ABANDONED = 60  # seconds without a write, after which the process that wrote such a file was killed
MAX_FILE_BYTES = 2**26  # the largest file that is read


def read_whole(path: Path) -> bytes:
    """Return the content of a file, read in one go, since another process may replace it meanwhile.

    Raises OSError if it cannot be read, is not a regular file, or has more than MAX_FILE_BYTES.
    """
    with open_regular(path) as file:
        return file.read()


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read. Raises OSError as `read_whole` does: a pipe or a device could block a reader forever."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # the caller closes it
    found = os.fstat(file.fileno())
    is_regular = stat.S_ISREG(found.st_mode)
    if is_regular and found.st_size <= MAX_FILE_BYTES:
        return file
    file.close()
    raise OSError(f"{path} is larger than {MAX_FILE_BYTES} bytes" if is_regular else f"{path} is not a regular file")


def place_of(path: Path) -> Path:
    """Return where a file written to `path` will be, with links followed.

    Raises OSError if something other than a regular file is there.
    """
    place = Path(os.path.realpath(path))
    if os.path.lexists(place) and not place.is_file():
        raise OSError(f"{path} is {'a folder' if place.is_dir() else 'not a regular file'}: name a file")
    return place


def write_whole(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename, so that readers find the old file or the new one. Links are followed.

    Raises OSError, in one line that names the file, if it cannot be written. The old file is then unchanged.
    """
    place = place_of(path)
    clear_away(place)
    try:
        _write_beside(place, content)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None


def check_can_write(path: Path) -> None:
    """Raise OSError, in one line that names the file, if `write_whole` could not write it."""
    place = place_of(path)
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", suffix=PART):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None


def write_folder(path: Path, files: Mapping[str, bytes], mark: str) -> None:
    """Write files, by their paths below the folder, beside it, then rename: no reader finds half a folder.

    An existing folder is replaced if it is empty or holds the file `mark`. Raises OSError, in one line that names the
    folder, if it holds anything else or cannot be written; it is as it was, then.
    """
    place = Path(os.path.realpath(path))
    if os.path.lexists(place) and not place.is_dir():
        raise OSError(f"{path} is a file: name a folder")
    if place.is_dir() and any(place.iterdir()) and not (place / mark).is_file():
        raise OSError(f"{path} holds other files: name an empty folder, or one that does not exist")
    clear_away(place)
    try:
        beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=PART))
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None
    new, old = beside / "new", beside / "old"
    try:
        for name, content in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        if place.is_dir():
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            if old.is_dir():
                old.rename(place)
            raise
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def clear_away(place: Path) -> None:
    """Remove what killed processes left beside the file or folder at that place."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.????????{PART}"):
        with contextlib.suppress(OSError):  # it belongs to another user, or another process removed it first
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


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
    """Open a file without waiting for somebody to write into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
