"""Open calls of async clients: requests are sent and responses received as their user likes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import Background, Cancelled, Changes, TimeLimit
from connectrpc_client._cancellation import canceled
from connectrpc_client._open_call_state import ON_HEAD, CallState, Steps
from connectrpc_protocol import Headers, RequestContext
from connectrpc_protocol.closing import aclose_iterator

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class _OpenCall(Generic[Req, Res]):
    """What both kinds of open call have. Use it with `async with`; leaving that ends the call.

    The exchange with the server, interceptors included, runs in a task of its own, so that
    cancelling one wait of the user (`asyncio.timeout` around a `receive`) loses no message.
    """

    def __init__(
        self,
        context: RequestContext,
        begin: Callable[[AsyncIterator[Req]], AsyncIterator[Res]],
        run: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._context = context
        self._begin = begin
        self._run_around = run
        self._state = CallState[Req, Res]()
        self._changes = Changes()
        self._task: Background | None = None
        self._reason: BaseException | None = None
        context.set(ON_HEAD, self._on_head)

    @property
    def headers(self) -> Headers:
        """The response headers, once they have arrived."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the call has ended."""
        return self._context.response_trailers

    async def send(self, message: Req) -> None:
        """Send a request. Returns once it was taken, so that nothing piles up.

        Cancelled before that, it is not sent. Raises the call's error where it has failed,
        `EOFError` where the server has ended it without one, and `RuntimeError` after the requests
        have ended.
        """
        await self._steps(self._state.send(message))

    async def wait_for_headers(self) -> Headers:
        """Wait for the head of the answer, which many servers send with their first message."""
        await self._steps(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call: the server is told, and whatever waits here raises `canceled`."""
        self._abort(canceled())

    async def aclose(self) -> None:
        """End the call, if it has not ended, and wait until nothing of it is left.

        What the server still sends is not wanted. Later operations raise `canceled`.
        """
        await self._close(None)

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("this call has begun before; open another one")
        self._task = Background(self._exchange())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close(exc)
        if exc is not None:
            exc.__traceback__ = traceback  # without the exchange, which raised it, too

    async def _close(self, exc: BaseException | None) -> None:
        # Somebody who stops to listen makes no error of it.
        self._abort(None if isinstance(exc, GeneratorExit) else exc)
        if self._task is not None:
            await self._task.wait()

    def _abort(self, reason: BaseException | None) -> None:
        if self._state.abort(canceled()):
            self._reason = reason
            self._changes.notify()
            if self._task is not None:
                self._task.cancel()

    async def _steps(self, steps: Steps[T]) -> T:
        """Go through the steps of a rule for the user."""
        if self._task is None:
            raise RuntimeError("this call has not begun; use it with `async with`")
        return await self._go(steps)

    async def _go(self, steps: Steps[T]) -> T:
        try:
            while True:
                condition = next(steps)
                self._changes.notify()
                await self._changes.until(condition)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            steps.close()
            self._changes.notify()

    # The exchange with the server, in its own task.

    async def _exchange(self) -> None:
        try:
            await self._run_around(self._relay_until_aborted)
        except Cancelled:
            self._finish(canceled())
            if not self._state.is_aborted:
                raise
        except Exception as exc:
            self._finish(exc)
        else:
            self._finish(None)

    async def _relay_until_aborted(self) -> None:
        """Relay messages. Metadata interceptors are told why a call was aborted."""
        try:
            async with TimeLimit(self._context.deadline):
                await self._relay()
        except (Exception, Cancelled):
            reason = self._reason
            if not self._state.is_aborted or not isinstance(reason, Exception | None):
                raise
        else:
            return
        if reason is not None:
            raise reason  # not in the handler, which would take the place of its own context

    async def _relay(self) -> None:
        responses = self._begin(_Requests(self._state, self._go))
        try:
            async for message in responses:
                await self._go(self._state.deliver(message))
        finally:
            await aclose_iterator(responses)

    def _finish(self, error: Exception | None) -> None:
        self._state.finish(error)
        self._changes.notify()

    def _on_head(self) -> None:
        self._state.head_arrived()
        self._changes.notify()


class _Requests(AsyncIterator[Req]):
    """What the user sends, for interceptors and the transport."""

    def __init__(
        self,
        state: CallState[Req, Res],
        go: Callable[[Steps[Req | None]], Awaitable[Req | None]],
    ) -> None:
        self._state = state
        self._go = go

    async def __anext__(self) -> Req:
        request = await self._go(self._state.next_request())
        if request is None:
            raise StopAsyncIteration
        return request

    async def aclose(self) -> None:
        await self._go(self._state.refuse_requests())


class BidiCall(_OpenCall[Req, Res], AsyncIterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two tasks. Read what the server sends: one that cannot
    get rid of its responses may stop to take requests.
    """

    async def close_send(self) -> None:
        """Say that there are no more requests; responses still arrive. Twice does nothing."""
        await self._steps(self._state.close_send())

    async def receive(self) -> Res | None:
        """The next response, `None` after the last. Raises the error of a failed call."""
        return await self._steps(self._state.receive())

    async def __anext__(self) -> Res:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message


class ClientStreamCall(_OpenCall[Req, Res]):
    """An open call with a stream of requests and one response."""

    async def close_and_receive(self) -> Res:
        """Say that there are no more requests, and wait for the response.

        Raises the error of a failed call.
        """
        await self._steps(self._state.close_send())
        return await self._steps(self._state.only_response())
