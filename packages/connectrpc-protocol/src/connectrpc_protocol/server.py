"""The server's side of the seam: from a request to a call.

An application builds one `ServerMethod` per RPC, once. For each request the shell asks it to
`accept` what it knows before the body, and gets a call to drive or, as a value, the refusal to
send. The protocols hide behind the calls; accepting is the only place that picks one.
"""

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import Fields, Peer, StreamServerCall, UnaryServerCall
from connectrpc_protocol.connect.stream import StreamServerMethod
from connectrpc_protocol.connect.unary import UnaryServerMethod
from connectrpc_protocol.grpc import stream as grpc_stream
from connectrpc_protocol.grpc import unary as grpc_unary
from connectrpc_protocol.grpc_web import stream as grpc_web_stream
from connectrpc_protocol.grpc_web import unary as grpc_web_unary
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpResponse, plain_text
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call_co = TypeVar("Call_co", covariant=True)


class Binding(Protocol[Call_co]):
    """One method in one protocol and codec: what a content type stands for."""

    def __call__(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> Call_co | HttpResponse:
        """Begin a call, or refuse it."""
        ...


class ServerMethod(Generic[Call_co]):
    """One RPC with everything ready that does not depend on the request."""

    __slots__ = ("_get", "_method_not_allowed", "_post", "_unsupported")

    def __init__(
        self, post: Mapping[bytes, Binding[Call_co]], get: Binding[Call_co] | None
    ) -> None:
        self._post = post
        self._get = get
        allow = b"POST" if get is None else b"GET, POST"
        self._method_not_allowed = plain_text(405, "method not allowed\n", (b"allow", allow))
        self._unsupported = plain_text(
            415, "unsupported media type\n", (b"accept-post", b", ".join(post))
        )

    def accept(
        self, http_method: str, headers: RawHeaders, query: bytes, peer: Peer
    ) -> Call_co | HttpResponse:
        """Begin a call, or refuse the request: 405, 415, or an error of the protocol."""
        if http_method == "POST":
            fields = dict(headers)
            binding = self._post.get(fields.get(b"content-type", b""))
            if binding is None:
                binding = self._post.get(_media_type(fields.get(b"content-type", b"")))
                if binding is None:
                    return self._unsupported
            return binding(headers, fields, query, peer)
        if http_method == "GET" and self._get is not None:
            return self._get(headers, dict(headers), query, peer)
        return self._method_not_allowed


def unary_server_method(
    method: Method[Req, Res], options: ServerOptions
) -> ServerMethod[UnaryServerCall[Req, Res]]:
    """The protocols' bindings of a unary RPC."""
    connect = UnaryServerMethod(method, options)
    return ServerMethod(
        {
            **connect.post,
            **grpc_unary.unary_bindings(method, options),
            **grpc_web_unary.unary_bindings(method, options),
        },
        connect.get,
    )


def stream_server_method(
    method: Method[Req, Res], options: ServerOptions
) -> ServerMethod[StreamServerCall[Req, Res]]:
    """The protocols' bindings of a client stream, server stream or bidi stream RPC."""
    return ServerMethod(
        {
            **StreamServerMethod(method, options).post,
            **grpc_stream.stream_bindings(method, options),
            **grpc_web_stream.stream_bindings(method, options),
        },
        None,
    )


def _media_type(content_type: bytes) -> bytes:
    """The media type in lower case without its parameters; empty for a charset but UTF-8.

    RFC 9110, section 8.3.1.
    """
    media_type, *parameters = content_type.lower().split(b";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name == b"charset" and value.strip(b'"') not in (b"utf-8", b"utf8"):
            return b""
    return media_type.strip()
