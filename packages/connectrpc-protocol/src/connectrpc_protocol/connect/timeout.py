"""`connect-timeout-ms`. Source: Connect protocol reference, "Timeouts"."""

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError

_MAX_DIGITS = 10


def parse_timeout(value: bytes) -> int:
    """The timeout in milliseconds: a number of at most ten digits.

    Raises `ConnectError` (`invalid_argument`).
    """
    if not value.isdigit() or len(value) > _MAX_DIGITS:
        text = value[:40].decode("latin-1")
        raise ConnectError(Code.INVALID_ARGUMENT, f"invalid connect-timeout-ms: {text!r}")
    return int(value)


def format_timeout(timeout_ms: int) -> str:
    """The value on the wire; a longer timeout than it can carry becomes the longest one."""
    return str(min(timeout_ms, 10**_MAX_DIGITS - 1))
