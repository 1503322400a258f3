"""Client stream, server stream and bidi stream calls: as in gRPC, with the trailers in the body."""

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import Fields
from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import PREFIX_SIZE
from connectrpc_protocol.encoding.messages import end_limit
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.server import Bound, ServerBinding, server_bindings
from connectrpc_protocol.grpc.stream import StreamClientCall as GrpcStreamClientCall
from connectrpc_protocol.grpc.stream import StreamClientMethod as GrpcStreamClientMethod
from connectrpc_protocol.grpc.stream import StreamServerCall as GrpcStreamServerCall
from connectrpc_protocol.grpc_web.headers import CONTENT_TYPE, PROTOCOL, TEXT_CONTENT_TYPE
from connectrpc_protocol.grpc_web.server import TextServerCall, WebServerCall
from connectrpc_protocol.grpc_web.text import TextDecoder, encode_text
from connectrpc_protocol.grpc_web.trailers import TRAILERS, pack_trailers, parse_trailers
from connectrpc_protocol.headers import Headers, RawHeaders
from connectrpc_protocol.http import End
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class StreamServerCall(WebServerCall[Req, Res], GrpcStreamServerCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ()

    def end(self, exc: BaseException | None = None) -> End:
        return End(pack_trailers(self._trailers(exc)))


class TextStreamServerCall(TextServerCall[Req, Res], StreamServerCall[Req, Res]):
    """A call in base64."""

    __slots__ = ("_text",)

    def __init__(
        self,
        bound: Bound[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        super().__init__(bound, context, fields, compression)
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


def stream_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> dict[bytes, ServerBinding[Req, Res, StreamServerCall[Req, Res]]]:
    """The bindings of a method with a stream in at least one direction, by content type."""
    binary = server_bindings(method, options, PROTOCOL, CONTENT_TYPE, StreamServerCall)
    text = server_bindings(method, options, PROTOCOL, TEXT_CONTENT_TYPE, TextStreamServerCall)
    return {**binary, **text}


class StreamClientMethod(GrpcStreamClientMethod[Req, Res]):
    """One method of one client, with what its calls share."""

    __slots__ = ()

    prefix = CONTENT_TYPE
    own_headers = ()

    @property
    def read_limit(self) -> int | None:
        messages, end = super().read_limit, end_limit(self.decoder.limit)
        return None if messages is None or end is None else messages + end + PREFIX_SIZE

    def call(self, context: RequestContext) -> "StreamClientCall[Req, Res]":
        """Begin a call."""
        return StreamClientCall(self, context)


class StreamClientCall(GrpcStreamClientCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ()

    end_flag = TRAILERS

    def _read_trailers(self, trailers: RawHeaders) -> Headers | None:
        block = self._reader.end_data
        if block is None:
            return None
        try:
            return parse_trailers(block)
        except ValueError as error:
            raise ConnectError(Code.INTERNAL, f"malformed trailers: {error}") from None
