"""The exchange of an open call with the server, beside the caller."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import Cancelled, Condition, Task, TimeLimit
from connectrpc_client._cancellation import canceled, client_closed
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import call_error
from connectrpc_client._open_call_state import OpenCallState, Steps
from connectrpc_protocol import ConnectError
from connectrpc_protocol.closing import aclose_iterator

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class Exchange(Generic[Req, Res]):
    """The exchange of an open call with the server, interceptors included, in a task of its own.

    It does not refer to the object that the caller has. So that object can be garbage-collected,
    which ends the exchange.
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
        self.state = OpenCallState[Req, Res]()
        self._changed = Condition()
        self._task: Task | None = None
        context.on_head = self._on_head

    def start(self) -> None:
        """Begin the exchange."""
        if self._task is not None:
            raise RuntimeError("this call has begun before; open another one")
        self._task = Task(self._run())

    @property
    def is_running(self) -> bool:
        """Whether the exchange has begun and has not ended."""
        return self._task is not None and not self.state.has_ended

    def cancel(self) -> None:
        """End the exchange. Operations that wait raise `canceled`."""
        error = canceled()
        self.abort(error, error)

    async def close(self, exc: BaseException | None) -> None:
        """End the exchange because of `exc`, if that is an error, and wait until it is over."""
        self.abort(call_error(exc), canceled())
        if self._task is not None:
            await self._task.wait()

    def _client_closed(self) -> None:
        error = client_closed()
        self.abort(error, error)

    def abort(self, reason: BaseException | None, error: ConnectError) -> None:
        if self.state.abort(error, reason):
            self._changed.notify_all()
            if self._task is not None:
                self._task.cancel()

    async def perform(self, steps: Steps[T]) -> T:
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

    async def _run(self) -> None:
        try:
            with self._context.closing.calling(self._client_closed):
                await self._run_around(self._transfer_until_aborted)
        except Cancelled:
            self._finish(canceled())
            if not self.state.is_aborted:
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
            reason = self.state.reason
            if not self.state.is_aborted or not isinstance(reason, Exception | None):
                raise
        else:
            return
        if reason is not None:
            raise reason  # outside the handler, so that its `__context__` stays as it is

    async def _transfer(self) -> None:
        responses = self._begin(_Requests(self.state, self._run_steps))
        try:
            async for message in responses:
                await self._run_steps(self.state.deliver(message))
        finally:
            await aclose_iterator(responses)

    def _finish(self, error: Exception | None) -> None:
        self.state.finish(error)
        self._changed.notify_all()

    def _on_head(self) -> None:
        self.state.head_arrived()
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
