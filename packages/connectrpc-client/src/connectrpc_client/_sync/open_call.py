"""Open calls: the caller sends requests and receives responses one by one, in any order."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, canceled, client_closed
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import call_error
from connectrpc_client._open_call_state import OpenCallState, Steps
from connectrpc_protocol import ConnectError, Headers
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import deadline_exceeded

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")

# How long `close` waits for the exchange to end, in seconds. User code in it, an interceptor or
# an iterator, may block and cannot be cancelled; 5 seconds are ample for everything else.
_CLOSE_GRACE_PERIOD = 5.0


class _OpenCallSync(Generic[Req, Res]):
    """The common part of open calls. Use a call with `with`: the end of the block ends it.

    The exchange with the server, interceptors included, runs in a thread of its own. All methods
    may be called from any thread.
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
        self._state = OpenCallState[Req, Res]()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        context.on_head = self._on_head
        context.cancellation = self._cancellation

    @property
    def headers(self) -> Headers:
        """The response headers, once they have arrived."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the call has ended."""
        return self._context.response_trailers

    def send(self, message: Req) -> None:
        """Send a request. Returns once the exchange has taken it, so that requests do not pile up.

        Raises the call's error if it has failed, `EOFError` if the server has ended it without an
        error, and `RuntimeError` after the requests have ended.
        """
        self._perform(self._state.send(message))

    def wait_for_headers(self) -> Headers:
        """Wait for the response head, which many servers send with their first message."""
        self._perform(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call and tell the server. Operations that wait raise `canceled`."""
        error = canceled()
        self._abort(error, error)

    def close(self) -> None:
        """End the call if it has not ended, and wait until its exchange is over.

        The client does not read what the server still sends. Later operations raise `canceled`.
        """
        self._close(None)

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("this call has begun before; open another one")
        run = contextvars.copy_context().run
        name = f"call of {self._context.method.full_name}"
        # A daemon, so that a call that is never ended does not keep the interpreter from exiting.
        self._thread = threading.Thread(target=run, args=(self._exchange,), name=name, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(exc)
        if exc is not None:
            # The exchange raised it, too, and added its own frames.
            exc.__traceback__ = traceback

    def _close(self, exc: BaseException | None) -> None:
        self._abort(call_error(exc), canceled())
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_GRACE_PERIOD)

    def _client_closed(self) -> None:
        error = client_closed()
        self._abort(error, error)

    def _abort(self, reason: BaseException | None, error: ConnectError) -> None:
        with self._changed:
            if not self._state.abort(error, reason):
                return
            self._changed.notify_all()
        self._cancellation.cancel()

    def _perform(self, steps: Steps[T]) -> T:
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
        self._abort(error, error)
        raise error

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until the condition is true. Returns false if the deadline passes before."""
        self._changed.notify_all()
        deadline = self._context.deadline
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        return self._changed.wait_for(condition, timeout)

    # The exchange with the server, in its own thread.

    def _exchange(self) -> None:
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
            if not self._state.is_aborted:
                raise
            reason = self._state.reason
        else:
            return
        if reason is not None:
            raise reason  # outside the handler, so that its `__context__` stays as it is

    def _transfer(self) -> None:
        responses = self._begin(_RequestsSync(self._state, self._run_steps))
        try:
            for message in responses:
                self._run_steps(self._state.deliver(message))
        finally:
            close_iterator(responses)

    def _finish(self, error: BaseException | None) -> None:
        with self._changed:
            self._state.finish(error)
            self._changed.notify_all()

    def _on_head(self) -> None:
        with self._changed:
            self._state.head_arrived()
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


class BidiCallSync(_OpenCallSync[Req, Res], Iterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two threads. Keep receiving: if responses pile up, flow
    control may stop the server from reading, and `send` blocks.
    """

    def close_send(self) -> None:
        """End the requests; responses still arrive. Calling it again does nothing."""
        self._perform(self._state.close_send())

    def receive(self) -> Res | None:
        """Return the next response, or `None` after the last one. Raises the call's error."""
        return self._perform(self._state.receive())

    def __next__(self) -> Res:
        message = self.receive()
        if message is None:
            raise StopIteration
        return message


class ClientStreamCallSync(_OpenCallSync[Req, Res]):
    """An open call with a stream of requests and one response."""

    def close_and_receive(self) -> Res:
        """End the requests, and return the response. Raises the call's error."""
        self._perform(self._state.close_send())
        return self._perform(self._state.only_response())
