"""Headers of gRPC and gRPC-Web, and metadata beside them."""

from connectrpc_protocol.call import Fields
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.grpc.timeout import format_timeout, parse_timeout
from connectrpc_protocol.options import ServerOptions

PROTOCOL = "grpc"
CONTENT_TYPE = "application/grpc"


def content_types(prefix: str, codec: str) -> list[str]:
    """The content types of a codec; the one that names none stands for binary Protobuf."""
    named = f"{prefix}+{codec}"
    return [prefix, named] if codec == "proto" else [named]


def read_deadline(fields: Fields, options: ServerOptions) -> float | None:
    """The deadline of a request. Raises `ConnectError` for a malformed timeout."""
    timeout = fields.get(b"grpc-timeout")
    return options.deadline(None if timeout is None else parse_timeout(timeout))


def read_compression(fields: Fields, options: ServerOptions) -> Compression | None:
    """The compression of the requests. Raises `ConnectError` for an unknown one."""
    return options.compressions.get(fields.get(b"grpc-encoding", b"").decode("latin-1"))


def request_headers(
    context: RequestContext, protocol: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The headers of a request: the timeout, the protocol's, then the user's metadata."""
    timeout_ms = context.timeout_ms
    timeout = [] if timeout_ms is None else [("grpc-timeout", format_timeout(timeout_ms))]
    return [*timeout, *protocol, *context.request_headers.metadata()]
