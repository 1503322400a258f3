"""Interceptors, checked and composed once, when an application or a client is built."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import partial
from types import TracebackType
from typing import TypeGuard, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.closing import aclose_iterator, close_iterator
from connectrpc_protocol.context import RequestContext
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
    check_sync_interceptor,
)

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class InterceptorChain:
    """The interceptors of an ASGI application or an async client.

    Raises `TypeError` for an object that cannot be used as an async interceptor: one without an
    async method, with a misspelt method, with a sync method under an async name, with only
    `on_start` or only `on_end`, or with a method that exists in its sync form only.
    """

    __slots__ = ("_interceptors", "metadata")

    def __init__(self, interceptors: Iterable[Interceptor]) -> None:
        self._interceptors = tuple(interceptors)
        for each in self._interceptors:
            check_async_interceptor(each)
        self.metadata: tuple[MetadataInterceptor[object], ...] = tuple(
            each for each in self._interceptors if _is_metadata(each)
        )

    def unary(
        self, call_next: Callable[[Req, RequestContext], Awaitable[Res]]
    ) -> Callable[[Req, RequestContext], Awaitable[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, UnaryInterceptor):
                call_next = partial(each.intercept_unary, call_next)
        return call_next

    def client_stream(
        self, call_next: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]
    ) -> Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, ClientStreamInterceptor):
                call_next = partial(each.intercept_client_stream, call_next)
        return call_next

    def server_stream(
        self, call_next: Callable[[Req, RequestContext], AsyncIterator[Res]]
    ) -> Callable[[Req, RequestContext], AsyncIterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, ServerStreamInterceptor):
                intercept: Callable[..., AsyncIterator[Res]] = each.intercept_server_stream
                call_next = partial(_close_at_end, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]
    ) -> Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, BidiStreamInterceptor):
                intercept: Callable[..., AsyncIterator[Res]] = each.intercept_bidi_stream
                call_next = partial(_close_at_end, intercept, call_next)
        return call_next

    @asynccontextmanager
    async def around(
        self,
        ctx: RequestContext,
        limit: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> AsyncGenerator[None, None]:
        """Start the metadata interceptors, and end those that started in reverse order.

        Each one starts inside of `limit()`, a time limit. If the limit ends it, the interceptors
        before it get that error.
        """
        async with AsyncExitStack() as stack:
            for each in self.metadata:
                async with limit():
                    token = await each.on_start(ctx)
                stack.push_async_exit(partial(_end, each, token, ctx))
            yield


class InterceptorChainSync:
    """The interceptors of a WSGI application or a sync client. See `InterceptorChain`."""

    __slots__ = ("_interceptors", "metadata")

    def __init__(self, interceptors: Iterable[InterceptorSync]) -> None:
        self._interceptors = tuple(interceptors)
        for each in self._interceptors:
            check_sync_interceptor(each)
        self.metadata: tuple[MetadataInterceptorSync[object], ...] = tuple(
            each for each in self._interceptors if _is_metadata_sync(each)
        )

    def unary(
        self, call_next: Callable[[Req, RequestContext], Res]
    ) -> Callable[[Req, RequestContext], Res]:
        for each in reversed(self._interceptors):
            if isinstance(each, UnaryInterceptorSync):
                call_next = partial(each.intercept_unary_sync, call_next)
        return call_next

    def client_stream(
        self, call_next: Callable[[Iterator[Req], RequestContext], Res]
    ) -> Callable[[Iterator[Req], RequestContext], Res]:
        for each in reversed(self._interceptors):
            if isinstance(each, ClientStreamInterceptorSync):
                call_next = partial(each.intercept_client_stream_sync, call_next)
        return call_next

    def server_stream(
        self, call_next: Callable[[Req, RequestContext], Iterator[Res]]
    ) -> Callable[[Req, RequestContext], Iterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, ServerStreamInterceptorSync):
                intercept: Callable[..., Iterator[Res]] = each.intercept_server_stream_sync
                call_next = partial(_close_at_end_sync, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[Iterator[Req], RequestContext], Iterator[Res]]
    ) -> Callable[[Iterator[Req], RequestContext], Iterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, BidiStreamInterceptorSync):
                intercept: Callable[..., Iterator[Res]] = each.intercept_bidi_stream_sync
                call_next = partial(_close_at_end_sync, intercept, call_next)
        return call_next

    @contextmanager
    def around(self, ctx: RequestContext) -> Generator[None, None, None]:
        """Start the metadata interceptors, and end those that started in reverse order."""
        with ExitStack() as stack:
            for each in self.metadata:
                token = each.on_start_sync(ctx)
                stack.push(partial(_end_sync, each, token, ctx))
            yield


async def _close_at_end(
    intercept: Callable[..., AsyncIterator[Res]],
    call_next: Callable[..., AsyncIterator[Res]],
    argument: object,
    ctx: RequestContext,
) -> AsyncGenerator[Res, None]:
    """Yield the responses of an interceptor; close it at the end, then the iterators inside it.

    An interceptor that iterates over `call_next(...)` and ends early does not close that iterator.
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


async def _end(
    interceptor: MetadataInterceptor[object],
    token: object,
    ctx: RequestContext,
    _type: type[BaseException] | None,
    error: BaseException | None,
    _traceback: TracebackType | None,
) -> None:
    try:
        await interceptor.on_end(token, ctx, error)
    except Exception as failure:
        if not _keeps_error(error, failure):
            raise


def _end_sync(
    interceptor: MetadataInterceptorSync[object],
    token: object,
    ctx: RequestContext,
    _type: type[BaseException] | None,
    error: BaseException | None,
    _traceback: TracebackType | None,
) -> None:
    try:
        interceptor.on_end_sync(token, ctx, error)
    except Exception as failure:
        if not _keeps_error(error, failure):
            raise


def _keeps_error(error: BaseException | None, failure: Exception) -> bool:
    """Return whether the call must keep its error although an `on_end` failed.

    A cancellation or an interrupt must reach the code that waits for it, so it is kept, with the
    failure of the `on_end` as its cause.
    """
    if error is None or isinstance(error, Exception):
        return False
    error.__cause__ = failure
    return True
