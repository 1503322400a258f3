"""One case of the client's side: what to call, how to cancel, and what came of it.

The same for async and sync clients.
"""

import traceback
from typing import Literal, NamedTuple, TypedDict

from connectrpc.conformance.v1 import service_pb2 as pb
from connectrpc.conformance.v1.client_compat_pb2 import (
    ClientCompatRequest,
    ClientCompatResponse,
    ClientErrorResult,
    ClientResponseResult,
)
from connectrpc.conformance.v1.config_pb2 import (
    Codec,
    Compression,
    HTTPVersion,
    Protocol,
    StreamType,
)
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from connectrpc_client import Code, ConnectError, Headers

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
_ANY_PREFIX = "type.googleapis.com/"


class Options(TypedDict):
    """The options of a client of ours."""

    protocol: str
    codec: str
    send_compression: str | None
    accept_compression: tuple[str, ...]
    compress_min_bytes: Literal[0]
    read_max_bytes: int | None


class Cancel(NamedTuple):
    """When to cancel a call, if at all. The delay is in seconds."""

    before_close_send: bool = False
    after_close_send: float | None = None
    after_responses: int | None = None


class Case:
    """A call to make. Raises `LookupError` for what we do not know."""

    def __init__(self, request: ClientCompatRequest) -> None:
        self.kind = request.method
        self.url = (
            f"{'https' if request.server_tls_cert else 'http'}://{request.host}:{request.port}"
        )
        self.options = _options(request)
        self.headers = [
            (header.name, value) for header in request.request_headers for value in header.value
        ]
        self.timeout_ms = request.timeout_ms if request.HasField("timeout_ms") else None
        self.use_get = request.use_get_http_method
        self.is_full_duplex = request.stream_type == StreamType.STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
        self.delay = request.request_delay_ms / 1000
        self.cancel = _cancel(request)
        # Over HTTP/1.1 Go's HTTP server throws away what is not there of a request when its answer
        # begins, and a server of the suite begins to answer a bidi stream upon its first message.
        # So messages that are all there are sent in one piece.
        self.sends_at_once = (
            request.http_version == HTTPVersion.HTTP_VERSION_1
            and not self.delay
            and not self.cancel.before_close_send
        )
        message_type = _REQUESTS[self.kind]
        self.messages = [_unpack(packed, message_type) for packed in request.request_messages]


class Result:
    """What came of a call, put together while it runs."""

    def __init__(self) -> None:
        self.proto = ClientResponseResult()

    @property
    def count(self) -> int:
        """How many responses have come."""
        return len(self.proto.payloads)

    def add(self, response: pb.BidiStreamResponse | pb.ServerStreamResponse | None) -> None:
        """A response of a stream; `None` where it has ended."""
        if response is not None:
            self.proto.payloads.append(response.payload)

    def set_metadata(self, headers: Headers, trailers: Headers) -> None:
        """The metadata of an answer; called again, it replaces what was there."""
        for target, source in (
            (self.proto.response_headers, headers),
            (self.proto.response_trailers, trailers),
        ):
            del target[:]
            target.extend(pb.Header(name=name, value=source.get_all(name)) for name in source)

    def set_error(self, error: ConnectError) -> None:
        """The error of a failed call.

        Where no answer told headers from trailers, the error holds both: the suite wants those as
        trailers.
        """
        if not self.proto.response_headers and not self.proto.response_trailers:
            self.set_metadata(Headers(), error.metadata)
        details = [
            Any(type_url=_ANY_PREFIX + detail.type_name, value=detail.value)
            for detail in error.details
        ]
        self.proto.error.CopyFrom(
            pb.Error(code=_suite_code(error.code), message=error.message, details=details)
        )

    def set_canceled(self) -> None:
        """The call ended because its task was cancelled.

        In Python that is no error of the call, but `CancelledError`. The suite has a code for it.
        """
        self.proto.error.CopyFrom(pb.Error(code=_suite_code(Code.CANCELED)))


def failed(request: ClientCompatRequest, error: Exception) -> ClientCompatResponse:
    """The answer to the runner when a call could not be made."""
    text = "".join(traceback.format_exception(error))
    return ClientCompatResponse(test_name=request.test_name, error=ClientErrorResult(message=text))


def _suite_code(code: Code) -> str:
    return f"CODE_{code.name}"


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


def _unpack(packed: Any, message_type: type[Message]) -> Message:
    message = message_type()
    if not packed.Unpack(message):
        raise LookupError(f"a request of type {packed.type_url}")
    return message
