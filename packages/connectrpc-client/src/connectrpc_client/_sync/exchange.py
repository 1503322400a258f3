"""The exchange of an open call with the server, beside the caller."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, canceled, client_closed
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import call_error
from connectrpc_client._open_call_state import OpenCallState, Steps
from connectrpc_protocol import ConnectError
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import deadline_exceeded

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")

# How long `close` waits for the exchange to end, in seconds. User code in it, an interceptor or
# an iterator, may block and cannot be cancelled; 5 seconds are ample for everything else.
_CLOSE_GRACE_PERIOD = 5.0


class ExchangeSync(Generic[Req, Res]):
    """The exchange of an open call with the server, interceptors included, in a thread of its own.

    It does not refer to the object that the caller has. So that object can be garbage-collected,
    which ends the exchange.
    """

    def __init__(
        self,
        context: ClientContext,
        begin: Callable[[Iterator[Req]], Iterator[Res]],
        run: Callable[[Callable[[], None]], None],
        given_cancellation: Cancellation | None,
    ) -> None:
        self._context = context
        self._begin = begin
        self._run_around = run
        self._given_cancellation = given_cancellation
        # Ending this call must not end others that were given the same cancellation.
        self._cancellation = Cancellation()
        self.state = OpenCallState[Req, Res]()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        context.on_head = self._on_head
        context.cancellation = self._cancellation

    def start(self) -> None:
        """Begin the exchange."""
        if self._thread is not None:
            raise RuntimeError("this call has begun before; open another one")
        run = contextvars.copy_context().run
        name = f"call of {self._context.method.full_name}"
        # A daemon, so that a call that is never ended does not keep the interpreter from exiting.
        self._thread = threading.Thread(target=run, args=(self._run,), name=name, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the exchange has begun and has not ended."""
        return self._thread is not None and not self.state.has_ended

    def cancel(self) -> None:
        """End the exchange. Operations that wait raise `canceled`."""
        error = canceled()
        self.abort(error, error)

    def close(self, exc: BaseException | None) -> None:
        """End the exchange because of `exc`, if that is an error, and wait until it is over."""
        self.abort(call_error(exc), canceled())
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_GRACE_PERIOD)

    def drop(self) -> None:
        """End the exchange of a call that was garbage-collected."""
        self.abort(None, canceled())

    def _client_closed(self) -> None:
        error = client_closed()
        self.abort(error, error)

    def abort(self, reason: BaseException | None, error: ConnectError) -> None:
        with self._changed:
            if not self.state.abort(error, reason):
                return
            self._changed.notify_all()
        self._cancellation.cancel()

    def perform(self, steps: Steps[T]) -> T:
        """Perform an operation of the caller."""
        if self._thread is None:
            raise RuntimeError("this call has not begun; use it with `with`")
        return self._run_steps(steps)

    def _run_steps(self, steps: Steps[T]) -> T:
        with self._changed:
            try:
                while self._wait_for(next(steps)):
                    pass
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                steps.close()
                self._changed.notify_all()
        error = deadline_exceeded()
        self.abort(error, error)
        raise error

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until the condition is true. Returns false if the deadline passes before."""
        self._changed.notify_all()
        deadline = self._context.deadline
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        return self._changed.wait_for(condition, timeout)

    def _run(self) -> None:
        given = self._given_cancellation
        try:
            with (
                nullcontext() if given is None else given.calling(self.cancel),
                self._context.closing.calling(self._client_closed),
            ):
                self._run_around(self._transfer_until_aborted)
        except BaseException as exc:
            self._finish(exc)
        else:
            self._finish(None)

    def _transfer_until_aborted(self) -> None:
        """Transfer messages. If the caller aborts, raise its reason, for metadata interceptors."""
        try:
            self._transfer()
        except Exception:
            if not self.state.is_aborted:
                raise
            reason = self.state.reason
        else:
            return
        if reason is not None:
            raise reason  # outside the handler, so that its `__context__` stays as it is

    def _transfer(self) -> None:
        responses = self._begin(_RequestsSync(self.state, self._run_steps))
        try:
            for message in responses:
                self._run_steps(self.state.deliver(message))
        finally:
            close_iterator(responses)

    def _finish(self, error: BaseException | None) -> None:
        with self._changed:
            self.state.finish(error)
            self._changed.notify_all()

    def _on_head(self) -> None:
        with self._changed:
            self.state.head_arrived()
            self._changed.notify_all()


class _RequestsSync(Iterator[Req]):
    """The requests that the caller sends, as an iterator for interceptors and the transport."""

    def __init__(
        self,
        state: OpenCallState[Req, Res],
        run_steps: Callable[[Steps[Req | None]], Req | None],
    ) -> None:
        self._state = state
        self._run_steps = run_steps

    def __next__(self) -> Req:
        request = self._run_steps(self._state.next_request())
        if request is None:
            raise StopIteration
        return request

    def close(self) -> None:
        self._run_steps(self._state.refuse_requests())
