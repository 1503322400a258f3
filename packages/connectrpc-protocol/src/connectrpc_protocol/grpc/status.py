"""The trailers of a call: `grpc-status`, `grpc-message` and `grpc-status-details-bin`.

Sources: grpc/grpc, PROTOCOL-HTTP2.md, "Responses"; doc/statuscodes.md.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.grpc.status_details import decode_details, encode_details
from connectrpc_protocol.header_names import (
    GRPC_MESSAGE,
    GRPC_STATUS,
    GRPC_STATUS_DETAILS,
    RAW_GRPC_MESSAGE,
    RAW_GRPC_STATUS,
    RAW_GRPC_STATUS_DETAILS,
)
from connectrpc_protocol.headers import Headers
from connectrpc_protocol.http import HeaderPair

OK: HeaderPair = (RAW_GRPC_STATUS, b"0")
SUCCESS = "0"
_CODES = {str(code.grpc): code for code in Code}

# The characters that are not encoded ("Percent-Byte-Unencoded"). `quote` adds letters and digits.
_UNENCODED = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
# HTTP removes spaces at the ends of a value (RFC 9110, section 5.5), so these are encoded.
_END_SPACE = re.compile(r"\A | \Z")
# In UTF-8. A peer limits the size of trailers, and loses the error if they exceed the limit. The
# specification suggests 8 KiB (PROTOCOL-HTTP2.md, "Responses"), and grpcio allows 8 to 16 KiB. The
# trailers may contain the message twice: percent-encoded, which can make it three times as long,
# and in the details.
_MAX_MESSAGE_BYTES = 2048


def error_to_trailers(error: ConnectError) -> list[HeaderPair]:
    """Return the trailers of a failed call, without an empty message or empty details."""
    trailers = [(RAW_GRPC_STATUS, b"%d" % error.code.grpc)]
    message = _cut(error.message)
    if message:
        trailers.append((RAW_GRPC_MESSAGE, encode_message(message)))
    if error.details:
        details = encode_details(error.code, message, error.details)
        trailers.append((RAW_GRPC_STATUS_DETAILS, details))
    return trailers


def error_from_trailers(trailers: Headers) -> ConnectError | None:
    """Return the error in the trailers, or `None` for success.

    A missing or undefined status is `unknown` (doc/http-grpc-status-mapping.md, on 200).
    """
    status = trailers.get(GRPC_STATUS)
    if status == SUCCESS:
        return None
    message = decode_message(trailers.get(GRPC_MESSAGE, ""))
    code = None if status is None else _CODES.get(status)
    if code is None:
        sent = f"no {GRPC_STATUS}" if status is None else f"{GRPC_STATUS} {quoted(status)}"
        message = f"the server sent {sent}" + (f": {message}" if message else "")
    details = decode_details(trailers.get(GRPC_STATUS_DETAILS, ""))
    return ConnectError(code or Code.UNKNOWN, message, details)


def encode_message(message: str) -> bytes:
    """Return a message as it is on the wire: UTF-8, percent-encoded."""
    encoded = quote(message, safe=_UNENCODED, errors="replace")
    return _END_SPACE.sub("%20", encoded).encode()


def decode_message(value: str) -> str:
    """Return a message from the wire. Malformed parts stay as they are or become U+FFFD."""
    return unquote_to_bytes(value.encode("latin-1")).decode(errors="replace")


def _cut(message: str) -> str:
    """Return the message, cut to a length that peers accept."""
    data = message.encode(errors="replace")
    if len(data) <= _MAX_MESSAGE_BYTES:
        return message
    return data[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "…"
