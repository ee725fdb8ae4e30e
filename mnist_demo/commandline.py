"""How all our command lines begin and end: an error is one line, never a traceback.

Knows: signals, standard output, exit codes. Does not know: what a command line is for.
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from mnist_demo import __version__

STOPPED = 130  # the exit code after Ctrl-C, as shells have it
OUTPUT_FAILS = (errno.ENOSPC, errno.EPIPE, errno.EIO)  # where no file is named
NO_MEMORY = "failed to map segment"  # as the dynamic linker says it
WRONG = 2  # the exit code where what was asked cannot be done
INSTALLED = "mnist-demo"  # the command of who installed the package


def command(name: str) -> str:
    """How one of ours is called: as a part of the installed command where that is what runs, else as a module."""
    return f"{INSTALLED} {name}" if Path(sys.argv[0]).stem == INSTALLED else f"python -m mnist_demo.{name}"


def new_parser(prog: str | None = None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser that knows --version besides --help; `options` are those of `argparse.ArgumentParser`."""
    parser = argparse.ArgumentParser(prog=prog, **options)
    parser.add_argument("--version", action="version", version=f"{INSTALLED} {__version__}")
    return parser


def end_quietly() -> None:
    """Let Ctrl-C end the process during imports, and say in one line what cannot be imported."""
    sys.excepthook = _without_traceback
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with_the_reader() -> None:
    """From now on `... | head -1` ends the process without a word: for what prints and does nothing else."""
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def run(main: Callable[[], int | None]) -> NoReturn:
    """Ends the process with what the command line's work returns, or in one line with what it raises.

    Ctrl-C is KeyboardInterrupt to `main`, and nothing once that is over. What cannot be encoded is printed escaped.
    """
    sys.excepthook = sys.__excepthook__
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = STOPPED
    try:
        code = _code_of(main)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(_flushed(code))


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, MemoryError) or NO_MEMORY in str(error):
        complain(MemoryError(f"not enough memory: {error}"))
    elif issubclass(kind, ImportError | OSError):
        complain(error)
    else:
        sys.__excepthook__(kind, error, trace)


def complain(error: BaseException) -> None:
    """Print in one line on standard error what is wrong."""
    print("error:", " ".join(said(error).splitlines()), file=sys.stderr)


def said(error: BaseException) -> str:
    """Return what an error says; of one that the operating system raised, the file and the reason, but no number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _code_of(main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except SystemExit as end:  # argparse's
        return end.code if isinstance(end.code, int) else WRONG
    except OSError as error:
        complain(_of_output(error) if error.errno in OUTPUT_FAILS and error.filename is None else error)
        return WRONG
    except ValueError as error:
        complain(error)
        return WRONG


def _flushed(code: int) -> int:
    """That code, or WRONG where standard output does not take what was printed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would try once more, and complain
        complain(_of_output(error))
        return WRONG
    return code


def _of_output(error: OSError) -> OSError:
    return OSError(f"standard output cannot be written: {error.strerror}")
