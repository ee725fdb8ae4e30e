"""How every command line starts and ends: an error is one line, never a traceback."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

__version__ = "0.1.0"

STOPPED = 130  # the exit code after Ctrl-C, as in shells
OUTPUT_FAILS = (errno.ENOSPC, errno.EPIPE, errno.EIO)  # of standard output, if the error names no file
NO_MEMORY = "failed to map segment"  # the dynamic linker's message
WRONG = 2  # the exit code of errors
INSTALLED = "mnist-demo"  # the command of an installed package


def command(name: str) -> str:
    """Return how to call a command: as part of the installed command if that is running, else as a module."""
    return f"{INSTALLED} {name}" if Path(sys.argv[0]).stem == INSTALLED else f"python -m mnist_demo.{name}"


def new_parser(prog: str | None = None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser with --version and --help; `options` are those of `argparse.ArgumentParser`."""
    parser = argparse.ArgumentParser(prog=prog, **options)
    parser.add_argument("--version", action="version", version=f"{INSTALLED} {__version__}")
    return parser


def end_quietly() -> None:
    """Let Ctrl-C end the process during imports, and report a failed import in one line."""
    sys.excepthook = _without_traceback
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with_the_reader() -> None:
    """Let `... | head -1` end the process silently; only for programs that just print."""
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run the command line and end the process with its exit code; report an error in one line.

    `main` gets Ctrl-C as KeyboardInterrupt; after `main`, Ctrl-C is ignored. Characters that cannot be encoded are
    printed escaped.
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
    """Print the error in one line on standard error."""
    print("error:", " ".join(message_of(error).splitlines()), file=sys.stderr)


def message_of(error: BaseException) -> str:
    """Return an error's message; for an error of the operating system, the file and the reason without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _code_of(main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except SystemExit as end:  # raised by argparse
        return end.code if isinstance(end.code, int) else WRONG
    except OSError as error:
        complain(_of_output(error) if error.errno in OUTPUT_FAILS and error.filename is None else error)
        return WRONG
    except ValueError as error:
        complain(error)
        return WRONG


def _flushed(code: int) -> int:
    """Return the exit code, or WRONG if standard output cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would try again and print an error
        complain(_of_output(error))
        return WRONG
    return code


def _of_output(error: OSError) -> OSError:
    return OSError(f"standard output cannot be written: {error.strerror}")
