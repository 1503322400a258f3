"""The headers of requests, and the content types.

Source: Connect protocol reference, "Unary-Request" and "Streaming-Request".
"""

from collections.abc import Iterable
from typing import Final

from connectrpc_protocol.call import Fields
from connectrpc_protocol.code import Code
from connectrpc_protocol.connect.timeout import format_timeout, parse_timeout
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.header_names import (
    ACCEPT_ENCODING,
    CONNECT_PROTOCOL_VERSION,
    CONNECT_TIMEOUT_MS,
    CONTENT_TYPE,
    RAW_CONNECT_TIMEOUT_MS,
)
from connectrpc_protocol.options import ServerOptions

PROTOCOL: Final = "connect"
VERSION = b"1"

UNARY_PREFIX = "application/"
STREAM_PREFIX = "application/connect+"
"""A content type is one of these prefixes and the name of a codec."""


def read_deadline(fields: Fields, options: ServerOptions) -> float | None:
    """Return the deadline of a request. Raises `ConnectError` if the timeout is malformed."""
    timeout = fields.get(RAW_CONNECT_TIMEOUT_MS)
    return options.deadline(None if timeout is None else parse_timeout(timeout))


def accepted_versions(options: ServerOptions) -> tuple[bytes | None, ...]:
    """Return the versions that a request may name; `None` stands for a missing header."""
    return (VERSION,) if options.require_connect_protocol_header else (VERSION, None)


def check_version(version: bytes | None, options: ServerOptions) -> None:
    """Raise `ConnectError` (`invalid_argument`) if the version is not accepted."""
    if version in accepted_versions(options):
        return
    name = CONNECT_PROTOCOL_VERSION
    if version is None:
        raise ConnectError(Code.INVALID_ARGUMENT, f"missing required header: {name}: 1")
    raise ConnectError(Code.INVALID_ARGUMENT, f"{name} must be '1', not {quoted(version)}")


def post_headers(
    context: RequestContext, content_type: str, protocol: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the headers of a POST: the protocol's, the timeout, then the user's metadata."""
    return [
        (CONTENT_TYPE, content_type),
        (CONNECT_PROTOCOL_VERSION, VERSION.decode()),
        *protocol,
        *_timeout(context),
        *context.request_headers.metadata(),
    ]


def get_headers(context: RequestContext, accepted: str) -> list[tuple[str, str]]:
    """Return the headers of a GET. The version is in the query, where it does not break caching."""
    return [
        (ACCEPT_ENCODING, accepted),
        *_timeout(context),
        *context.request_headers.metadata(),
    ]


def _timeout(context: RequestContext) -> list[tuple[str, str]]:
    timeout_ms = context.timeout_ms
    return [] if timeout_ms is None else [(CONNECT_TIMEOUT_MS, format_timeout(timeout_ms))]
