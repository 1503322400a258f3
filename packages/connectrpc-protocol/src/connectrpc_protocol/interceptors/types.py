"""Interceptors: code around every call, on both sides.

The first listed interceptor is the outermost. Metadata interceptors start before the body of a
request is read, so they are outside all others; authentication there refuses cheaply.
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
        """Answer the call, usually with `await call_next(request, ctx)`."""
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
        """Answer the call, usually with `await call_next(requests, ctx)`."""
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
        """Answer the call, usually by yielding what `call_next(request, ctx)` yields."""
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
        """Answer the call, usually by yielding what `call_next(requests, ctx)` yields."""
        ...


@runtime_checkable
class MetadataInterceptor(Protocol[T]):
    """Runs at the start and the end of every call, whatever its kind."""

    async def on_start(self, ctx: RequestContext, /) -> T:
        """Called before the request is read or sent; raise `ConnectError` to refuse the call."""
        ...

    async def on_end(self, token: T, ctx: RequestContext, error: BaseException | None, /) -> None:
        """Called once for each `on_start` that returned, with what it returned."""
        ...


@runtime_checkable
class UnaryInterceptorSync(Protocol):
    """`UnaryInterceptor` for WSGI applications and sync clients."""

    def intercept_unary_sync(
        self, call_next: Callable[[Req, RequestContext], Res], request: Req, ctx: RequestContext, /
    ) -> Res:
        """Answer the call, usually with `call_next(request, ctx)`."""
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
        """Answer the call, usually with `call_next(requests, ctx)`."""
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
        """Answer the call, usually by yielding what `call_next(request, ctx)` yields."""
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
        """Answer the call, usually by yielding what `call_next(requests, ctx)` yields."""
        ...


@runtime_checkable
class MetadataInterceptorSync(Protocol[T]):
    """`MetadataInterceptor` for WSGI applications and sync clients."""

    def on_start_sync(self, ctx: RequestContext, /) -> T:
        """Called before the request is read or sent; raise `ConnectError` to refuse the call."""
        ...

    def on_end_sync(self, token: T, ctx: RequestContext, error: BaseException | None, /) -> None:
        """Called once for each `on_start_sync` that returned, with what it returned."""
        ...


class _AnyMetadataInterceptor(Protocol):
    # A MetadataInterceptor[T] of any T: a token is taken as `Never`, so every `on_end` fits.
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
"""What ASGI applications and async clients take."""

InterceptorSync: TypeAlias = (
    UnaryInterceptorSync
    | ClientStreamInterceptorSync
    | ServerStreamInterceptorSync
    | BidiStreamInterceptorSync
    | _AnyMetadataInterceptorSync
)
"""What WSGI applications and sync clients take."""
