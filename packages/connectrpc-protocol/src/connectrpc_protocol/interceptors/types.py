"""The types of interceptors: code that runs around every call, on the client or the server.

The first listed interceptor is the outermost. Metadata interceptors run outside of all others. On
the server they start before the body of the request is read, so they can refuse a call cheaply.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Never, Protocol, TypeAlias, TypeVar, runtime_checkable

from google.protobuf.message import Message

from connectrpc_protocol.context import RequestContext

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


@runtime_checkable
class UnaryInterceptor(Protocol):
    """Wraps unary calls."""

    async def intercept_unary(
        self,
        call_next: Callable[[Req, RequestContext], Awaitable[Res]],
        request: Req,
        ctx: RequestContext,
        /,
    ) -> Res:
        """Return the response, usually with `await call_next(request, ctx)`."""
        ...


@runtime_checkable
class ClientStreamInterceptor(Protocol):
    """Wraps calls with a stream of requests and one response."""

    async def intercept_client_stream(
        self,
        call_next: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]],
        requests: AsyncIterator[Req],
        ctx: RequestContext,
        /,
    ) -> Res:
        """Return the response, usually with `await call_next(requests, ctx)`."""
        ...


@runtime_checkable
class ServerStreamInterceptor(Protocol):
    """Wraps calls with one request and a stream of responses."""

    def intercept_server_stream(
        self,
        call_next: Callable[[Req, RequestContext], AsyncIterator[Res]],
        request: Req,
        ctx: RequestContext,
        /,
    ) -> AsyncIterator[Res]:
        """Yield the responses, usually those of `call_next(request, ctx)`."""
        ...


@runtime_checkable
class BidiStreamInterceptor(Protocol):
    """Wraps calls with a stream in both directions."""

    def intercept_bidi_stream(
        self,
        call_next: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]],
        requests: AsyncIterator[Req],
        ctx: RequestContext,
        /,
    ) -> AsyncIterator[Res]:
        """Yield the responses, usually those of `call_next(requests, ctx)`."""
        ...


@runtime_checkable
class MetadataInterceptor(Protocol[T]):
    """Runs at the start and the end of calls of every kind."""

    async def on_start(self, ctx: RequestContext, /) -> T:
        """Run before the request is read or sent. Raise `ConnectError` to refuse the call."""
        ...

    async def on_end(self, token: T, ctx: RequestContext, error: BaseException | None, /) -> None:
        """Run once for each `on_start` that returned. `token` is its return value."""
        ...


@runtime_checkable
class UnaryInterceptorSync(Protocol):
    """`UnaryInterceptor` for WSGI applications and sync clients."""

    def intercept_unary_sync(
        self, call_next: Callable[[Req, RequestContext], Res], request: Req, ctx: RequestContext, /
    ) -> Res:
        """Return the response, usually with `call_next(request, ctx)`."""
        ...


@runtime_checkable
class ClientStreamInterceptorSync(Protocol):
    """`ClientStreamInterceptor` for WSGI applications and sync clients."""

    def intercept_client_stream_sync(
        self,
        call_next: Callable[[Iterator[Req], RequestContext], Res],
        requests: Iterator[Req],
        ctx: RequestContext,
        /,
    ) -> Res:
        """Return the response, usually with `call_next(requests, ctx)`."""
        ...


@runtime_checkable
class ServerStreamInterceptorSync(Protocol):
    """`ServerStreamInterceptor` for WSGI applications and sync clients."""

    def intercept_server_stream_sync(
        self,
        call_next: Callable[[Req, RequestContext], Iterator[Res]],
        request: Req,
        ctx: RequestContext,
        /,
    ) -> Iterator[Res]:
        """Yield the responses, usually those of `call_next(request, ctx)`."""
        ...


@runtime_checkable
class BidiStreamInterceptorSync(Protocol):
    """`BidiStreamInterceptor` for WSGI applications and sync clients."""

    def intercept_bidi_stream_sync(
        self,
        call_next: Callable[[Iterator[Req], RequestContext], Iterator[Res]],
        requests: Iterator[Req],
        ctx: RequestContext,
        /,
    ) -> Iterator[Res]:
        """Yield the responses, usually those of `call_next(requests, ctx)`."""
        ...


@runtime_checkable
class MetadataInterceptorSync(Protocol[T]):
    """`MetadataInterceptor` for WSGI applications and sync clients."""

    def on_start_sync(self, ctx: RequestContext, /) -> T:
        """Run before the request is read or sent. Raise `ConnectError` to refuse the call."""
        ...

    def on_end_sync(self, token: T, ctx: RequestContext, error: BaseException | None, /) -> None:
        """Run once for each `on_start_sync` that returned. `token` is its return value."""
        ...


class _AnyMetadataInterceptor(Protocol):
    # A MetadataInterceptor[T] of any T. Every `on_end` accepts a token of type `Never`.
    async def on_start(self, ctx: RequestContext, /) -> object: ...
    async def on_end(
        self, token: Never, ctx: RequestContext, error: BaseException | None, /
    ) -> None: ...


class _AnyMetadataInterceptorSync(Protocol):
    def on_start_sync(self, ctx: RequestContext, /) -> object: ...
    def on_end_sync(
        self, token: Never, ctx: RequestContext, error: BaseException | None, /
    ) -> None: ...


Interceptor: TypeAlias = (
    UnaryInterceptor
    | ClientStreamInterceptor
    | ServerStreamInterceptor
    | BidiStreamInterceptor
    | _AnyMetadataInterceptor
)
"""The interceptors that ASGI applications and async clients accept."""

InterceptorSync: TypeAlias = (
    UnaryInterceptorSync
    | ClientStreamInterceptorSync
    | ServerStreamInterceptorSync
    | BidiStreamInterceptorSync
    | _AnyMetadataInterceptorSync
)
"""The interceptors that WSGI applications and sync clients accept."""
