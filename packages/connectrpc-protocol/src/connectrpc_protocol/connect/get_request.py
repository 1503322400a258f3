"""Unary calls with HTTP GET. Source: Connect protocol reference, "Unary-Get-Request"."""

import base64
import re
from urllib.parse import parse_qsl, quote, urlencode

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.options import ServerOptions

VERSION = "v1"

MAX_URL_LENGTH = 4000
"""In characters. A call with a longer URL uses POST, because some servers refuse it.

Gunicorn accepts request lines of up to 4,094 bytes by default.
"""

_MAX_FIELDS = 100  # the protocol defines five; this has room for more, but not for an attack
_URLSAFE = re.compile(r"[A-Za-z0-9_-]*")


def parse_query(query: bytes) -> dict[str, str]:
    """Return the parameters. Each byte is one character (ISO 8859-1), because messages are bytes.

    Raises `ConnectError` (`invalid_argument`) if there are too many.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise ConnectError(Code.INVALID_ARGUMENT, "too many query parameters") from None
    return dict(pairs)


def parse_message(parameters: dict[str, str]) -> bytes:
    """Return the bytes of the parameter `message`. Raises `ConnectError` (`invalid_argument`)."""
    text = parameters.get("message")
    if text is None:
        raise ConnectError(Code.INVALID_ARGUMENT, "missing query parameter: message")
    base64_parameter = parameters.get("base64", "0")
    if base64_parameter == "1":
        return _decode_urlsafe(text)
    if base64_parameter != "0":
        raise ConnectError(Code.INVALID_ARGUMENT, "the query parameter base64 must be 0 or 1")
    return text.encode("latin-1")


def parse_encoding(parameters: dict[str, str]) -> str:
    """Return the name of the codec. Raises `ConnectError` (`invalid_argument`) if it is missing."""
    encoding = parameters.get("encoding")
    if encoding is None:
        raise ConnectError(Code.INVALID_ARGUMENT, "missing query parameter: encoding")
    return encoding


def check_version(parameters: dict[str, str], options: ServerOptions) -> None:
    """Raise `ConnectError` (`invalid_argument`) if the version is not `v1`.

    A missing version is refused only if the options require it.
    """
    version = parameters.get("connect")
    if version is None:
        if options.require_connect_protocol_header:
            raise ConnectError(
                Code.INVALID_ARGUMENT, "missing required query parameter: connect=v1"
            )
    elif version != VERSION:
        raise ConnectError(
            Code.INVALID_ARGUMENT,
            f"the query parameter connect must be {VERSION}: {quoted(version)}",
        )


def build_url(url: str, codec: Codec, message: bytes, compression: str | None) -> str:
    """Return the URL of a call. Equal messages have equal URLs, so that caches can serve them."""
    parameters = {"connect": VERSION, "encoding": codec.name}
    if compression is not None:
        parameters["compression"] = compression
    if compression is not None or codec.name != "json":
        # JSON stays readable. Other bytes are shorter in base64 than percent-encoded.
        parameters["base64"] = "1"
        message = base64.urlsafe_b64encode(message).rstrip(b"=")
    return f"{url}?{urlencode(parameters)}&message={quote(message, safe='')}"


def _decode_urlsafe(text: str) -> bytes:
    """Decode base64 with the URL alphabet (RFC 4648, section 5), with or without padding."""
    bare = text.rstrip("=")
    padding = len(text) - len(bare)
    if not _URLSAFE.fullmatch(bare) or len(bare) % 4 == 1 or padding not in (0, -len(bare) % 4):
        raise ConnectError(Code.INVALID_ARGUMENT, "the query parameter message is not base64url")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
