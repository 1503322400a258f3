"""The server side of gRPC.

Sources: grpc/grpc, PROTOCOL-HTTP2.md; doc/statuscodes.md on the number of messages.
"""

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ServerBinding
from connectrpc_protocol.call import BodyPrefixes, Fields, Peer
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import COMPRESSED, PrefixReader, pack
from connectrpc_protocol.encoding.message_stream import (
    MessageReader,
    decode_single_message,
    single_message_limit,
)
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.headers import (
    CONTENT_TYPE_PREFIX,
    PROTOCOL,
    content_types,
    has_prefix,
    read_compression,
    read_deadline,
)
from connectrpc_protocol.grpc.status import OK, error_to_trailers
from connectrpc_protocol.header_names import (
    RAW_CONTENT_TYPE,
    RAW_GRPC_ACCEPT_ENCODING,
    RAW_GRPC_ENCODING,
    RAW_GRPC_TIMEOUT,
)
from connectrpc_protocol.headers import RawHeaders, raw_pairs
from connectrpc_protocol.http import HTTP_OK, End, Head, HeaderPair, HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.names import ProtocolName
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class _Call(Protocol):
    def failure(self, exc: BaseException) -> HttpResponse: ...


Call = TypeVar("Call", bound=_Call)
Call_co = TypeVar("Call_co", bound=_Call, covariant=True)


def unary_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> "list[GrpcServerBinding[Req, Res, GrpcUnaryServerCall[Req, Res]]]":
    """Return the bindings of a unary method, one for each content type."""
    return grpc_bindings(method, options, PROTOCOL, CONTENT_TYPE_PREFIX, GrpcUnaryServerCall)


def stream_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> "list[GrpcServerBinding[Req, Res, GrpcStreamServerCall[Req, Res]]]":
    """Return the bindings of a method with a stream, one for each content type."""
    return grpc_bindings(method, options, PROTOCOL, CONTENT_TYPE_PREFIX, GrpcStreamServerCall)


def grpc_bindings(
    method: Method[Req, Res],
    options: ServerOptions,
    protocol: ProtocolName,
    prefix: str,
    new_call: "NewCall[Req, Res, Call]",
) -> "list[GrpcServerBinding[Req, Res, Call]]":
    """Return the bindings of a method in gRPC or gRPC-Web, one for each content type."""
    return [
        GrpcServerBinding(method, codec, options, content_type, protocol, new_call)
        for codec in options.codecs
        for content_type in content_types(prefix, codec.name)
    ]


def refuse(content_type: bytes, error: ConnectError) -> HttpResponse | None:
    """Return the response of a failed call without a binding, or `None` for another protocol."""
    if not has_prefix(content_type, CONTENT_TYPE_PREFIX):
        return None
    return HttpResponse(
        HTTP_OK, [(RAW_CONTENT_TYPE, content_type)], trailers=error_to_trailers(error)
    )


class GrpcServerBinding(ServerBinding[Req, Res, Call_co]):
    """A method in one content type of gRPC or gRPC-Web.

    `headers` are the first headers of every response. They list the compressions that the server
    accepts. That is required if a client used a compression that the server does not have
    (grpc/grpc, doc/compression.md). `read_limit` is the largest body of a unary call, in bytes.
    """

    __slots__ = ("_new_call", "_protocol", "headers", "read_limit")

    def __init__(
        self,
        method: Method[Req, Res],
        codec: Codec,
        options: ServerOptions,
        content_type: str,
        protocol: ProtocolName,
        new_call: "NewCall[Req, Res, Call_co]",
    ) -> None:
        super().__init__(method, codec, options, content_type)
        self.headers = [
            (RAW_CONTENT_TYPE, self.content_type),
            (RAW_GRPC_ACCEPT_ENCODING, options.compressions.header.encode()),
        ]
        self.read_limit = single_message_limit(options.read_max_bytes)
        self._protocol: ProtocolName = protocol
        self._new_call = new_call

    def accept(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> Call_co | HttpResponse:
        deadline = compression = error = None
        if self.may_have_deadline or RAW_GRPC_TIMEOUT in fields or RAW_GRPC_ENCODING in fields:
            try:
                deadline = read_deadline(fields, self.options)
                compression = read_compression(fields, self.options)
            except ConnectError as exc:
                error = exc
        context = RequestContext(self.method, self._protocol, "POST", headers, deadline, peer)
        call = self._new_call(self, context, fields, compression)
        return call if error is None else call.failure(error)


class GrpcServerCall(Generic[Req, Res]):
    """The part that unary calls and calls with streams have in common."""

    __slots__ = ("_binding", "_compression", "_fields", "context")

    needs_trailers = True

    def __init__(
        self,
        binding: "GrpcServerBinding[Req, Res, _Call]",
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        self._binding = binding
        self.context = context
        self._fields = fields
        self._compression = compression

    def failure(self, exc: BaseException) -> HttpResponse:
        return self._build_response(self._headers(None), b"", self._trailers(exc))

    def _negotiate(self) -> Compression | None:
        accepted = self._fields.get(RAW_GRPC_ACCEPT_ENCODING, b"").decode("latin-1")
        return self._binding.options.compressions.negotiate(accepted)

    def _headers(self, compression: Compression | None) -> list[HeaderPair]:
        headers = self._binding.headers.copy()
        if compression is not None:
            headers.append((RAW_GRPC_ENCODING, compression.name.encode()))
        if self.context.has_response_metadata:
            headers += raw_pairs(self.context.response_headers.metadata())
        return headers

    def _trailers(self, exc: BaseException | None) -> list[HeaderPair]:
        error = None if exc is None else self._binding.to_connect_error(exc)
        trailers = [OK] if error is None else error_to_trailers(error)
        if self.context.has_response_metadata:
            trailers += raw_pairs(self.context.response_trailers.metadata())
        if error is not None:
            trailers += raw_pairs(error.metadata.metadata())
        return trailers

    def _build_response(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        """Return a whole response.

        It does not have a content-length, because HTTP/1.1 allows trailers only without one.
        """
        return HttpResponse(HTTP_OK, headers, body, trailers)


class GrpcUnaryServerCall(GrpcServerCall[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`. One envelope each way."""

    __slots__ = ()

    has_body = True

    @property
    def read_limit(self) -> int | None:
        return self._binding.read_limit

    def too_large(self) -> ConnectError:
        return self._binding.decoder.too_large()

    def prefixes(self) -> BodyPrefixes:
        return PrefixReader(self._binding.decoder.limit)

    def request(self, body: bytes) -> Req:
        return decode_single_message(self._binding.decoder, body, self._compression)

    def encode(self, message: Res) -> bytes:
        return self._binding.encoder.encode(message)

    def response(self, body: bytes) -> HttpResponse:
        binding = self._binding
        compression = None
        if len(body) >= binding.encoder.compress_min:
            compression = self._negotiate()
        elif not self.context.has_response_metadata:
            # Most calls take this path: a small response without metadata.
            return self._build_response(binding.headers.copy(), pack(0, body), [OK])
        if compression is None:
            envelope = pack(0, body)
        else:
            envelope = pack(COMPRESSED, compression.compress(body))
        return self._build_response(self._headers(compression), envelope, self._trailers(None))


class GrpcStreamServerCall(GrpcServerCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ("_reader", "_to_client")

    def __init__(
        self,
        binding: "GrpcServerBinding[Req, Res, _Call]",
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        super().__init__(binding, context, fields, compression)
        self._to_client = self._negotiate()
        self._reader = MessageReader(
            binding.decoder, compression, exactly_one=binding.method.kind.one_request
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
        self.context.note_sent_head()
        return Head(HTTP_OK, self._headers(self._to_client), self.needs_trailers)

    def message(self, message: Res) -> bytes:
        return self._binding.encoder.envelope(message, self._to_client)

    def end(self, exc: BaseException | None = None) -> End:
        return End(b"", self._trailers(exc))


AnyGrpcBinding = GrpcServerBinding[Req, Res, _Call]
NewCall = Callable[[AnyGrpcBinding[Req, Res], RequestContext, Fields, Compression | None], Call]
"""The constructor of a call."""
