"""`connect-timeout-ms`. Source: Connect protocol reference, "Unary-Request"."""

from connectrpc_protocol.code import Code
from connectrpc_protocol.deadline import LONGEST_TIMEOUT_MS
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.header_names import CONNECT_TIMEOUT_MS

_MAX_DIGITS = 10  # the limit of the specification; ten digits of milliseconds are 115 days


def parse_timeout(value: bytes) -> int:
    """Return the timeout in milliseconds.

    Raises `ConnectError` (`invalid_argument`) unless the value is one to ten digits.
    """
    if not value.isdigit() or len(value) > _MAX_DIGITS:
        raise ConnectError(Code.INVALID_ARGUMENT, f"invalid {CONNECT_TIMEOUT_MS}: {quoted(value)}")
    return int(value)


def format_timeout(timeout_ms: int) -> str:
    """Return the value on the wire. A timeout of more than ten digits becomes the longest one."""
    return str(min(timeout_ms, LONGEST_TIMEOUT_MS))
