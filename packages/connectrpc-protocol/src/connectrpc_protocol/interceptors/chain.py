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

from connectrpc_protocol.argument_checks import as_tuple
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

        If `kinds` is empty, the service has no methods or they are unknown, and nothing is checked.
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

    @asynccontextmanager
    async def around(
        self,
        ctx: RequestContext,
        limit: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> AsyncGenerator[None, None]:
        """Call `on_start` of the metadata interceptors, and at the end `on_end` in reverse order.

        If an `on_start` fails, only the interceptors before it get an `on_end`, with that error.
        Each `on_start` runs inside a context manager that `limit` returns, such as one that keeps
        the deadline of the call.
        """
        async with AsyncExitStack() as stack:
            for interceptor in self.metadata:
                async with limit():
                    token = await interceptor.on_start(ctx)
                stack.push_async_exit(partial(_end, interceptor, token, ctx))
            yield


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

    @contextmanager
    def around(self, ctx: RequestContext) -> Generator[None, None, None]:
        """See `InterceptorChain.around`."""
        with ExitStack() as stack:
            for interceptor in self.metadata:
                token = interceptor.on_start_sync(ctx)
                stack.push(partial(_end_sync, interceptor, token, ctx))
            yield


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
    """Return whether the error of the call stays, instead of the failure of an `on_end`.

    A cancellation or an interrupt must reach the code that waits for it. So it stays, and gets the
    failure of the `on_end` as its cause.
    """
    if error is None or isinstance(error, Exception):
        return False
    error.__cause__ = failure
    return True
