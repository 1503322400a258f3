"""The response of a call with a stream of responses."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import AsyncGeneratorType, TracebackType
from typing import Any, NoReturn, Protocol, TypeVar, cast, runtime_checkable

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import EventLoop, pause
from connectrpc_client._errors import call_error, ended, error_of_later_reads
from connectrpc_protocol import Headers, Method, RequestContext
from connectrpc_protocol.closing import aclose_iterator
from connectrpc_protocol.representation import representation

Res = TypeVar("Res", bound=Message)


@runtime_checkable
class _Openable(Protocol):
    """Responses whose head can arrive before the first message: not those of an interceptor."""

    async def open(self) -> None: ...


class StreamOutput(AsyncIterator[Res]):
    """A stream of responses. Iterate over it.

    To end the call before the end of the stream, use `async with` or call `aclose()`. A call whose
    output is garbage-collected ends, too, if its event loop still runs.
    """

    _has_ended = True  # until `__init__` has succeeded
    _is_dropped = False

    def __init__(
        self,
        responses: AsyncIterator[Res],
        context: RequestContext,
        around: AbstractAsyncContextManager[None] | None,
    ) -> None:
        self._responses = responses
        self._context = context
        self._around = around
        self._failure: Exception | None = None
        self._loop = EventLoop()
        self._has_ended = False

    async def open(self) -> None:
        """Wait for the response head. The client's `call_*` methods have already done this."""
        if isinstance(self._responses, _Openable):
            try:
                await self._responses.open()
            except BaseException as exc:
                await self._finish(exc)
                raise

    @property
    def headers(self) -> Headers:
        """The response headers. With a stream interceptor, only after the first message."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, after the last message."""
        return self._context.response_trailers

    def __aiter__(self) -> "StreamOutput[Res]":
        return self

    async def __anext__(self) -> Res:
        try:
            return await anext(self._responses)
        except StopAsyncIteration:
            # Responses of an interceptor end after a failed read, if it is a generator.
            if self._failure is not None:
                raise self._failure from None
            await self._finish(None)
            raise
        except BaseException as exc:
            self._failure = self._failure or error_of_later_reads(exc)
            await self._finish(exc)
            raise

    async def aclose(self) -> None:
        """End the call. The client does not read what the server still sends."""
        await self._finish(None)

    async def _finish(self, exc: BaseException | None) -> None:
        self._has_ended = True
        error = call_error(exc)
        try:
            await self._close_responses()
        finally:
            around, self._around = self._around, None
            if around is not None:
                await around.__aexit__(type(error) if error else None, error, None)

    async def _close_responses(self) -> None:
        if not self._is_dropped:
            await aclose_iterator(self._responses)
            return
        # The generator of an interceptor may have been dropped together with this object. Then the
        # event loop closes it, and fails if this does so first.
        await pause()
        try:
            await aclose_iterator(self._responses)
        except RuntimeError as exc:
            if "already running" not in str(exc):
                raise

    async def __aenter__(self) -> "StreamOutput[Res]":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._finish(exc)

    def __repr__(self) -> str:
        return representation(self, self._summary)

    def _summary(self) -> str:
        state = ended(self._failure) if self._has_ended else "open"
        return f"{self._context.method.full_name} ({state})"

    def __del__(self) -> None:
        if not self._has_ended:
            self._is_dropped = True
            self._loop.run_later(self.aclose)


class Messages(AsyncGenerator[Res, None]):
    """The messages of a call, which begins with the first read.

    This is a generator, except that it does not end after a failed read: later reads raise, as
    those of a `StreamOutput` do.
    """

    def __init__(
        self, call: Callable[[], Awaitable[StreamOutput[Res]]], method: Method[Any, Res]
    ) -> None:
        self._method = method
        self._failure = _Failure()
        # It does not refer to this object, so that the event loop closes it as soon as this object
        # is dropped.
        self._generator = _messages(call, self._failure)

    def __anext__(self) -> Coroutine[object, object, Res]:
        if self._failure.error is not None:
            return _fail(self._failure.error)
        return self._generator.__anext__()

    def asend(self, value: None) -> Coroutine[object, object, Res]:
        if self._failure.error is not None:
            return _fail(self._failure.error)
        return self._generator.asend(value)

    def athrow(self, *exc: Any) -> Coroutine[object, object, Res]:
        return self._generator.athrow(*exc)

    def aclose(self) -> Coroutine[object, object, None]:
        return self._generator.aclose()

    def __repr__(self) -> str:
        return representation(self, lambda: f"{self._method.full_name} ({self._state()})")

    def _state(self) -> str:
        if cast("AsyncGeneratorType[Res, None]", self._generator).ag_frame is None:
            return ended(self._failure.error)
        return "open" if self._failure.has_begun else "not begun"


class _Failure:
    """The error of a failed read, for later reads. `has_begun` is true after the first read."""

    __slots__ = ("error", "has_begun")

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.has_begun = False


async def _messages(
    call: Callable[[], Awaitable[StreamOutput[Res]]], failure: _Failure
) -> AsyncGenerator[Res, None]:
    failure.has_begun = True
    try:
        async with await call() as output:
            async for message in output:
                yield message
    except BaseException as exc:
        failure.error = error_of_later_reads(exc)
        raise


async def _fail(error: Exception) -> NoReturn:
    raise error
