"""Unary calls: one envelope each way.

Source: grpc/grpc, PROTOCOL-HTTP2.md; doc/statuscodes.md on the number of messages.
"""

from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.envelope import COMPRESSED, PREFIX_SIZE, pack
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.headers import CONTENT_TYPE, PROTOCOL
from connectrpc_protocol.grpc.server import ServerBinding, ServerCall, server_bindings
from connectrpc_protocol.grpc.status import OK
from connectrpc_protocol.grpc.stream import StreamClientMethod
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpRequest, HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class UnaryServerCall(ServerCall[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`."""

    __slots__ = ()

    has_body = True

    @property
    def read_limit(self) -> int | None:
        limit = self._bound.decoder.limit
        return None if limit is None else limit + PREFIX_SIZE

    def too_large(self) -> ConnectError:
        return self._bound.decoder.too_large()

    def request(self, body: bytes) -> Req:
        return self._bound.decoder.decode_one(body, self._compression)

    def encode(self, message: Res) -> bytes:
        return self._bound.encoder.encode(message)

    def response(self, body: bytes) -> HttpResponse:
        bound = self._bound
        compression = None
        if len(body) >= bound.encoder.compress_min:
            compression = self._negotiate()
        elif not self.context.has_response_metadata:
            # The path of nearly all small calls.
            return self._answer(bound.headers.copy(), pack(0, body), [OK])
        if compression is None:
            envelope = pack(0, body)
        else:
            envelope = pack(COMPRESSED, compression.compress(body))
        return self._answer(self._headers(compression), envelope, self._trailers(None))


def unary_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> dict[bytes, ServerBinding[Req, Res, UnaryServerCall[Req, Res]]]:
    """The bindings of a unary method, by content type."""
    return server_bindings(method, options, PROTOCOL, CONTENT_TYPE, UnaryServerCall)


class UnaryClientMethod(Generic[Req, Res]):
    """One method of one client. On this side a unary call is a stream of one message."""

    __slots__ = ("_stream",)

    def __init__(self, stream: StreamClientMethod[Req, Res]) -> None:
        self._stream = stream

    def call(self, context: RequestContext) -> "UnaryClientCall[Req, Res]":
        """Begin a call."""
        return UnaryClientCall(self._stream, context)


class UnaryClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryClientCall`."""

    __slots__ = ("_bound", "_stream")

    def __init__(self, bound: StreamClientMethod[Req, Res], context: RequestContext) -> None:
        self._bound = bound
        self._stream = bound.call(context)

    @property
    def read_limit(self) -> int | None:
        return self._bound.read_limit

    def too_large(self) -> ConnectError:
        return self._bound.decoder.too_large()

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
