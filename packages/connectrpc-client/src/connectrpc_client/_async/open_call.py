"""Open calls: the caller sends requests and receives responses one by one, in any order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import EventLoop
from connectrpc_client._async.exchange import Exchange
from connectrpc_client._context import ClientContext
from connectrpc_protocol import Headers
from connectrpc_protocol.representation import representation

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class _OpenCall(Generic[Req, Res]):
    """The common part of open calls. Use a call with `async with`: the end of the block ends it.

    The exchange with the server, interceptors included, runs in a task of its own. So a caller may
    cancel one of its waits without losing a message, for example with `asyncio.timeout` around a
    `receive`. A call that is garbage-collected ends, too, if its event loop still runs.
    """

    def __init__(
        self,
        context: ClientContext,
        begin: Callable[[AsyncIterator[Req]], AsyncIterator[Res]],
        run: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._context = context
        self._exchange = Exchange[Req, Res](context, begin, run)
        self._state = self._exchange.state
        self._loop: EventLoop | None = None

    @property
    def headers(self) -> Headers:
        """The response headers, once they have arrived."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the call has ended."""
        return self._context.response_trailers

    async def send(self, message: Req) -> None:
        """Send a request. Returns once the exchange has taken it, so that requests do not pile up.

        A request whose `send` is cancelled before that is not sent. Raises the call's error if it
        has failed, `EOFError` if the server has ended it without an error, and `RuntimeError` after
        the requests have ended.
        """
        await self._exchange.perform(self._state.send(message))

    async def wait_for_headers(self) -> Headers:
        """Wait for the response head, which many servers send with their first message."""
        await self._exchange.perform(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call and tell the server. Operations that wait raise `canceled`."""
        self._exchange.cancel()

    async def aclose(self) -> None:
        """End the call if it has not ended, and wait until its exchange is over.

        The client does not read what the server still sends. Later operations raise `canceled`.
        """
        await self._exchange.close(None)

    async def __aenter__(self) -> Self:
        self._exchange.start()
        self._loop = EventLoop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._exchange.close(exc)
        if exc is not None:
            # The exchange raised it, too, and added its own frames.
            exc.__traceback__ = traceback

    def __repr__(self) -> str:
        return representation(self, self._summary)

    def _summary(self) -> str:
        state = self._state.summary(is_running=self._exchange.is_running)
        return f"{self._context.method.full_name} ({state})"

    def __del__(self) -> None:
        if self._loop is not None and self._exchange.is_running:
            self._loop.run_later(partial(self._exchange.close, None))


class BidiCall(_OpenCall[Req, Res], AsyncIterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two tasks. Keep receiving: if responses pile up, flow
    control may stop the server from reading, and `send` blocks.
    """

    async def close_send(self) -> None:
        """End the requests; responses still arrive. Calling it again does nothing."""
        await self._exchange.perform(self._state.close_send())

    async def receive(self) -> Res | None:
        """Return the next response, or `None` after the last one. Raises the call's error."""
        return await self._exchange.perform(self._state.receive())

    async def __anext__(self) -> Res:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message


class ClientStreamCall(_OpenCall[Req, Res]):
    """An open call with a stream of requests and one response."""

    async def close_and_receive(self) -> Res:
        """End the requests, and return the response. Raises the call's error."""
        await self._exchange.perform(self._state.close_send())
        return await self._exchange.perform(self._state.only_response())
