"""Fixtures: how time grows with the size of the work."""

import gc
from collections.abc import Callable
from time import process_time

import pytest

FACTOR = 16
Work = Callable[[int], object]


def seconds(work: Work, size: int) -> float:
    """The processor's time for work of that size, at best."""
    best = float("inf")
    for _ in range(3):
        start = process_time()
        work(size)
        best = min(best, process_time() - start)
    return best


@pytest.fixture
def grows_in_proportion() -> Callable[[Work, int], bool]:
    """Whether 16 times the work takes about 16 times as long, and not 256 times."""

    def measure(work: Work, size: int) -> bool:
        gc.disable()
        try:
            return seconds(work, FACTOR * size) < 4 * FACTOR * seconds(work, size)
        finally:
            gc.enable()

    return measure
