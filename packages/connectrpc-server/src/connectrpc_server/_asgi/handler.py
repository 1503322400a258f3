"""The async functions of a service, bound to the methods that they handle."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Method, RequestContext
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.options import ServerOptions
from connectrpc_protocol.representation import representation
from connectrpc_protocol.server import stream_server_method, unary_server_method
from connectrpc_server._asgi.endpoint import StreamEndpoint, StreamFunction, UnaryEndpoint
from connectrpc_server._asgi.types import ASGIApp
from connectrpc_server._handler_checks import check_async_iterator, check_coroutine_function
from connectrpc_server._mocks import iterator_function

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class Handler:
    """The async function that handles one RPC. Generated applications create handlers.

    Raises `TypeError` for a function that cannot handle calls of its kind.
    """

    __slots__ = ("_build", "method")

    def __init__(
        self,
        method: Method[Message, Message],
        build: Callable[[InterceptorChain, ServerOptions], ASGIApp],
    ) -> None:
        self.method = method
        self._build = build

    def endpoint(self, chain: InterceptorChain, options: ServerOptions) -> ASGIApp:
        """Return the application that handles the requests for the method."""
        return self._build(chain, options)

    def __repr__(self) -> str:
        return representation(self, lambda: f"{self.method.full_name} ({self.method.kind.value})")

    @classmethod
    def unary(
        cls, method: Method[Req, Res], function: Callable[[Req, RequestContext], Awaitable[Res]]
    ) -> "Handler":
        """Create the handler of a unary RPC: one request, one response."""
        check_coroutine_function(method, function)

        def build(chain: InterceptorChain, options: ServerOptions) -> ASGIApp:
            bound = unary_server_method(method, options)
            return UnaryEndpoint(bound, chain.unary(function), chain).handle

        return cls(method, build)

    @classmethod
    def client_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]],
    ) -> "Handler":
        """Create the handler of a client stream: a stream of requests, one response."""
        check_coroutine_function(method, function)
        return cls._stream(method, lambda chain: _one_response(chain.client_stream(function)))

    @classmethod
    def server_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Req, RequestContext], AsyncIterator[Res]],
    ) -> "Handler":
        """Create the handler of a server stream: one request, a stream of responses."""
        check_async_iterator(method, function)
        iterator = iterator_function(function)
        return cls._stream(method, lambda chain: _one_request(chain.server_stream(iterator)))

    @classmethod
    def bidi_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]],
    ) -> "Handler":
        """Create the handler of a bidi stream: a stream of requests, a stream of responses."""
        check_async_iterator(method, function)
        iterator = iterator_function(function)
        return cls._stream(method, lambda chain: _two_streams(chain.bidi_stream(iterator)))

    @classmethod
    def _stream(
        cls,
        method: Method[Req, Res],
        intercept: Callable[[InterceptorChain], StreamFunction[Req, Res]],
    ) -> "Handler":
        def build(chain: InterceptorChain, options: ServerOptions) -> ASGIApp:
            bound = stream_server_method(method, options)
            return StreamEndpoint(bound, intercept(chain), chain).handle

        return cls(method, build)


def _one_response(
    function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]],
) -> StreamFunction[Req, Res]:
    async def begin(requests: AsyncIterator[Req], ctx: RequestContext) -> AsyncIterator[Res]:
        return _iterate(await function(requests, ctx))

    return begin


def _one_request(
    function: Callable[[Req, RequestContext], AsyncIterator[Res]],
) -> StreamFunction[Req, Res]:
    async def begin(requests: AsyncIterator[Req], ctx: RequestContext) -> AsyncIterator[Res]:
        request = await anext(requests)
        async for _ in requests:  # reads up to the end, where the call refuses a second request
            pass
        return function(request, ctx)

    return begin


def _two_streams(
    function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]],
) -> StreamFunction[Req, Res]:
    async def begin(requests: AsyncIterator[Req], ctx: RequestContext) -> AsyncIterator[Res]:
        return function(requests, ctx)

    return begin


async def _iterate(message: Res) -> AsyncGenerator[Res, None]:
    yield message
