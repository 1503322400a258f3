"""Deadlines: points on the clock of `time.monotonic`, in seconds; `None` for none."""

import time

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError


def deadline_after(timeout_ms: int | None) -> float | None:
    """The deadline of a call that begins now, from its timeout in milliseconds."""
    return None if timeout_ms is None else time.monotonic() + timeout_ms / 1000


def deadline_exceeded() -> ConnectError:
    """The error of a call that ran out of time."""
    return ConnectError(Code.DEADLINE_EXCEEDED, "deadline exceeded")


def check_late(error: ConnectError, deadline: float | None) -> None:
    """Raises `deadline_exceeded` for an error that is how the passed deadline showed itself.

    A server that sees the deadline first resets the stream or ends the connection.
    """
    if deadline is not None and error.code in (Code.CANCELED, Code.UNAVAILABLE):
        try:
            remaining(deadline)
        except ConnectError as late:
            raise late from error


def remaining(deadline: float | None) -> float | None:
    """What is left, in seconds. Raises `ConnectError` (`deadline_exceeded`) when nothing is."""
    if deadline is None:
        return None
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise deadline_exceeded()
    return seconds
