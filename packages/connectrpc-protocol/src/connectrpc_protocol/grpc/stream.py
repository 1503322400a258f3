"""Client stream, server stream and bidi stream calls. Source: grpc/grpc, PROTOCOL-HTTP2.md."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBound
from connectrpc_protocol.call import Fields
from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.deadline import deadline_exceeded
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import PREFIX_SIZE
from connectrpc_protocol.encoding.messages import MessageReader
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.headers import (
    CONTENT_TYPE,
    PROTOCOL,
    content_types,
    request_headers,
)
from connectrpc_protocol.grpc.server import Bound, ServerBinding, ServerCall, server_bindings
from connectrpc_protocol.grpc.status import error_from_trailers
from connectrpc_protocol.headers import Headers, RawHeaders, merged
from connectrpc_protocol.http import HTTP_OK, End, Head, HttpRequest
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions
from connectrpc_protocol.validate_response import check_content_type, response_compression

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class StreamServerCall(ServerCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ("_reader", "_to_client")

    def __init__(
        self,
        bound: Bound[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        super().__init__(bound, context, fields, compression)
        self._to_client = self._negotiate()
        self._reader = MessageReader(
            bound.decoder, compression, exactly_one=bound.method.kind.one_request
        )

    @property
    def wanted(self) -> int:
        return self._reader.wanted

    def feed(self, chunk: bytes) -> Iterator[Req]:
        return self._reader.feed(chunk)

    def feed_end(self) -> None:
        self._reader.finish()
        self._reader.check_count()

    def head(self) -> Head:
        return Head(HTTP_OK, self._headers(self._to_client), self.needs_trailers)

    def message(self, message: Res) -> bytes:
        return self._bound.encoder.envelope(message, self._to_client)

    def end(self, exc: BaseException | None = None) -> End:
        return End(b"", self._trailers(exc))


def stream_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> dict[bytes, ServerBinding[Req, Res, StreamServerCall[Req, Res]]]:
    """The bindings of a method with a stream in at least one direction, by content type."""
    return server_bindings(method, options, PROTOCOL, CONTENT_TYPE, StreamServerCall)


class StreamClientMethod(ClientBound[Req, Res]):
    """One method of one client, with what its calls share."""

    __slots__ = ("content_types", "headers")

    prefix = CONTENT_TYPE
    own_headers: tuple[tuple[str, str], ...] = (("te", "trailers"),)

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_types = content_types(self.prefix, options.codec.name)
        # An HTTP client must not ask on its own account to have the whole body compressed.
        self.headers = [
            ("content-type", self.content_types[-1]),
            *self.own_headers,
            ("accept-encoding", "identity"),
            ("grpc-accept-encoding", options.accept_compression.header),
        ]
        if options.send_compression is not None:
            self.headers.append(("grpc-encoding", options.send_compression.name))

    @property
    def read_limit(self) -> int | None:
        """How long the body of an answer with one message may be, in bytes."""
        limit = self.decoder.limit
        return None if limit is None else limit + PREFIX_SIZE

    def call(self, context: RequestContext) -> "StreamClientCall[Req, Res]":
        """Begin a call."""
        return StreamClientCall(self, context)


class StreamClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ("_bound", "_context", "_has_body", "_reader")

    end_flag = 0

    def __init__(self, bound: StreamClientMethod[Req, Res], context: RequestContext) -> None:
        self._bound = bound
        self._context = context
        self._has_body = False

    def head(self) -> HttpRequest:
        headers = request_headers(self._context, self._bound.headers)
        return HttpRequest("POST", self._bound.url, headers, None)

    def message(self, message: Req) -> bytes:
        return self._bound.encoder.envelope(message, self._bound.options.send_compression)

    def start(self, status: int, headers: RawHeaders) -> None:
        metadata = Headers.from_raw(headers)
        self._context.receive(metadata, Headers())
        if status != HTTP_OK:
            raise self._http_error(status, metadata)
        bound = self._bound
        check_content_type(metadata.get("content-type", ""), bound.content_types, bound.prefix)
        encoding = metadata.get("grpc-encoding", "")
        accepted = bound.options.accept_compression
        self._reader = self._new_reader(response_compression(encoding, accepted))

    def feed(self, chunk: bytes) -> Iterator[Res]:
        self._has_body = self._has_body or bool(chunk)
        return self._reader.feed(chunk)

    def end(self, trailers: RawHeaders = ()) -> None:
        self._receive(self._read_trailers(trailers))
        error = error_from_trailers(self._context.response_trailers)
        if error is not None:
            raise self._with_metadata(error)
        self._reader.finish()
        self._reader.check_count()

    def _read_trailers(self, trailers: RawHeaders) -> Headers | None:
        """The trailers; `None` where the server sent none after the headers."""
        return Headers.from_raw(trailers) if trailers else None

    def _receive(self, trailers: Headers | None) -> None:
        headers = self._context.response_headers
        if trailers is not None:
            self._context.receive(headers, trailers)
        elif not self._has_body:
            # Trailers-Only: what would be trailers came in the headers.
            self._context.receive(Headers(), headers)

    def _http_error(self, status: int, metadata: Headers) -> ConnectError:
        """The error of an answer with another HTTP status than 200.

        If there is a grpc-status, it counts; else something between the two sides answered
        (grpc/grpc, doc/http-grpc-status-mapping.md).
        """
        error = error_from_trailers(metadata) if "grpc-status" in metadata else None
        if error is None:
            error = ConnectError(Code.from_http_status(status), f"HTTP status {status}")
        return self._with_metadata(error)

    def _with_metadata(self, error: ConnectError) -> ConnectError:
        context = self._context
        error.metadata = merged(context.response_headers, context.response_trailers)
        if error.code is Code.CANCELED and context.timeout_ms == 0:
            # The server's clock may be ahead (PROTOCOL-HTTP2.md, "Client Cancellation").
            return deadline_exceeded()
        return error

    def _new_reader(self, compression: Compression | None) -> MessageReader[Res]:
        return MessageReader(
            self._bound.decoder,
            compression,
            exactly_one=self._bound.method.kind.one_response,
            end_flag=self.end_flag,
        )
