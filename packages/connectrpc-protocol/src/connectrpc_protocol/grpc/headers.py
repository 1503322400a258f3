"""The headers of requests, and the content types. Source: grpc/grpc, PROTOCOL-HTTP2.md."""

from typing import Final

from connectrpc_protocol.call import Fields
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.grpc.timeout import format_timeout, parse_timeout
from connectrpc_protocol.header_names import GRPC_TIMEOUT, RAW_GRPC_ENCODING, RAW_GRPC_TIMEOUT
from connectrpc_protocol.options import ServerOptions

PROTOCOL: Final = "grpc"
CONTENT_TYPE_PREFIX = "application/grpc"


def content_types(prefix: str, codec: str) -> list[str]:
    """Return the content types of a codec. A content type without a codec is binary Protobuf."""
    named = f"{prefix}+{codec}"
    return [prefix, named] if codec == "proto" else [named]


def has_prefix(content_type: bytes, prefix: str) -> bool:
    """Return whether a content type, without parameters, is the prefix with or without a codec."""
    expected = prefix.encode()
    return content_type == expected or content_type.startswith(expected + b"+")


def read_deadline(fields: Fields, options: ServerOptions) -> float | None:
    """Return the deadline of a request. Raises `ConnectError` if the timeout is malformed."""
    timeout = fields.get(RAW_GRPC_TIMEOUT)
    return options.deadline(None if timeout is None else parse_timeout(timeout))


def read_compression(fields: Fields, options: ServerOptions) -> Compression | None:
    """Return the compression of the requests. Raises `ConnectError` for an unknown one."""
    return options.compressions.get(fields.get(RAW_GRPC_ENCODING, b"").decode("latin-1"))


def request_headers(
    context: RequestContext, protocol: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the headers of a request: the timeout, the protocol's, then the user's metadata."""
    timeout_ms = context.timeout_ms
    timeout = [] if timeout_ms is None else [(GRPC_TIMEOUT, format_timeout(timeout_ms))]
    return [*timeout, *protocol, *context.request_headers.metadata()]
