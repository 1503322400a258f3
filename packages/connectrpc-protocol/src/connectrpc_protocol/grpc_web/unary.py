"""Unary calls: as in gRPC, with the trailers in the body."""

from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.grpc.server import ServerBinding, server_bindings
from connectrpc_protocol.grpc.unary import UnaryServerCall as GrpcUnaryServerCall
from connectrpc_protocol.grpc_web.headers import CONTENT_TYPE, PROTOCOL, TEXT_CONTENT_TYPE
from connectrpc_protocol.grpc_web.server import TextServerCall, WebServerCall
from connectrpc_protocol.grpc_web.text import TextDecoder, text_size
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class UnaryServerCall(WebServerCall[Req, Res], GrpcUnaryServerCall[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`."""

    __slots__ = ()


class TextUnaryServerCall(TextServerCall[Req, Res], UnaryServerCall[Req, Res]):
    """A call in base64."""

    __slots__ = ()

    @property
    def read_limit(self) -> int | None:
        limit = super().read_limit
        return None if limit is None else text_size(limit)

    def request(self, body: bytes) -> Req:
        decoder = TextDecoder()
        data = decoder.feed(body)
        decoder.finish()
        return super().request(data)


def unary_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> dict[bytes, ServerBinding[Req, Res, UnaryServerCall[Req, Res]]]:
    """The bindings of a unary method, by content type."""
    binary = server_bindings(method, options, PROTOCOL, CONTENT_TYPE, UnaryServerCall)
    text = server_bindings(method, options, PROTOCOL, TEXT_CONTENT_TYPE, TextUnaryServerCall)
    return {**binary, **text}
