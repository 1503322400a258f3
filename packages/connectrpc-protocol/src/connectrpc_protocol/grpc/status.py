"""`grpc-status` and what goes with it: how a call ended.

Sources: grpc/grpc, PROTOCOL-HTTP2.md, "Responses"; doc/statuscodes.md.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.status_details import decode_details, encode_details
from connectrpc_protocol.headers import Headers
from connectrpc_protocol.http import HeaderPair

OK: HeaderPair = (b"grpc-status", b"0")
_OK = "0"
_CODES = {str(code.grpc): code for code in Code}

# What may stay as it is and is not in the list of quote() itself ("Percent-Byte-Unencoded").
_UNENCODED = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
# HTTP has no space at the ends of a value (RFC 9110, section 5.5).
_END_SPACE = re.compile(r"\A | \Z")
# In UTF-8. Peers bound the size of all trailers, such as grpcio at 8 to 16 KiB, and lose the error
# to that bound; in the details stands the message again.
_MAX_MESSAGE_BYTES = 2048


def error_to_trailers(error: ConnectError) -> list[HeaderPair]:
    """The trailers that say how a call failed; what is empty is left out."""
    trailers = [(b"grpc-status", b"%d" % error.code.grpc)]
    message = _cut(error.message)
    if message:
        trailers.append((b"grpc-message", encode_message(message)))
    if error.details:
        details = encode_details(error.code, message, error.details)
        trailers.append((b"grpc-status-details-bin", details))
    return trailers


def error_from_trailers(trailers: Headers) -> ConnectError | None:
    """The error that trailers tell of; `None` for success.

    A missing status is `unknown` (doc/http-grpc-status-mapping.md, on 200), and so is one that
    does not exist.
    """
    status = trailers.get("grpc-status")
    if status == _OK:
        return None
    message = decode_message(trailers.get("grpc-message", ""))
    code = None if status is None else _CODES.get(status)
    if code is None:
        what = "no grpc-status" if status is None else f"grpc-status {status[:40]!r}"
        message = f"the server sent {what}" + (f": {message}" if message else "")
    details = decode_details(trailers.get("grpc-status-details-bin", ""))
    return ConnectError(code or Code.UNKNOWN, message, details)


def encode_message(message: str) -> bytes:
    """A message on the wire: UTF-8, percent-encoded."""
    encoded = quote(message, safe=_UNENCODED, errors="replace")
    return _END_SPACE.sub("%20", encoded).encode()


def decode_message(value: str) -> str:
    """A message from the wire; what is not encoded well stays as it is or becomes U+FFFD."""
    return unquote_to_bytes(value.encode("latin-1")).decode(errors="replace")


def _cut(message: str) -> str:
    """The message as far as peers have room for it."""
    data = message.encode(errors="replace")
    if len(data) <= _MAX_MESSAGE_BYTES:
        return message
    return data[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "…"
