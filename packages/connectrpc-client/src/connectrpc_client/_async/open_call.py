"""Open calls: the caller sends requests and receives responses one by one, in any order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import Cancelled, Condition, Task, TimeLimit
from connectrpc_client._cancellation import canceled, client_closed
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import call_error
from connectrpc_client._open_call_state import OpenCallState, Steps
from connectrpc_protocol import ConnectError, Headers
from connectrpc_protocol.closing import aclose_iterator

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class _OpenCall(Generic[Req, Res]):
    """The common part of open calls. Use a call with `async with`: the end of the block ends it.

    The exchange with the server, interceptors included, runs in a task of its own. So a caller may
    cancel one of its waits without losing a message, for example with `asyncio.timeout` around a
    `receive`.
    """

    def __init__(
        self,
        context: ClientContext,
        begin: Callable[[AsyncIterator[Req]], AsyncIterator[Res]],
        run: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._context = context
        self._begin = begin
        self._run_around = run
        self._state = OpenCallState[Req, Res]()
        self._changed = Condition()
        self._task: Task | None = None
        context.on_head = self._on_head

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
        await self._perform(self._state.send(message))

    async def wait_for_headers(self) -> Headers:
        """Wait for the response head, which many servers send with their first message."""
        await self._perform(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call and tell the server. Operations that wait raise `canceled`."""
        error = canceled()
        self._abort(error, error)

    async def aclose(self) -> None:
        """End the call if it has not ended, and wait until its exchange is over.

        The client does not read what the server still sends. Later operations raise `canceled`.
        """
        await self._close(None)

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("this call has begun before; open another one")
        self._task = Task(self._exchange())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close(exc)
        if exc is not None:
            # The exchange raised it, too, and added its own frames.
            exc.__traceback__ = traceback

    async def _close(self, exc: BaseException | None) -> None:
        self._abort(call_error(exc), canceled())
        if self._task is not None:
            await self._task.wait()

    def _client_closed(self) -> None:
        error = client_closed()
        self._abort(error, error)

    def _abort(self, reason: BaseException | None, error: ConnectError) -> None:
        if self._state.abort(error, reason):
            self._changed.notify_all()
            if self._task is not None:
                self._task.cancel()

    async def _perform(self, steps: Steps[T]) -> T:
        """Perform an operation of the caller."""
        if self._task is None:
            raise RuntimeError("this call has not begun; use it with `async with`")
        return await self._run_steps(steps)

    async def _run_steps(self, steps: Steps[T]) -> T:
        try:
            while True:
                condition = next(steps)
                self._changed.notify_all()
                await self._changed.wait_for(condition)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            steps.close()
            self._changed.notify_all()

    # The exchange with the server, in its own task.

    async def _exchange(self) -> None:
        try:
            with self._context.closing.calling(self._client_closed):
                await self._run_around(self._transfer_until_aborted)
        except Cancelled:
            self._finish(canceled())
            if not self._state.is_aborted:
                raise
        except Exception as exc:
            self._finish(exc)
        else:
            self._finish(None)

    async def _transfer_until_aborted(self) -> None:
        """Transfer messages. If the caller aborts, raise its reason, for metadata interceptors."""
        reason: BaseException | None
        try:
            async with TimeLimit(self._context.deadline):
                await self._transfer()
        except (Exception, Cancelled):
            reason = self._state.reason
            if not self._state.is_aborted or not isinstance(reason, Exception | None):
                raise
        else:
            return
        if reason is not None:
            raise reason  # outside the handler, so that its `__context__` stays as it is

    async def _transfer(self) -> None:
        responses = self._begin(_Requests(self._state, self._run_steps))
        try:
            async for message in responses:
                await self._run_steps(self._state.deliver(message))
        finally:
            await aclose_iterator(responses)

    def _finish(self, error: Exception | None) -> None:
        self._state.finish(error)
        self._changed.notify_all()

    def _on_head(self) -> None:
        self._state.head_arrived()
        self._changed.notify_all()


class _Requests(AsyncIterator[Req]):
    """The requests that the caller sends, as an iterator for interceptors and the transport."""

    def __init__(
        self,
        state: OpenCallState[Req, Res],
        run_steps: Callable[[Steps[Req | None]], Awaitable[Req | None]],
    ) -> None:
        self._state = state
        self._run_steps = run_steps

    async def __anext__(self) -> Req:
        request = await self._run_steps(self._state.next_request())
        if request is None:
            raise StopAsyncIteration
        return request

    async def aclose(self) -> None:
        await self._run_steps(self._state.refuse_requests())


class BidiCall(_OpenCall[Req, Res], AsyncIterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two tasks. Keep receiving: if responses pile up, flow
    control may stop the server from reading, and `send` blocks.
    """

    async def close_send(self) -> None:
        """End the requests; responses still arrive. Calling it again does nothing."""
        await self._perform(self._state.close_send())

    async def receive(self) -> Res | None:
        """Return the next response, or `None` after the last one. Raises the call's error."""
        return await self._perform(self._state.receive())

    async def __anext__(self) -> Res:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message


class ClientStreamCall(_OpenCall[Req, Res]):
    """An open call with a stream of requests and one response."""

    async def close_and_receive(self) -> Res:
        """End the requests, and return the response. Raises the call's error."""
        await self._perform(self._state.close_send())
        return await self._perform(self._state.only_response())
