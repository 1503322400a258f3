"""A fixture that checks how time grows with the size of the work."""

import gc
from collections.abc import Callable
from time import process_time

import pytest

FACTOR = 16
Work = Callable[[int], object]


def seconds(work: Work, size: int) -> float:
    """Return the least processor time of three runs, because other processes may disturb a run."""
    best = float("inf")
    for _ in range(3):
        start = process_time()
        work(size)
        best = min(best, process_time() - start)
    return best


@pytest.fixture
def grows_in_proportion() -> Callable[[Work, int], bool]:
    """Return a function that tells linear time from quadratic time.

    16 times the work takes about 16 times as long in linear time, and 256 times in quadratic time.
    The bound of 64 is as far from one as from the other.
    """

    def measure(work: Work, size: int) -> bool:
        gc.disable()
        try:
            return seconds(work, FACTOR * size) < 4 * FACTOR * seconds(work, size)
        finally:
            gc.enable()

    return measure
