"""The call that a case asks for, and when to cancel it. The same for async and sync clients."""

from typing import Literal, NamedTuple, TypedDict

from connectrpc.conformance.v1 import service_pb2 as pb
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest
from connectrpc.conformance.v1.config_pb2 import (
    Codec,
    Compression,
    HTTPVersion,
    Protocol,
    StreamType,
)
from google.protobuf.message import Message

from common.messages import pairs_of, unpack

_REQUESTS: dict[str, type[Message]] = {
    "Unary": pb.UnaryRequest,
    "IdempotentUnary": pb.IdempotentUnaryRequest,
    "Unimplemented": pb.UnimplementedRequest,
    "ClientStream": pb.ClientStreamRequest,
    "ServerStream": pb.ServerStreamRequest,
    "BidiStream": pb.BidiStreamRequest,
}
_PROTOCOLS: dict[int, str] = {
    Protocol.PROTOCOL_CONNECT: "connect",
    Protocol.PROTOCOL_GRPC: "grpc",
    Protocol.PROTOCOL_GRPC_WEB: "grpc-web",
}
_CODECS: dict[int, str] = {Codec.CODEC_PROTO: "proto", Codec.CODEC_JSON: "json"}
_COMPRESSIONS: dict[int, str | None] = {
    Compression.COMPRESSION_IDENTITY: None,
    Compression.COMPRESSION_GZIP: "gzip",
    Compression.COMPRESSION_BR: "br",
    Compression.COMPRESSION_ZSTD: "zstd",
    Compression.COMPRESSION_DEFLATE: "deflate",
    Compression.COMPRESSION_SNAPPY: "snappy",
}


class Options(TypedDict):
    """The options of our clients."""

    protocol: str
    codec: str
    send_compression: str | None
    accept_compression: tuple[str, ...]
    compress_min_bytes: Literal[0]
    read_max_bytes: int | None


class Cancel(NamedTuple):
    """When to cancel a call, if at all. `after_close_send` is a delay in seconds."""

    before_close_send: bool = False
    after_close_send: float | None = None
    after_responses: int | None = None


class Case:
    """A call to make. Raises `LookupError` if the suite asks for something unknown."""

    def __init__(self, request: ClientCompatRequest) -> None:
        self.kind = request.method
        self.url = (
            f"{'https' if request.server_tls_cert else 'http'}://{request.host}:{request.port}"
        )
        self.options = _options(request)
        self.headers = pairs_of(request.request_headers)
        self.timeout_ms = request.timeout_ms if request.HasField("timeout_ms") else None
        self.use_get = request.use_get_http_method
        self.is_full_duplex = request.stream_type == StreamType.STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
        self.delay = request.request_delay_ms / 1000
        self.cancel = _cancel(request)
        # Over HTTP/1.1, Go's HTTP server discards the part of a request that has not arrived when
        # the response begins, and one of the suite's servers begins the response of a bidi stream
        # after the first message. So the client sends messages that are ready in one piece.
        self.sends_at_once = (
            request.http_version == HTTPVersion.HTTP_VERSION_1
            and not self.delay
            and not self.cancel.before_close_send
        )
        message_type = _REQUESTS[self.kind]
        self.messages = [unpack(packed, message_type) for packed in request.request_messages]


def _options(request: ClientCompatRequest) -> Options:
    compression = _COMPRESSIONS[request.compression]
    return Options(
        protocol=_PROTOCOLS[request.protocol],
        codec=_CODECS[request.codec],
        send_compression=compression,
        accept_compression=(compression,) if compression else (),
        compress_min_bytes=0,
        read_max_bytes=request.message_receive_limit or None,
    )


def _cancel(request: ClientCompatRequest) -> Cancel:
    if not request.HasField("cancel"):
        return Cancel()
    cancel = request.cancel
    timing = cancel.WhichOneof("cancel_timing")
    if timing == "before_close_send":
        return Cancel(before_close_send=True)
    if timing == "after_num_responses":
        return Cancel(after_responses=cancel.after_num_responses)
    return Cancel(after_close_send=cancel.after_close_send_ms / 1000)
