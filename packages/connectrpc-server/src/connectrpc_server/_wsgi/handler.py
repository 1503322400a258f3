"""The sync functions of a service, bound to the methods that they handle."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Method, RequestContext
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.options import ServerOptions
from connectrpc_protocol.representation import representation
from connectrpc_protocol.server import stream_server_method, unary_server_method
from connectrpc_server._handler_checks import check_sync
from connectrpc_server._wsgi.endpoint import StreamEndpoint, StreamFunction, UnaryEndpoint
from connectrpc_server._wsgi.types import WSGIApp

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class HandlerSync:
    """The sync function that handles one RPC. Generated applications create handlers.

    Raises `TypeError` for a function that cannot handle calls of its kind.
    """

    __slots__ = ("_build", "method")

    def __init__(
        self,
        method: Method[Message, Message],
        build: Callable[[InterceptorChainSync, ServerOptions], WSGIApp],
    ) -> None:
        self.method = method
        self._build = build

    def endpoint(self, chain: InterceptorChainSync, options: ServerOptions) -> WSGIApp:
        """Return the application that handles the requests for the method."""
        return self._build(chain, options)

    def __repr__(self) -> str:
        return representation(self, lambda: f"{self.method.full_name} ({self.method.kind.value})")

    @classmethod
    def unary(
        cls, method: Method[Req, Res], function: Callable[[Req, RequestContext], Res]
    ) -> "HandlerSync":
        """Create the handler of a unary RPC: one request, one response."""
        check_sync(method, function)

        def build(chain: InterceptorChainSync, options: ServerOptions) -> WSGIApp:
            bound = unary_server_method(method, options)
            return UnaryEndpoint(bound, chain.unary(function), chain).handle

        return cls(method, build)

    @classmethod
    def client_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Iterator[Req], RequestContext], Res],
    ) -> "HandlerSync":
        """Create the handler of a client stream: a stream of requests, one response."""
        check_sync(method, function)
        return cls._stream(method, lambda chain: _one_response(chain.client_stream(function)))

    @classmethod
    def server_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Req, RequestContext], Iterator[Res]],
    ) -> "HandlerSync":
        """Create the handler of a server stream: one request, a stream of responses."""
        check_sync(method, function)
        return cls._stream(method, lambda chain: _one_request(chain.server_stream(function)))

    @classmethod
    def bidi_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]],
    ) -> "HandlerSync":
        """Create the handler of a bidi stream: a stream of requests, a stream of responses."""
        check_sync(method, function)
        return cls._stream(method, lambda chain: chain.bidi_stream(function))

    @classmethod
    def _stream(
        cls,
        method: Method[Req, Res],
        intercept: Callable[[InterceptorChainSync], StreamFunction[Req, Res]],
    ) -> "HandlerSync":
        def build(chain: InterceptorChainSync, options: ServerOptions) -> WSGIApp:
            bound = stream_server_method(method, options)
            return StreamEndpoint(bound, intercept(chain), chain).handle

        return cls(method, build)


def _one_response(
    function: Callable[[Iterator[Req], RequestContext], Res],
) -> StreamFunction[Req, Res]:
    def begin(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
        return iter((function(requests, ctx),))

    return begin


def _one_request(
    function: Callable[[Req, RequestContext], Iterator[Res]],
) -> StreamFunction[Req, Res]:
    def begin(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
        request = next(requests)
        for _ in requests:  # reads up to the end, where the call refuses a second request
            pass
        return function(request, ctx)

    return begin
