"""Interceptors, checked and composed once, when an application or a client is built.

The async and the sync chain have the same methods. `unary` and the methods for the other kinds of
RPC wrap a function, such as a handler, in the interceptors for that kind.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import TypeGuard, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.argument_checks import as_tuple
from connectrpc_protocol.closing import aclose_iterator, close_iterator
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.interceptors.around import Around, AroundSync, Limit
from connectrpc_protocol.interceptors.types import (
    BidiStreamInterceptor,
    BidiStreamInterceptorSync,
    ClientStreamInterceptor,
    ClientStreamInterceptorSync,
    Interceptor,
    InterceptorSync,
    MetadataInterceptor,
    MetadataInterceptorSync,
    ServerStreamInterceptor,
    ServerStreamInterceptorSync,
    UnaryInterceptor,
    UnaryInterceptorSync,
)
from connectrpc_protocol.interceptors.validation import (
    check_async_interceptor,
    check_is_reached,
    check_sync_interceptor,
)
from connectrpc_protocol.method import MethodKind

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class InterceptorChain:
    """The interceptors of an ASGI application or an async client.

    Raises `TypeError` for one interceptor instead of a list, and for an object that is not a usable
    async interceptor: one without an async
    method, with a misspelt method, with a sync method under an async name, with other parameters,
    with only `on_start` or only `on_end`, or with a method that exists only in its sync form beside
    other async methods.
    """

    __slots__ = ("_interceptors", "metadata")

    def __init__(self, interceptors: Iterable[Interceptor]) -> None:
        self._interceptors = as_tuple("interceptors", interceptors)
        for interceptor in self._interceptors:
            check_async_interceptor(interceptor)
        self.metadata: tuple[MetadataInterceptor[object], ...] = tuple(
            interceptor for interceptor in self._interceptors if _is_metadata(interceptor)
        )

    def check_are_reached(self, kinds: Iterable[MethodKind], service: str) -> None:
        """Raise `TypeError` if an interceptor does not run for any of the methods of a service.

        If `kinds` is empty, the methods of the service are unknown, and nothing is checked.
        """
        known: set[MethodKind] = set(kinds) if self._interceptors else set()
        for interceptor in self._interceptors:
            check_is_reached(interceptor, known, service, suffix="")

    def unary(
        self, call_next: Callable[[Req, RequestContext], Awaitable[Res]]
    ) -> Callable[[Req, RequestContext], Awaitable[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, UnaryInterceptor):
                call_next = partial(interceptor.intercept_unary, call_next)
        return call_next

    def client_stream(
        self, call_next: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]
    ) -> Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, ClientStreamInterceptor):
                call_next = partial(interceptor.intercept_client_stream, call_next)
        return call_next

    def server_stream(
        self, call_next: Callable[[Req, RequestContext], AsyncIterator[Res]]
    ) -> Callable[[Req, RequestContext], AsyncIterator[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, ServerStreamInterceptor):
                intercept: Callable[..., AsyncIterator[Res]] = interceptor.intercept_server_stream
                call_next = partial(_close_at_end, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]
    ) -> Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, BidiStreamInterceptor):
                intercept: Callable[..., AsyncIterator[Res]] = interceptor.intercept_bidi_stream
                call_next = partial(_close_at_end, intercept, call_next)
        return call_next

    def around(self, ctx: RequestContext, limit: Limit) -> Around:
        """Return the context manager that calls the metadata interceptors around a call.

        It calls `on_start`, and at the end `on_end` in reverse order. If an `on_start` fails, only
        the interceptors before it get an `on_end`, with that error. `limit` runs each `on_start`
        within the deadline of the call.
        """
        return Around(self.metadata, ctx, limit)


class InterceptorChainSync:
    """The interceptors of a WSGI application or a sync client. See `InterceptorChain`."""

    __slots__ = ("_interceptors", "metadata")

    def __init__(self, interceptors: Iterable[InterceptorSync]) -> None:
        self._interceptors = as_tuple("interceptors", interceptors)
        for interceptor in self._interceptors:
            check_sync_interceptor(interceptor)
        self.metadata: tuple[MetadataInterceptorSync[object], ...] = tuple(
            interceptor for interceptor in self._interceptors if _is_metadata_sync(interceptor)
        )

    def check_are_reached(self, kinds: Iterable[MethodKind], service: str) -> None:
        """See `InterceptorChain.check_are_reached`."""
        known: set[MethodKind] = set(kinds) if self._interceptors else set()
        for interceptor in self._interceptors:
            check_is_reached(interceptor, known, service, suffix="_sync")

    def unary(
        self, call_next: Callable[[Req, RequestContext], Res]
    ) -> Callable[[Req, RequestContext], Res]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, UnaryInterceptorSync):
                call_next = partial(interceptor.intercept_unary_sync, call_next)
        return call_next

    def client_stream(
        self, call_next: Callable[[Iterator[Req], RequestContext], Res]
    ) -> Callable[[Iterator[Req], RequestContext], Res]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, ClientStreamInterceptorSync):
                call_next = partial(interceptor.intercept_client_stream_sync, call_next)
        return call_next

    def server_stream(
        self, call_next: Callable[[Req, RequestContext], Iterator[Res]]
    ) -> Callable[[Req, RequestContext], Iterator[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, ServerStreamInterceptorSync):
                intercept: Callable[..., Iterator[Res]] = interceptor.intercept_server_stream_sync
                call_next = partial(_close_at_end_sync, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[Iterator[Req], RequestContext], Iterator[Res]]
    ) -> Callable[[Iterator[Req], RequestContext], Iterator[Res]]:
        for interceptor in reversed(self._interceptors):
            if isinstance(interceptor, BidiStreamInterceptorSync):
                intercept: Callable[..., Iterator[Res]] = interceptor.intercept_bidi_stream_sync
                call_next = partial(_close_at_end_sync, intercept, call_next)
        return call_next

    def around(self, ctx: RequestContext) -> AroundSync:
        """See `InterceptorChain.around`."""
        return AroundSync(self.metadata, ctx)


async def _close_at_end(
    intercept: Callable[..., AsyncIterator[Res]],
    call_next: Callable[..., AsyncIterator[Res]],
    argument: object,
    ctx: RequestContext,
) -> AsyncGenerator[Res, None]:
    """Yield the responses of an interceptor. Then close its iterator and those inside it.

    An `async for` loop over `call_next(...)` that ends early does not close that iterator.
    """
    async with AsyncExitStack() as opened:

        def open_next(argument: object, ctx: RequestContext) -> AsyncIterator[Res]:
            iterator = call_next(argument, ctx)
            opened.push_async_callback(aclose_iterator, iterator)
            return iterator

        outer = intercept(open_next, argument, ctx)
        try:
            async for message in outer:
                yield message
        finally:
            await aclose_iterator(outer)


def _close_at_end_sync(
    intercept: Callable[..., Iterator[Res]],
    call_next: Callable[..., Iterator[Res]],
    argument: object,
    ctx: RequestContext,
) -> Generator[Res, None, None]:
    """See `_close_at_end`."""
    with ExitStack() as opened:

        def open_next(argument: object, ctx: RequestContext) -> Iterator[Res]:
            iterator = call_next(argument, ctx)
            opened.callback(close_iterator, iterator)
            return iterator

        outer = intercept(open_next, argument, ctx)
        try:
            yield from outer
        finally:
            close_iterator(outer)


def _is_metadata(interceptor: object) -> TypeGuard[MetadataInterceptor[object]]:
    return isinstance(interceptor, MetadataInterceptor)


def _is_metadata_sync(interceptor: object) -> TypeGuard[MetadataInterceptorSync[object]]:
    return isinstance(interceptor, MetadataInterceptorSync)
