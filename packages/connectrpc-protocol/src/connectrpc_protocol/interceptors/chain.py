"""Interceptors, checked and composed once, when an application or a client is built."""

import inspect
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

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_AWAITED = frozenset({"intercept_unary", "intercept_client_stream", "on_start", "on_end"})
_ITERATED = frozenset({"intercept_server_stream", "intercept_bidi_stream"})
_ASYNC = _AWAITED | _ITERATED
_SYNC = frozenset(f"{name}_sync" for name in _ASYNC)


class InterceptorChain:
    """The interceptors of an ASGI application or an async client.

    Raises `TypeError` for an object that is no usable interceptor there: one without a method of
    this colour, with a misspelt or wrongly coloured method, with half of a pair, or with a method
    that exists in the other colour only. An interceptor that would never be called may be the one
    that was to check credentials.
    """

    __slots__ = ("_interceptors", "metadata")

    def __init__(self, interceptors: Iterable[Interceptor]) -> None:
        self._interceptors = tuple(interceptors)
        for each in self._interceptors:
            _check(each, _ASYNC, _SYNC, "async")
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
                call_next = partial(_closing, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]
    ) -> Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, BidiStreamInterceptor):
                intercept: Callable[..., AsyncIterator[Res]] = each.intercept_bidi_stream
                call_next = partial(_closing, intercept, call_next)
        return call_next

    @asynccontextmanager
    async def around(
        self,
        ctx: RequestContext,
        limit: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> AsyncGenerator[None, None]:
        """Starts the metadata interceptors and ends those that started, in reverse.

        Each of them starts within `limit()`, so that those before it see the error it makes.
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
            _check(each, _SYNC, _ASYNC, "sync")
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
                call_next = partial(_closing_sync, intercept, call_next)
        return call_next

    def bidi_stream(
        self, call_next: Callable[[Iterator[Req], RequestContext], Iterator[Res]]
    ) -> Callable[[Iterator[Req], RequestContext], Iterator[Res]]:
        for each in reversed(self._interceptors):
            if isinstance(each, BidiStreamInterceptorSync):
                intercept: Callable[..., Iterator[Res]] = each.intercept_bidi_stream_sync
                call_next = partial(_closing_sync, intercept, call_next)
        return call_next

    @contextmanager
    def around(self, ctx: RequestContext) -> Generator[None, None, None]:
        """Starts the metadata interceptors and ends those that started, in reverse."""
        with ExitStack() as stack:
            for each in self.metadata:
                token = each.on_start_sync(ctx)
                stack.push(partial(_end_sync, each, token, ctx))
            yield


async def _closing(
    intercept: Callable[..., AsyncIterator[Res]],
    call_next: Callable[..., AsyncIterator[Res]],
    argument: object,
    ctx: RequestContext,
) -> AsyncGenerator[Res, None]:
    """What an interceptor yields; at the end it is closed, then the iterators inside, in any case.

    An interceptor that iterates over `call_next(...)` does not close it when it ends early.
    """
    async with AsyncExitStack() as opened:

        def opening(argument: object, ctx: RequestContext) -> AsyncIterator[Res]:
            iterator = call_next(argument, ctx)
            opened.push_async_callback(aclose_iterator, iterator)
            return iterator

        outer = intercept(opening, argument, ctx)
        try:
            async for message in outer:
                yield message
        finally:
            await aclose_iterator(outer)


def _closing_sync(
    intercept: Callable[..., Iterator[Res]],
    call_next: Callable[..., Iterator[Res]],
    argument: object,
    ctx: RequestContext,
) -> Generator[Res, None, None]:
    """See `_closing`."""
    with ExitStack() as opened:

        def opening(argument: object, ctx: RequestContext) -> Iterator[Res]:
            iterator = call_next(argument, ctx)
            opened.callback(close_iterator, iterator)
            return iterator

        outer = intercept(opening, argument, ctx)
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
        if not _goes_on(error, failure):
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
        if not _goes_on(error, failure):
            raise


def _goes_on(error: BaseException | None, failure: Exception) -> bool:
    """Whether the error of a call is not for its interceptors to replace.

    A cancellation or an interrupt must reach whoever waits for it; it has the failure of an
    `on_end` as its cause.
    """
    if error is None or isinstance(error, Exception):
        return False
    error.__cause__ = failure
    return True


def _check(interceptor: object, wanted: frozenset[str], other: frozenset[str], colour: str) -> None:
    kind = type(interceptor).__name__
    names = {name for name in dir(interceptor) if name.startswith(("intercept_", "on_"))}
    if isinstance(interceptor, type):
        raise TypeError(f"interceptor {interceptor.__name__} is a class; pass an instance of it")
    unknown = sorted(name for name in names - wanted - other if name.startswith("intercept_"))
    if unknown:
        raise TypeError(f"interceptor {kind} has a method of unknown name: {', '.join(unknown)}")
    usable = sorted(names & wanted)
    absent = sorted(name for name in map(_twin, names & other) if name not in names)
    if usable and absent:
        raise TypeError(
            f"interceptor {kind} has {', '.join(map(_twin, absent))} but not {', '.join(absent)}"
        )
    if not usable:
        known = ", ".join(sorted(wanted))
        raise TypeError(f"{kind} is no {colour} interceptor: it has none of the methods {known}")
    suffix = "_sync" if colour == "sync" else ""
    if (f"on_start{suffix}" in usable) != (f"on_end{suffix}" in usable):
        raise TypeError(f"interceptor {kind} needs both on_start{suffix} and on_end{suffix}")
    for name in usable:
        _check_colour(kind, name, getattr(interceptor, name))


def _check_colour(kind: str, name: str, function: object) -> None:
    if not callable(function):
        raise TypeError(f"interceptor {kind}: {name} is not callable")
    is_coroutine = inspect.iscoroutinefunction(function)
    if name in _AWAITED:
        if not is_coroutine:
            raise TypeError(f"interceptor {kind}: {name} must be an 'async def' function")
    elif name in _SYNC:
        if is_coroutine or inspect.isasyncgenfunction(function):
            raise TypeError(f"interceptor {kind}: {name} must not be async")
    elif is_coroutine:
        raise TypeError(f"interceptor {kind}: {name} must return an iterator, not an awaitable")
    elif inspect.isgeneratorfunction(function):
        raise TypeError(f"interceptor {kind}: {name} must be an async generator")


def _twin(name: str) -> str:
    """The name of the same method in the other colour."""
    return name.removesuffix("_sync") if name.endswith("_sync") else f"{name}_sync"
