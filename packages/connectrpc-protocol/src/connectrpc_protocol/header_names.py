"""The names of the headers and trailers that the three protocols use, with those of HTTP.

Names are in lower case, as HTTP/2 sends them (RFC 9113, section 8.2.1). A constant with the prefix
`RAW_` is the same name as bytes, the form that headers have on the wire.
"""

from typing import Final

# HTTP. Sources: RFC 9110; for `accept-post`, W3C Linked Data Platform 1.0, section 7.1.
ACCEPT_ENCODING: Final = "accept-encoding"
ACCEPT_POST: Final = "accept-post"
ALLOW: Final = "allow"
CONTENT_ENCODING: Final = "content-encoding"
CONTENT_LENGTH: Final = "content-length"
CONTENT_TYPE: Final = "content-type"
TE: Final = "te"
VARY: Final = "vary"

# Connect. Source: Connect protocol reference.
CONNECT_ACCEPT_ENCODING: Final = "connect-accept-encoding"
CONNECT_CONTENT_ENCODING: Final = "connect-content-encoding"
CONNECT_PROTOCOL_VERSION: Final = "connect-protocol-version"
CONNECT_TIMEOUT_MS: Final = "connect-timeout-ms"

# gRPC and gRPC-Web. Sources: grpc/grpc, PROTOCOL-HTTP2.md and PROTOCOL-WEB.md.
GRPC_ACCEPT_ENCODING: Final = "grpc-accept-encoding"
GRPC_ENCODING: Final = "grpc-encoding"
GRPC_MESSAGE: Final = "grpc-message"
GRPC_STATUS: Final = "grpc-status"
GRPC_STATUS_DETAILS: Final = "grpc-status-details-bin"
GRPC_TIMEOUT: Final = "grpc-timeout"
X_GRPC_WEB: Final = "x-grpc-web"
X_USER_AGENT: Final = "x-user-agent"

RAW_ACCEPT_ENCODING: Final = ACCEPT_ENCODING.encode()
RAW_ACCEPT_POST: Final = ACCEPT_POST.encode()
RAW_ALLOW: Final = ALLOW.encode()
RAW_CONTENT_ENCODING: Final = CONTENT_ENCODING.encode()
RAW_CONTENT_LENGTH: Final = CONTENT_LENGTH.encode()
RAW_CONTENT_TYPE: Final = CONTENT_TYPE.encode()
RAW_VARY: Final = VARY.encode()

RAW_CONNECT_ACCEPT_ENCODING: Final = CONNECT_ACCEPT_ENCODING.encode()
RAW_CONNECT_CONTENT_ENCODING: Final = CONNECT_CONTENT_ENCODING.encode()
RAW_CONNECT_PROTOCOL_VERSION: Final = CONNECT_PROTOCOL_VERSION.encode()
RAW_CONNECT_TIMEOUT_MS: Final = CONNECT_TIMEOUT_MS.encode()

RAW_GRPC_ACCEPT_ENCODING: Final = GRPC_ACCEPT_ENCODING.encode()
RAW_GRPC_ENCODING: Final = GRPC_ENCODING.encode()
RAW_GRPC_MESSAGE: Final = GRPC_MESSAGE.encode()
RAW_GRPC_STATUS: Final = GRPC_STATUS.encode()
RAW_GRPC_STATUS_DETAILS: Final = GRPC_STATUS_DETAILS.encode()
RAW_GRPC_TIMEOUT: Final = GRPC_TIMEOUT.encode()

RESERVED: Final = frozenset(
    {
        ACCEPT_ENCODING,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        TE,
        CONNECT_ACCEPT_ENCODING,
        CONNECT_CONTENT_ENCODING,
        CONNECT_PROTOCOL_VERSION,
        CONNECT_TIMEOUT_MS,
        GRPC_ACCEPT_ENCODING,
        GRPC_ENCODING,
        GRPC_MESSAGE,
        GRPC_STATUS,
        GRPC_STATUS_DETAILS,
        GRPC_TIMEOUT,
        # HTTP libraries and servers set these themselves.
        "connection",
        "date",
        "host",
        "keep-alive",
        "proxy-connection",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Names that are never sent as metadata, because HTTP or a protocol sets them itself."""
