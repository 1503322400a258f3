"""`grpc-timeout`. Source: grpc/grpc, PROTOCOL-HTTP2.md, "Timeout"."""

from connectrpc_protocol.code import Code
from connectrpc_protocol.deadline import LONGEST_TIMEOUT_MS
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.header_names import GRPC_TIMEOUT

_MAX_DIGITS = 8  # the limit of the specification
_NANOSECONDS = {
    b"n": 1,
    b"u": 1_000,
    b"m": 1_000_000,
    b"S": 1_000_000_000,
    b"M": 60_000_000_000,
    b"H": 3_600_000_000_000,
}
_MILLISECOND = _NANOSECONDS[b"m"]


def parse_timeout(value: bytes) -> int:
    """Return the timeout in milliseconds, rounded up, at most `LONGEST_TIMEOUT_MS`.

    The longest value of this format means 11,000 years. Raises `ConnectError`
    (`invalid_argument`) unless the value is one to eight digits and a unit.
    """
    digits, unit = value[:-1], _NANOSECONDS.get(value[-1:])
    if unit is None or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise ConnectError(Code.INVALID_ARGUMENT, f"invalid {GRPC_TIMEOUT}: {quoted(value)}")
    return min(-(-int(digits) * unit // _MILLISECOND), LONGEST_TIMEOUT_MS)


def format_timeout(timeout_ms: int) -> str:
    """Return the value on the wire, rounded up.

    The unit is the smallest one, from milliseconds up, with which eight digits are enough.
    """
    value = 0
    for unit in (b"m", b"S", b"M", b"H"):
        value = -(-timeout_ms * _MILLISECOND // _NANOSECONDS[unit])
        if value < 10**_MAX_DIGITS:
            return f"{value}{unit.decode()}"
    return f"{10**_MAX_DIGITS - 1}H"
