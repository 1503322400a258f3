"""What calls of every kind have in common on the server: their trailers end the body."""

from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.grpc.server import ServerCall
from connectrpc_protocol.grpc_web.text import encode_text
from connectrpc_protocol.grpc_web.trailers import pack_trailers
from connectrpc_protocol.http import HTTP_OK, HeaderPair, HttpResponse

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class WebServerCall(ServerCall[Req, Res]):
    """A call in binary."""

    __slots__ = ()

    needs_trailers = False

    def _answer(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        return _whole(headers, body + pack_trailers(trailers))


class TextServerCall(WebServerCall[Req, Res]):
    """A call in base64."""

    __slots__ = ()

    def _answer(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        return _whole(headers, encode_text(body + pack_trailers(trailers)))


def _whole(headers: list[HeaderPair], body: bytes) -> HttpResponse:
    """An answer without HTTP trailers, which so has a known length."""
    return HttpResponse(HTTP_OK, [*headers, (b"content-length", b"%d" % len(body))], body)
