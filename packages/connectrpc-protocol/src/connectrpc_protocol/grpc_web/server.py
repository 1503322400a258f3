"""The server side of gRPC-Web: as in gRPC, but the last envelope of the body has the trailers.

The body may be base64. Source: grpc/grpc, PROTOCOL-WEB.md.
"""

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import BodyPrefixes, Fields
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.headers import has_prefix
from connectrpc_protocol.grpc.server import (
    AnyGrpcBinding,
    GrpcServerBinding,
    GrpcServerCall,
    GrpcStreamServerCall,
    GrpcUnaryServerCall,
    grpc_bindings,
)
from connectrpc_protocol.grpc.status import error_to_trailers
from connectrpc_protocol.grpc_web.headers import (
    CONTENT_TYPE_PREFIX,
    PROTOCOL,
    TEXT_CONTENT_TYPE_PREFIX,
)
from connectrpc_protocol.grpc_web.text import (
    TextDecoder,
    TextPrefixes,
    encode_text,
    text_size,
)
from connectrpc_protocol.grpc_web.trailers import pack_trailers
from connectrpc_protocol.header_names import RAW_CONTENT_LENGTH, RAW_CONTENT_TYPE
from connectrpc_protocol.http import HTTP_OK, End, HeaderPair, HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


def unary_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> "list[GrpcServerBinding[Req, Res, GrpcWebUnaryServerCall[Req, Res]]]":
    """Return the bindings of a unary method, one for each content type."""
    binary = grpc_bindings(method, options, PROTOCOL, CONTENT_TYPE_PREFIX, GrpcWebUnaryServerCall)
    text = grpc_bindings(
        method, options, PROTOCOL, TEXT_CONTENT_TYPE_PREFIX, GrpcWebTextUnaryServerCall
    )
    return [*binary, *text]


def stream_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> "list[GrpcServerBinding[Req, Res, GrpcWebStreamServerCall[Req, Res]]]":
    """Return the bindings of a method with a stream, one for each content type."""
    binary = grpc_bindings(method, options, PROTOCOL, CONTENT_TYPE_PREFIX, GrpcWebStreamServerCall)
    text = grpc_bindings(
        method, options, PROTOCOL, TEXT_CONTENT_TYPE_PREFIX, GrpcWebTextStreamServerCall
    )
    return [*binary, *text]


def refuse(content_type: bytes, error: ConnectError) -> HttpResponse | None:
    """Return the response of a failed call without a binding, or `None` for another protocol."""
    body = pack_trailers(error_to_trailers(error))
    if has_prefix(content_type, TEXT_CONTENT_TYPE_PREFIX):
        body = encode_text(body)
    elif not has_prefix(content_type, CONTENT_TYPE_PREFIX):
        return None
    return _response_with_length([(RAW_CONTENT_TYPE, content_type)], body)


class GrpcWebServerCall(GrpcServerCall[Req, Res]):
    """The part that unary calls and calls with streams have in common, for binary bodies."""

    __slots__ = ()

    needs_trailers = False

    def _build_response(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        return _response_with_length(headers, body + pack_trailers(trailers))


class GrpcWebTextServerCall(GrpcWebServerCall[Req, Res]):
    """The part that unary calls and calls with streams have in common, for bodies in base64."""

    __slots__ = ()

    def _build_response(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        return _response_with_length(headers, encode_text(body + pack_trailers(trailers)))


class GrpcWebUnaryServerCall(GrpcWebServerCall[Req, Res], GrpcUnaryServerCall[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`."""

    __slots__ = ()


class GrpcWebTextUnaryServerCall(GrpcWebTextServerCall[Req, Res], GrpcWebUnaryServerCall[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`. The body is base64."""

    __slots__ = ()

    @property
    def read_limit(self) -> int | None:
        limit = super().read_limit
        return None if limit is None else text_size(limit)

    def prefixes(self) -> BodyPrefixes:
        return TextPrefixes(super().prefixes())

    def request(self, body: bytes) -> Req:
        decoder = TextDecoder()
        data = decoder.feed(body)
        decoder.finish()
        return super().request(data)


class GrpcWebStreamServerCall(GrpcWebServerCall[Req, Res], GrpcStreamServerCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ()

    def end(self, exc: BaseException | None = None) -> End:
        return End(pack_trailers(self._trailers(exc)))


class GrpcWebTextStreamServerCall(
    GrpcWebTextServerCall[Req, Res], GrpcWebStreamServerCall[Req, Res]
):
    """See `connectrpc_protocol.call.StreamServerCall`. The body is base64."""

    __slots__ = ("_text",)

    def __init__(
        self,
        binding: AnyGrpcBinding[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        super().__init__(binding, context, fields, compression)
        self._text = TextDecoder()

    @property
    def wanted(self) -> int:
        return self._text.wanted(super().wanted)

    def feed(self, chunk: bytes) -> Iterator[Req]:
        return super().feed(self._text.feed(chunk))

    def feed_end(self) -> None:
        self._text.finish()
        super().feed_end()

    def message(self, message: Res) -> bytes:
        return encode_text(super().message(message))

    def end(self, exc: BaseException | None = None) -> End:
        return End(encode_text(super().end(exc).body))


def _response_with_length(headers: list[HeaderPair], body: bytes) -> HttpResponse:
    """Return a response with a content-length. It does not have HTTP trailers."""
    return HttpResponse(HTTP_OK, [*headers, (RAW_CONTENT_LENGTH, b"%d" % len(body))], body)
