"""How thoroughly to test: for seconds, or, if MNIST_DEMO_THOROUGH is set, for minutes and at random."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = bool(os.environ.get("MNIST_DEMO_THOROUGH"))


def times(few: int, many: int) -> int:
    """Return how often to try."""
    return many if THOROUGH else few


def examples(few: int, many: int) -> settings:
    """Return a decorator that generates so many inputs for a test, always the same ones if there are few."""
    return settings(
        max_examples=times(few, many),
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
