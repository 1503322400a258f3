"""Deadlines: times on the clock of `time.monotonic`, in seconds; `None` means no deadline."""

import time

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError

LONGEST_TIMEOUT_MS = 10**10 - 1
"""115 days, the longest timeout of Connect. Sockets and threads cannot wait much longer."""


def deadline_after(timeout_ms: int | None) -> float | None:
    """Return the deadline of a call that begins now with this timeout, in milliseconds.

    A timeout that is longer than the longest one becomes the longest one.
    """
    if timeout_ms is None:
        return None
    return time.monotonic() + min(timeout_ms, LONGEST_TIMEOUT_MS) / 1000


def deadline_exceeded() -> ConnectError:
    """Return the error of a call whose deadline has passed."""
    return ConnectError(Code.DEADLINE_EXCEEDED, "deadline exceeded")


def check_late(error: ConnectError, deadline: float | None) -> None:
    """Raise `deadline_exceeded` if the error is only the effect of a deadline that has passed.

    A server that notices the deadline first may reset the stream or end the connection.
    """
    if deadline is not None and error.code in (Code.CANCELED, Code.UNAVAILABLE):
        try:
            remaining(deadline)
        except ConnectError as late:
            raise late from error


def remaining(deadline: float | None) -> float | None:
    """Return the time until the deadline, in seconds.

    Raises `ConnectError` (`deadline_exceeded`) if the deadline has passed.
    """
    if deadline is None:
        return None
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise deadline_exceeded()
    return seconds
