"""`grpc-status` and what goes with it: how a call ended.

Sources: grpc/grpc, PROTOCOL-HTTP2.md, "Responses"; doc/statuscodes.md.
"""

from urllib.parse import quote, unquote_to_bytes

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.details import decode_details, encode_details
from connectrpc_protocol.headers import Headers
from connectrpc_protocol.http import HeaderPair

OK: HeaderPair = (b"grpc-status", b"0")
_OK = "0"
_CODES = {str(code.grpc): code for code in Code}

# What quote() leaves out of its own list. A space is encoded too: HTTP has none at the ends.
_VISIBLE = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def error_to_trailers(error: ConnectError) -> list[HeaderPair]:
    """The trailers that say how a call failed; what is empty is left out."""
    trailers = [(b"grpc-status", b"%d" % error.code.grpc)]
    if error.message:
        trailers.append((b"grpc-message", encode_message(error.message)))
    if error.details:
        trailers.append((b"grpc-status-details-bin", encode_details(error)))
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
    return quote(message, safe=_VISIBLE, errors="replace").encode()


def decode_message(value: str) -> str:
    """A message from the wire; what is not encoded well stays as it is or becomes U+FFFD."""
    return unquote_to_bytes(value.encode("latin-1")).decode(errors="replace")
