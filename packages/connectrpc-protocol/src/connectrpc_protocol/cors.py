"""The header lists for CORS: the headers that a browser must be allowed to send and to read."""

from connectrpc_protocol.header_names import (
    CONNECT_ACCEPT_ENCODING,
    CONNECT_CONTENT_ENCODING,
    CONNECT_PROTOCOL_VERSION,
    CONNECT_TIMEOUT_MS,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    GRPC_MESSAGE,
    GRPC_STATUS,
    GRPC_STATUS_DETAILS,
    GRPC_TIMEOUT,
    X_GRPC_WEB,
    X_USER_AGENT,
)

ALLOW_METHODS = ("GET", "POST")
"""The HTTP methods of calls."""


def _titled(*names: str) -> tuple[str, ...]:
    return tuple(name.title() for name in names)


ALLOW_HEADERS = _titled(
    CONTENT_TYPE,
    CONNECT_PROTOCOL_VERSION,
    CONNECT_TIMEOUT_MS,
    CONNECT_ACCEPT_ENCODING,
    CONNECT_CONTENT_ENCODING,
    CONTENT_ENCODING,
    GRPC_TIMEOUT,
    X_GRPC_WEB,
    X_USER_AGENT,
)
"""The request headers of calls in Connect and gRPC-Web."""

EXPOSE_HEADERS = _titled(
    CONTENT_ENCODING,
    CONNECT_CONTENT_ENCODING,
    GRPC_STATUS,
    GRPC_MESSAGE,
    GRPC_STATUS_DETAILS,
)
"""The response headers of calls in Connect and gRPC-Web."""
