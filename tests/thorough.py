"""How thoroughly to test: in seconds, or, where MNIST_DEMO_THOROUGH is set, for minutes and at random."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = bool(os.environ.get("MNIST_DEMO_THOROUGH"))


def times(few: int, many: int) -> int:
    """How often to try."""
    return many if THOROUGH else few


def examples(few: int, many: int) -> settings:
    """That many generated inputs; the same ones each time where there are few. Decorates a test."""
    return settings(
        max_examples=times(few, many),
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
