"""The functions that answer calls, tied to the methods they answer."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Method, RequestContext
from connectrpc_protocol.interceptors.chain import InterceptorChain, InterceptorChainSync
from connectrpc_protocol.options import ServerOptions
from connectrpc_protocol.server import stream_server_method, unary_server_method
from connectrpc_server._asgi import endpoint as asgi
from connectrpc_server._wsgi import endpoint as wsgi

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class Handler:
    """The async function that answers one RPC. Generated applications make them.

    Raises `TypeError` for a function that cannot answer calls of its kind.
    """

    __slots__ = ("_build", "method")

    def __init__(
        self,
        method: Method[Message, Message],
        build: Callable[[InterceptorChain, ServerOptions], asgi.Endpoint],
    ) -> None:
        self.method = method
        self._build = build

    def endpoint(self, chain: InterceptorChain, options: ServerOptions) -> asgi.Endpoint:
        """What answers the requests for the method, with interceptors and options in place."""
        return self._build(chain, options)

    @classmethod
    def unary(
        cls, method: Method[Req, Res], function: Callable[[Req, RequestContext], Awaitable[Res]]
    ) -> "Handler":
        """One request, one response."""
        _check_awaits(method, function)

        def build(chain: InterceptorChain, options: ServerOptions) -> asgi.Endpoint:
            return asgi.UnaryEndpoint(unary_server_method(method, options), function, chain)

        return cls(method, build)

    @classmethod
    def client_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]],
    ) -> "Handler":
        """A stream of requests, one response."""
        _check_awaits(method, function)

        def build(chain: InterceptorChain, options: ServerOptions) -> asgi.Endpoint:
            answer = chain.client_stream(function)

            async def respond(
                requests: AsyncIterator[Req], ctx: RequestContext
            ) -> AsyncIterator[Res]:
                return _only(await answer(requests, ctx))

            return asgi.StreamEndpoint(stream_server_method(method, options), respond, chain)

        return cls(method, build)

    @classmethod
    def server_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Req, RequestContext], AsyncIterator[Res]],
    ) -> "Handler":
        """One request, a stream of responses."""
        _check_iterates(method, function)

        def build(chain: InterceptorChain, options: ServerOptions) -> asgi.Endpoint:
            answer = chain.server_stream(function)

            async def respond(
                requests: AsyncIterator[Req], ctx: RequestContext
            ) -> AsyncIterator[Res]:
                request = await anext(requests)
                async for _ in requests:  # reads on to the end, where a second request is refused
                    pass
                return answer(request, ctx)

            return asgi.StreamEndpoint(stream_server_method(method, options), respond, chain)

        return cls(method, build)

    @classmethod
    def bidi_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]],
    ) -> "Handler":
        """A stream of requests, a stream of responses."""
        _check_iterates(method, function)

        def build(chain: InterceptorChain, options: ServerOptions) -> asgi.Endpoint:
            answer = chain.bidi_stream(function)

            async def respond(
                requests: AsyncIterator[Req], ctx: RequestContext
            ) -> AsyncIterator[Res]:
                return answer(requests, ctx)

            return asgi.StreamEndpoint(stream_server_method(method, options), respond, chain)

        return cls(method, build)


class HandlerSync:
    """The sync function that answers one RPC. Generated applications make them.

    Raises `TypeError` for a function that cannot answer calls of its kind.
    """

    __slots__ = ("_build", "method")

    def __init__(
        self,
        method: Method[Message, Message],
        build: Callable[[InterceptorChainSync, ServerOptions], wsgi.Endpoint],
    ) -> None:
        self.method = method
        self._build = build

    def endpoint(self, chain: InterceptorChainSync, options: ServerOptions) -> wsgi.Endpoint:
        """What answers the requests for the method, with interceptors and options in place."""
        return self._build(chain, options)

    @classmethod
    def unary(
        cls, method: Method[Req, Res], function: Callable[[Req, RequestContext], Res]
    ) -> "HandlerSync":
        """One request, one response."""
        _check_sync(method, function)

        def build(chain: InterceptorChainSync, options: ServerOptions) -> wsgi.Endpoint:
            return wsgi.UnaryEndpoint(unary_server_method(method, options), function, chain)

        return cls(method, build)

    @classmethod
    def client_stream(
        cls, method: Method[Req, Res], function: Callable[[Iterator[Req], RequestContext], Res]
    ) -> "HandlerSync":
        """A stream of requests, one response."""
        _check_sync(method, function)

        def build(chain: InterceptorChainSync, options: ServerOptions) -> wsgi.Endpoint:
            answer = chain.client_stream(function)

            def respond(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
                return iter((answer(requests, ctx),))

            return wsgi.StreamEndpoint(stream_server_method(method, options), respond, chain)

        return cls(method, build)

    @classmethod
    def server_stream(
        cls, method: Method[Req, Res], function: Callable[[Req, RequestContext], Iterator[Res]]
    ) -> "HandlerSync":
        """One request, a stream of responses."""
        _check_sync(method, function)

        def build(chain: InterceptorChainSync, options: ServerOptions) -> wsgi.Endpoint:
            answer = chain.server_stream(function)

            def respond(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
                request = next(requests)
                for _ in requests:  # reads on to the end, where a second request is refused
                    pass
                return answer(request, ctx)

            return wsgi.StreamEndpoint(stream_server_method(method, options), respond, chain)

        return cls(method, build)

    @classmethod
    def bidi_stream(
        cls,
        method: Method[Req, Res],
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]],
    ) -> "HandlerSync":
        """A stream of requests, a stream of responses."""
        _check_sync(method, function)

        def build(chain: InterceptorChainSync, options: ServerOptions) -> wsgi.Endpoint:
            answer = chain.bidi_stream(function)
            return wsgi.StreamEndpoint(stream_server_method(method, options), answer, chain)

        return cls(method, build)


def check_service(service: object) -> None:
    """Raises `TypeError` for what cannot be a service object, such as a class of one."""
    if service is None or isinstance(service, type) or inspect.isroutine(service):
        raise TypeError(f"the service must be an object whose methods answer calls: {service!r}")


async def _only(message: Res) -> AsyncGenerator[Res, None]:
    yield message


def _check_awaits(method: Method[Req, Res], function: Callable[..., object]) -> None:
    if inspect.isroutine(function) and not inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise TypeError(f"{method.full_name}: the handler must be an 'async def' without 'yield'")


def _check_iterates(method: Method[Req, Res], function: Callable[..., object]) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{method.full_name}: the handler must be an async generator ('async def' with 'yield')"
        )


def _check_sync(method: Method[Req, Res], function: Callable[..., object]) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{method.full_name}: a WSGI application needs a sync handler, not async")
