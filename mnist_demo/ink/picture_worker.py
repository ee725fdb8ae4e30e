"""Find the ink of pictures in a process with limits: `python -m mnist_demo.ink.picture_worker`, which a server starts.

The process reads one picture after the other from standard input, and ends with it, so it never outlives its server.
It loads NumPy, OpenCV and Pillow alone. A picture that takes too long ends the process; the server starts another one.

The protocol, integers big-endian: a request is the length of the file (4 bytes) and the file; a response is a header,
whether it is ink (1 byte), its height and width (4 bytes each), and the ink (H, W), 255 = ink; or else 0, 0, the
length of a line that says why the picture is refused, and the line in UTF-8.
"""

import contextlib
import os
import signal
import struct
import sys
from io import BytesIO
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from mnist_demo.ink.picture import LARGEST, ink_of, open_picture
from mnist_demo.ink.picture_structure import check_structure

MAX_PIXELS = 16_000_000  # of a picture that somebody sends; a JPEG has JPEG_FACTOR times as many
MAX_CPU_SECONDS = 1.0  # for one picture, from file to ink
MAX_ADDRESS_SPACE_BYTES = 1 << 30
MAX_INK_PIXELS = 4 * LARGEST**2
MAX_LINE_BYTES = 1000
NO_MEMORY = "image: too large: reading it takes too much memory"
NICENESS = 5  # live readings come first
HAS_CPU_TIMER = hasattr(signal, "setitimer")  # not on Windows

LENGTH = struct.Struct(">I")
HEADER = struct.Struct(">?II")

Ink = NDArray[np.uint8]  # (H, W), 255 = ink


def encode_file(content: bytes) -> bytes:
    """Return the request for the ink of a file."""
    return LENGTH.pack(len(content)) + content


def decode_response(stream: IO[bytes]) -> Ink:
    """Read one response, and return the ink (H, W).

    Raises ValueError, in one line, if the picture was refused, and EOFError if the process ended or sent nonsense.
    """
    is_ink, height, width = HEADER.unpack(_exactly(stream, HEADER.size))
    if height * width > MAX_INK_PIXELS or (not is_ink and width > MAX_LINE_BYTES):
        raise EOFError
    if is_ink:
        return np.frombuffer(_exactly(stream, height * width), np.uint8).reshape(height, width)
    raise ValueError(_exactly(stream, width).decode(errors="replace"))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes. Raises EOFError if there are fewer."""
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def answer(content: bytes) -> bytes:
    """Return the response to a file."""
    try:
        check_structure(content)
        ink = ink_of(open_picture(BytesIO(content), "image", MAX_PIXELS))
        return HEADER.pack(True, *ink.shape) + ink.tobytes()
    except ValueError as error:
        line = str(error)
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
        line = NO_MEMORY
    except MemoryError:
        line = NO_MEMORY
    refusal = line.encode()[:MAX_LINE_BYTES]
    return HEADER.pack(False, 0, len(refusal)) + refusal


def limit_process() -> None:
    """Limit the memory of this process, let live readings come first, and let signals end it at once."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit; macOS refuses some
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE_BYTES, MAX_ADDRESS_SPACE_BYTES))
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if HAS_CPU_TIMER:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends the process, also while a decoder runs
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})


def set_cpu_timer(seconds: float) -> None:
    """End the process after so much processor time of its own, if the system can; 0 stops the timer."""
    if HAS_CPU_TIMER:
        signal.setitimer(signal.ITIMER_PROF, seconds)


def main() -> None:
    """Answer until standard input ends."""
    limit_process()
    cv2.setNumThreads(1)  # each thread takes memory, and all of them count as processor time
    source, target = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            (length,) = LENGTH.unpack(_exactly(source, LENGTH.size))
            content = _exactly(source, length)
            set_cpu_timer(MAX_CPU_SECONDS)
            response = answer(content)
            set_cpu_timer(0)
            target.write(response)
            target.flush()


if __name__ == "__main__":
    main()
