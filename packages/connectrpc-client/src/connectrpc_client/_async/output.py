"""The response of a call with a stream of responses."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, TypeVar, runtime_checkable

from google.protobuf.message import Message

from connectrpc_client._errors import call_error
from connectrpc_protocol import Headers, RequestContext
from connectrpc_protocol.closing import aclose_iterator

Res = TypeVar("Res", bound=Message)


@runtime_checkable
class _Openable(Protocol):
    """Responses whose head can arrive before the first message: not those of an interceptor."""

    async def open(self) -> None: ...


class StreamOutput(AsyncIterator[Res]):
    """A stream of responses. Iterate over it.

    To end the call before the end of the stream, use `async with` or call `aclose()`.
    """

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
            await self._finish(None)
            raise
        except BaseException as exc:
            await self._finish(exc)
            raise

    async def aclose(self) -> None:
        """End the call. The client does not read what the server still sends."""
        await self._finish(None)

    async def _finish(self, exc: BaseException | None) -> None:
        error = call_error(exc)
        try:
            await aclose_iterator(self._responses)
        finally:
            around, self._around = self._around, None
            if around is not None:
                await around.__aexit__(type(error) if error else None, error, None)

    async def __aenter__(self) -> "StreamOutput[Res]":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._finish(exc)
