"""Deadlines that cannot interrupt."""

import time

from connectrpc_protocol import Code, ConnectError


def deadline_exceeded() -> ConnectError:
    """The error of a call that ran out of time."""
    return ConnectError(Code.DEADLINE_EXCEEDED, "deadline exceeded")


def check_deadline(deadline: float | None) -> None:
    """Raises `ConnectError` (`deadline_exceeded`) once the deadline has passed."""
    if deadline is not None and time.monotonic() >= deadline:
        raise deadline_exceeded()
