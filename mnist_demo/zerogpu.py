"""A ZeroGPU Space: a graphics processor is lent for the time of a call, and there is none between calls.

Knows: what the package `spaces`, which such a Space brings along, asks for. Does not know: what is computed.

Nothing of it is needed, or imported, elsewhere. There, torch claims a graphics processor in the page's own process that
is not to be had, so whatever runs outside such a call must name the CPU.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

IS_HERE = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as `spaces` reads it


def lent(seconds: int) -> Callable[[Function], Function]:
    """Decorates a function that may use a graphics processor for so long; elsewhere it stays as it is.

    The Space runs it in a process that it forks, so arguments and what is returned are pickled. It starts only where
    one such function has been decorated before the page is launched. What is called without a visitor's request at
    hand goes to the Space's own account.
    """
    if not IS_HERE:
        return lambda function: function
    import spaces  # there, and only there

    decorate: Callable[[Function], Function] = spaces.GPU(duration=seconds)
    return decorate
