"""Steps of the trial, and checks in them."""

import contextlib
import time
from collections.abc import Generator, Sequence


class TrialError(Exception):
    """A step failed."""


@contextlib.contextmanager
def step(title: str) -> Generator[None, None, None]:
    """Print the title of a step, then its success and its duration."""
    print(f"{title} ... ", end="", flush=True)
    start = time.monotonic()
    yield
    print(f"ok ({time.monotonic() - start:.1f} s)", flush=True)


def check(condition: bool, message: object) -> None:
    """Raise `TrialError` with the message unless the condition holds."""
    if not condition:
        raise TrialError(message)


def check_lines(text: str, expected: Sequence[str]) -> None:
    """Raise `TrialError` unless the lines are as expected."""
    check(text.splitlines() == list(expected), f"{text!r} instead of {expected}")
