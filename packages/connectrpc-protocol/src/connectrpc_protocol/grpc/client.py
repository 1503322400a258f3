"""The client side of gRPC.

Sources: grpc/grpc, PROTOCOL-HTTP2.md; doc/statuscodes.md on the number of messages.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBinding
from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.deadline import deadline_exceeded
from connectrpc_protocol.encoding.compression import IDENTITY, Compression
from connectrpc_protocol.encoding.message_stream import MessageReader, single_message_limit
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.headers import CONTENT_TYPE_PREFIX, content_types, request_headers
from connectrpc_protocol.grpc.status import error_from_trailers
from connectrpc_protocol.header_names import (
    ACCEPT_ENCODING,
    CONTENT_TYPE,
    GRPC_ACCEPT_ENCODING,
    GRPC_ENCODING,
    GRPC_STATUS,
    TE,
)
from connectrpc_protocol.headers import Headers, RawHeaders, merged
from connectrpc_protocol.http import HTTP_OK, HttpRequest
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions
from connectrpc_protocol.validate_response import check_content_type, response_compression

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call_co = TypeVar("Call_co", covariant=True)


class GrpcClientBinding(ClientBinding[Req, Res, Call_co]):
    """A method of one client, in gRPC. gRPC-Web overrides the parts that differ."""

    __slots__ = ("content_types", "headers")

    prefix = CONTENT_TYPE_PREFIX
    protocol_headers: tuple[tuple[str, str], ...] = ((TE, "trailers"),)

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_types = content_types(self.prefix, options.codec.name)
        self.headers = [
            (CONTENT_TYPE, self.content_types[-1]),
            *self.protocol_headers,
            # Without this, an HTTP client sends its own list, for compression of the whole body.
            (ACCEPT_ENCODING, IDENTITY),
            (GRPC_ACCEPT_ENCODING, options.accept_compression.header),
        ]
        if options.send_compression is not None:
            self.headers.append((GRPC_ENCODING, options.send_compression.name))

    @property
    def read_limit(self) -> int | None:
        """The largest body of a response with one message, in bytes."""
        return single_message_limit(self.decoder.limit)

    def stream_call(self, context: RequestContext) -> "GrpcStreamClientCall[Req, Res]":
        """Begin a call as a stream, even if it is unary."""
        return GrpcStreamClientCall(self, context)


class GrpcUnaryClientBinding(GrpcClientBinding[Req, Res, "GrpcUnaryClientCall[Req, Res]"]):
    """A unary method of one client."""

    __slots__ = ()

    def call(self, context: RequestContext) -> "GrpcUnaryClientCall[Req, Res]":
        return GrpcUnaryClientCall(self, context)


class GrpcUnaryClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryClientCall`. It is a stream of one message each way."""

    __slots__ = ("_binding", "_stream")

    def __init__(
        self,
        binding: "GrpcClientBinding[Req, Res, GrpcUnaryClientCall[Req, Res]]",
        context: RequestContext,
    ) -> None:
        self._binding = binding
        self._stream = binding.stream_call(context)

    @property
    def read_limit(self) -> int | None:
        return self._binding.read_limit

    def too_large(self) -> ConnectError:
        return self._binding.decoder.too_large()

    def request(self, message: Req) -> HttpRequest:
        body = self._stream.message(message)
        return self._stream.head()._replace(body=body)

    def response(
        self, status: int, headers: RawHeaders, body: bytes, trailers: RawHeaders = ()
    ) -> Res:
        self._stream.start(status, headers)
        messages = list(self._stream.feed(body))
        self._stream.end(trailers)
        return messages[0]


class GrpcStreamClientBinding(GrpcClientBinding[Req, Res, "GrpcStreamClientCall[Req, Res]"]):
    """A method of one client with a stream in at least one direction."""

    __slots__ = ()

    def call(self, context: RequestContext) -> "GrpcStreamClientCall[Req, Res]":
        return self.stream_call(context)


class GrpcStreamClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ("_binding", "_context", "_has_body", "_reader")

    end_flag = 0

    def __init__(
        self, binding: GrpcClientBinding[Req, Res, object], context: RequestContext
    ) -> None:
        self._binding = binding
        self._context = context
        self._has_body = False

    def head(self) -> HttpRequest:
        headers = request_headers(self._context, self._binding.headers)
        return HttpRequest("POST", self._binding.url, headers, None)

    def message(self, message: Req) -> bytes:
        return self._binding.encoder.envelope(message, self._binding.options.send_compression)

    def start(self, status: int, headers: RawHeaders) -> None:
        metadata = Headers.from_raw(headers)
        self._context.receive(metadata, Headers())
        try:
            compression = self._checked_head(status, metadata)
        except ConnectError as error:
            # If the headers have the `grpc-status` of a failure, that is the error. Otherwise the
            # response may come from a proxy.
            failure = error_from_trailers(metadata) if GRPC_STATUS in metadata else None
            raise self._completed(failure or error) from None
        self._reader = self._new_reader(compression)

    def _checked_head(self, status: int, metadata: Headers) -> Compression | None:
        """Return the compression of the messages. Raises `ConnectError` for an unexpected head."""
        if status != HTTP_OK:
            # grpc/grpc, doc/http-grpc-status-mapping.md.
            raise ConnectError(Code.from_http_status(status), f"HTTP status {status}")
        binding = self._binding
        check_content_type(metadata.get(CONTENT_TYPE, ""), binding.content_types, binding.prefix)
        accepted = binding.options.accept_compression
        return response_compression(metadata.get(GRPC_ENCODING, ""), accepted)

    def feed(self, chunk: bytes) -> Iterator[Res]:
        self._has_body = self._has_body or bool(chunk)
        return self._reader.feed(chunk)

    def end(self, trailers: RawHeaders = ()) -> None:
        received = self._read_trailers(trailers)
        self._receive(received)
        error = error_from_trailers(self._status(received))
        if error is not None:
            raise self._completed(error)
        self._reader.finish()
        self._reader.check_count()

    def _read_trailers(self, trailers: RawHeaders) -> Headers | None:
        """Return the trailers after the body, or `None` if the server did not send any."""
        return Headers.from_raw(trailers) if trailers else None

    def _receive(self, trailers: Headers | None) -> None:
        headers = self._context.response_headers
        if trailers is not None:
            self._context.receive(headers, trailers)
        elif not self._has_body:
            # Trailers-Only: the headers are the trailers.
            self._context.receive(Headers(), headers)

    def _status(self, trailers: Headers | None) -> Headers:
        """Return the headers or the trailers, whichever have the status."""
        context = self._context
        if trailers is None or GRPC_STATUS in context.response_trailers:
            return context.response_trailers
        # Some servers and proxies put the status into the headers, before trailers without it.
        return context.response_headers

    def _completed(self, error: ConnectError) -> ConnectError:
        """Return the error with all metadata, or `deadline_exceeded` for a late cancellation."""
        context = self._context
        error.metadata = merged(context.response_headers, context.response_trailers)
        if error.code is Code.CANCELED and context.timeout_ms == 0:
            # The server noticed the deadline first, for example because its clock is faster. The
            # error must not use the server's trailers (PROTOCOL-HTTP2.md, "Client Cancellation").
            return deadline_exceeded()
        return error

    def _new_reader(self, compression: Compression | None) -> MessageReader[Res]:
        return MessageReader(
            self._binding.decoder,
            compression,
            exactly_one=self._binding.method.kind.one_response,
            end_flag=self.end_flag,
        )
