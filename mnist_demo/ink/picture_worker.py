"""Find the ink of pictures in a process with limits: `python -m mnist_demo.ink.picture_worker`, started by the server.

The process reads pictures from standard input, one after the other, and ends when the input ends, so it never outlives
its server. It loads NumPy, OpenCV and Pillow alone. A picture that takes too long ends the process, and the server
starts another one.

The protocol (integers are big-endian): a request is the file's length (4 bytes) and the file. A response is a header,
then the ink. The header says if it is ink (1 byte), and gives its height and width (4 bytes each); the ink is (H, W),
255 = ink. For a refused picture, the header holds 0, 0 and the length of a message, and the message follows in UTF-8.
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

from mnist_demo.ink.picture import MAX_SIDE_PIXELS, ink_of, open_picture
from mnist_demo.ink.picture_structure import check_structure

MAX_PIXELS = 16_000_000  # of an uploaded picture; a JPEG may have JPEG_FACTOR times as many
MAX_CPU_SECONDS = 1.0  # for one picture, from file to ink
MAX_ADDRESS_SPACE_BYTES = 1 << 30
MAX_INK_PIXELS = 4 * MAX_SIDE_PIXELS**2
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
    """Read one response and return its ink (H, W) uint8.

    Raises ValueError, in one line, if the picture was refused, and EOFError if the process ended or its response is
    malformed.
    """
    is_ink, height, width = HEADER.unpack(_exactly(stream, HEADER.size))
    if height * width > MAX_INK_PIXELS or (not is_ink and width > MAX_LINE_BYTES):
        raise EOFError
    if is_ink:
        return np.frombuffer(_exactly(stream, height * width), np.uint8).reshape(height, width)
    raise ValueError(_exactly(stream, width).decode(errors="replace"))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    """Read `count` bytes. Raises EOFError if the stream ends first."""
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def answer(content: bytes) -> bytes:
    """Return the response for a file."""
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
    """Limit this process's memory, give way to live readings, and let signals end it at once."""
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
    """End the process after this much processor time of its own, if the system supports it; 0 stops the timer."""
    if HAS_CPU_TIMER:
        signal.setitimer(signal.ITIMER_PROF, seconds)


def main() -> None:
    """Answer requests until standard input ends."""
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
