"""The server's side of the seam: from a request to a call.

An application builds one `ServerMethod` for each RPC. For each request, the endpoint passes the
method, the headers and the query to `accept`. `accept` returns a call to drive, or a response that
refuses the request. No other code on the server picks a protocol.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import Accept
from connectrpc_protocol.call import Peer, StreamServerCall, UnaryServerCall
from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.header_names import RAW_ACCEPT_POST, RAW_ALLOW, RAW_CONTENT_TYPE
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpResponse, plain_text
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions
from connectrpc_protocol.protocols import PROTOCOLS

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call = TypeVar("Call")

_NAME_LENGTH = 200  # characters of a path from the wire that an error may quote


class ServerMethod(Generic[Call]):
    """One RPC in all protocols and codecs.

    `post` maps each content type to the `accept` of its binding. `get` is the `accept` for HTTP
    GET, or `None` if the method must be called with POST.
    """

    __slots__ = ("_get", "_method_not_allowed", "_post", "_unsupported")

    def __init__(self, post: Mapping[bytes, Accept[Call]], get: Accept[Call] | None) -> None:
        self._post = post
        self._get = get
        allow = b"POST" if get is None else b"GET, POST"
        self._method_not_allowed = plain_text(405, "method not allowed\n", (RAW_ALLOW, allow))
        self._unsupported = plain_text(
            415, "unsupported media type\n", (RAW_ACCEPT_POST, b", ".join(post))
        )

    def accept(
        self, http_method: str, headers: RawHeaders, query: bytes, peer: Peer
    ) -> Call | HttpResponse:
        """Begin a call, or refuse the request: 405, 415, or an error of the protocol."""
        if http_method == "POST":
            fields = dict(headers)
            content_type = fields.get(RAW_CONTENT_TYPE, b"")
            accept = self._post.get(content_type) or self._post.get(_media_type(content_type))
            if accept is None:
                return self._unsupported
            return accept(headers, fields, query, peer)
        if http_method == "GET" and self._get is not None:
            return self._get(headers, dict(headers), query, peer)
        return self._method_not_allowed


def unary_server_method(
    method: Method[Req, Res], options: ServerOptions
) -> ServerMethod[UnaryServerCall[Req, Res]]:
    """Return a unary RPC in all protocols."""
    post: dict[bytes, Accept[UnaryServerCall[Req, Res]]] = {
        binding.content_type: binding.accept
        for protocol in PROTOCOLS
        for binding in protocol.unary_server(method, options)
    }
    get = None
    if method.allows_get:
        # Only Connect defines GET.
        get = next(each.get_server(method, options) for each in PROTOCOLS if each.get_server)
    return ServerMethod(post, get)


def stream_server_method(
    method: Method[Req, Res], options: ServerOptions
) -> ServerMethod[StreamServerCall[Req, Res]]:
    """Return a client stream, server stream or bidi stream RPC in all protocols."""
    post: dict[bytes, Accept[StreamServerCall[Req, Res]]] = {
        binding.content_type: binding.accept
        for protocol in PROTOCOLS
        for binding in protocol.stream_server(method, options)
    }
    return ServerMethod(post, None)


def refuse_unknown_method(http_method: str, headers: RawHeaders, path: str) -> HttpResponse | None:
    """Return the response for a path that leads to no method, in the protocol of the request.

    It is `unimplemented` in gRPC and gRPC-Web, as from every gRPC server (grpc/grpc,
    doc/statuscodes.md). Return `None` for any other request.
    """
    if http_method != "POST":
        return None
    content_type = _media_type(dict(headers).get(RAW_CONTENT_TYPE, b""))
    name = "/".join(path.rsplit("/", 2)[-2:])[:_NAME_LENGTH]
    error = ConnectError(Code.UNIMPLEMENTED, f"this server does not have a method {name}")
    refusals = (each.refuse(content_type, error) for each in PROTOCOLS if each.refuse is not None)
    return next((refusal for refusal in refusals if refusal is not None), None)


def _media_type(content_type: bytes) -> bytes:
    """Return the media type in lower case, without parameters (RFC 9110, section 8.3.1).

    Return `b""` if the charset is not UTF-8, because JSON is always UTF-8 (RFC 8259, section 8.1).
    """
    media_type, *parameters = content_type.lower().split(b";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name == b"charset" and value.strip(b'"') not in (b"utf-8", b"utf8"):
            return b""
    return media_type.strip()
