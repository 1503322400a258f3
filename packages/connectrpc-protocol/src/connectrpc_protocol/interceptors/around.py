"""The metadata interceptors around one call: `on_start` in order, `on_end` in reverse order.

These are written out, without an exit stack, because they are on the path of every call of an
application or a client that has a metadata interceptor.
"""

from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import TypeAlias

from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.interceptors.types import MetadataInterceptor, MetadataInterceptorSync

Limit: TypeAlias = Callable[[Coroutine[object, object, None]], Awaitable[None]]
"""Runs a coroutine within the deadline of a call. Raises what the coroutine raises."""


class Around:
    """A context manager for one async call. See `InterceptorChain.around`."""

    __slots__ = ("_ctx", "_interceptors", "_limit", "_started")

    def __init__(
        self,
        interceptors: tuple[MetadataInterceptor[object], ...],
        ctx: RequestContext,
        limit: Limit,
    ) -> None:
        self._interceptors = interceptors
        self._ctx = ctx
        self._limit = limit
        self._started: list[tuple[MetadataInterceptor[object], object]] = []

    async def __aenter__(self) -> None:
        try:
            for interceptor in self._interceptors:
                await self._limit(self._start(interceptor))
        except BaseException as error:
            await self._end(error)
            raise

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end(error)

    async def _start(self, interceptor: MetadataInterceptor[object]) -> None:
        self._started.append((interceptor, await interceptor.on_start(self._ctx)))

    async def _end(self, error: BaseException | None) -> None:
        """Call each `on_end`. Raises the failure of one, if it replaces the error of the call."""
        first = error
        while self._started:
            interceptor, token = self._started.pop()
            try:
                await interceptor.on_end(token, self._ctx, error)
            except BaseException as failure:
                error = _later_error(error, failure)
        if error is not None and error is not first:
            raise error


class AroundSync:
    """A context manager for one sync call. See `InterceptorChain.around`."""

    __slots__ = ("_ctx", "_interceptors", "_started")

    def __init__(
        self, interceptors: tuple[MetadataInterceptorSync[object], ...], ctx: RequestContext
    ) -> None:
        self._interceptors = interceptors
        self._ctx = ctx
        self._started: list[tuple[MetadataInterceptorSync[object], object]] = []

    def __enter__(self) -> None:
        try:
            for interceptor in self._interceptors:
                self._started.append((interceptor, interceptor.on_start_sync(self._ctx)))
        except BaseException as error:
            self._end(error)
            raise

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Call each `on_end_sync`. Raises the failure of one, if it replaces the error."""
        first = error
        while self._started:
            interceptor, token = self._started.pop()
            try:
                interceptor.on_end_sync(token, self._ctx, error)
            except BaseException as failure:
                error = _later_error(error, failure)
        if error is not None and error is not first:
            raise error


def _later_error(error: BaseException | None, failure: BaseException) -> BaseException:
    """Return the error of a call after an `on_end` failed.

    A cancellation or an interrupt must reach the code that waits for it. So it stays, and gets the
    failure of the `on_end` as its cause. Any other error is replaced by the failure.
    """
    if not isinstance(failure, Exception) or error is None or isinstance(error, Exception):
        return failure
    error.__cause__ = failure
    return error
