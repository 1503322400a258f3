"""What the `call_*` methods return."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, TypeVar, runtime_checkable

from google.protobuf.message import Message

from connectrpc_protocol import Headers, RequestContext
from connectrpc_protocol.closing import aclose_iterator

Res = TypeVar("Res", bound=Message)


@runtime_checkable
class _Opens(Protocol):
    # Responses whose head can arrive before the first of them: those behind no interceptor.
    async def open(self) -> None: ...


class StreamOutput(AsyncIterator[Res]):
    """A stream of responses. Iterate over it; use it with `async with`, or `aclose()` it early."""

    def __init__(
        self,
        responses: AsyncIterator[Res],
        context: RequestContext,
        around: AbstractAsyncContextManager[None] | None,
    ) -> None:
        self._responses = responses
        self._context = context
        self._around = around

    async def open(self) -> None:
        """Wait for the head of the answer; `call_*` methods have done so."""
        if isinstance(self._responses, _Opens):
            try:
                await self._responses.open()
            except BaseException as exc:
                await self._finish(exc)
                raise

    @property
    def headers(self) -> Headers:
        """The response headers; behind a stream interceptor, once the first message is there."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the last message is there."""
        return self._context.response_trailers

    def __aiter__(self) -> "StreamOutput[Res]":
        return self

    async def __anext__(self) -> Res:
        try:
            return await anext(self._responses)
        except StopAsyncIteration:
            await self._finish(None)
            raise
        except BaseException as exc:
            await self._finish(exc)
            raise

    async def aclose(self) -> None:
        """End the call. What the server still sends is not wanted."""
        await self._finish(None)

    async def _finish(self, exc: BaseException | None) -> None:
        if isinstance(exc, GeneratorExit):
            exc = None  # somebody stopped to listen, which is no error
        try:
            await aclose_iterator(self._responses)
        finally:
            around, self._around = self._around, None
            if around is not None:
                await around.__aexit__(type(exc) if exc else None, exc, None)

    async def __aenter__(self) -> "StreamOutput[Res]":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._finish(exc)
