"""Open calls of sync clients: requests are sent and responses received as their user likes."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, canceled
from connectrpc_client._open_call_state import ON_HEAD, CallState, Steps
from connectrpc_client._sync.call import CANCELLATION
from connectrpc_protocol import ConnectError, Headers, RequestContext
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import deadline_exceeded

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")

_PATIENCE = 5.0
"""How long `close` waits for the exchange to end, in seconds: user code in it may not listen."""


class _OpenCallSync(Generic[Req, Res]):
    """What both kinds of open call have. Use it with `with`; leaving that ends the call.

    The exchange with the server, interceptors included, runs in a thread of its own. All methods
    may be called from any thread.
    """

    def __init__(
        self,
        context: RequestContext,
        begin: Callable[[Iterator[Req]], Iterator[Res]],
        run: Callable[[Callable[[], None]], None],
        cancellation: Cancellation | None,
    ) -> None:
        self._context = context
        self._begin = begin
        self._run_around = run
        self._given_cancellation = cancellation
        self._cancellation = Cancellation()
        self._state = CallState[Req, Res]()
        self._changes = threading.Condition()
        self._thread: threading.Thread | None = None
        self._reason: BaseException | None = None
        context.set(ON_HEAD, self._on_head)
        context.set(CANCELLATION, self._cancellation)

    @property
    def headers(self) -> Headers:
        """The response headers, once they have arrived."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the call has ended."""
        return self._context.response_trailers

    def send(self, message: Req) -> None:
        """Send a request. Returns once it was taken, so that nothing piles up.

        Raises the call's error where it has failed, `EOFError` where the server has ended it
        without one, and `RuntimeError` after the requests have ended.
        """
        self._steps(self._state.send(message))

    def wait_for_headers(self) -> Headers:
        """Wait for the head of the answer, which many servers send with their first message."""
        self._steps(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call: the server is told, and whatever waits here raises `canceled`."""
        error = canceled()
        self._abort(error, error)

    def close(self) -> None:
        """End the call, if it has not ended, and wait until nothing of it is left.

        What the server still sends is not wanted. Later operations raise `canceled`.
        """
        self._close(None)

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("this call has begun before; open another one")
        run = contextvars.copy_context().run
        name = f"call of {self._context.method.full_name}"
        # A daemon, so that a call that nobody ends does not keep the interpreter from exiting.
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
            exc.__traceback__ = traceback  # without the exchange, which raised it, too

    def _close(self, exc: BaseException | None) -> None:
        # Somebody who stops to listen makes no error of it.
        self._abort(None if isinstance(exc, GeneratorExit) else exc, canceled())
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def _abort(self, reason: BaseException | None, error: ConnectError) -> None:
        with self._changes:
            if not self._state.abort(error):
                return
            self._reason = reason
            self._changes.notify_all()
        self._cancellation.cancel()

    def _steps(self, steps: Steps[T]) -> T:
        """Go through the steps of a rule for the user."""
        if self._thread is None:
            raise RuntimeError("this call has not begun; use it with `with`")
        return self._go(steps)

    def _go(self, steps: Steps[T]) -> T:
        with self._changes:
            try:
                while self._is_in_time(next(steps)):
                    pass
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                steps.close()
                self._changes.notify_all()
        error = deadline_exceeded()
        self._abort(error, error)
        raise error

    def _is_in_time(self, condition: Callable[[], bool]) -> bool:
        """Wait until the condition holds. Whether it does so before the deadline."""
        self._changes.notify_all()
        deadline = self._context.deadline
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        return self._changes.wait_for(condition, timeout)

    # The exchange with the server, in its own thread.

    def _exchange(self) -> None:
        given = self._given_cancellation
        try:
            with nullcontext() if given is None else given.calling(self.cancel):
                self._run_around(self._relay_until_aborted)
        except BaseException as exc:
            self._finish(exc)
        else:
            self._finish(None)

    def _relay_until_aborted(self) -> None:
        """Relay messages. Metadata interceptors are told why a call was aborted."""
        try:
            self._relay()
        except Exception:
            if not self._state.is_aborted:
                raise
        else:
            return
        if self._reason is not None:
            raise self._reason  # not in the handler, which would take the place of its own context

    def _relay(self) -> None:
        responses = self._begin(_RequestsSync(self._state, self._go))
        try:
            for message in responses:
                self._go(self._state.deliver(message))
        finally:
            close_iterator(responses)

    def _finish(self, error: BaseException | None) -> None:
        with self._changes:
            self._state.finish(error)
            self._changes.notify_all()

    def _on_head(self) -> None:
        with self._changes:
            self._state.head_arrived()
            self._changes.notify_all()


class _RequestsSync(Iterator[Req]):
    """What the user sends, for interceptors and the transport."""

    def __init__(
        self, state: CallState[Req, Res], go: Callable[[Steps[Req | None]], Req | None]
    ) -> None:
        self._state = state
        self._go = go

    def __next__(self) -> Req:
        request = self._go(self._state.next_request())
        if request is None:
            raise StopIteration
        return request

    def close(self) -> None:
        self._go(self._state.refuse_requests())


class BidiCallSync(_OpenCallSync[Req, Res], Iterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two threads. Read what the server sends: one that cannot
    get rid of its responses may stop to take requests.
    """

    def close_send(self) -> None:
        """Say that there are no more requests; responses still arrive. Twice does nothing."""
        self._steps(self._state.close_send())

    def receive(self) -> Res | None:
        """The next response, `None` after the last. Raises the error of a failed call."""
        return self._steps(self._state.receive())

    def __next__(self) -> Res:
        message = self.receive()
        if message is None:
            raise StopIteration
        return message


class ClientStreamCallSync(_OpenCallSync[Req, Res]):
    """An open call with a stream of requests and one response."""

    def close_and_receive(self) -> Res:
        """Say that there are no more requests, and wait for the response.

        Raises the error of a failed call.
        """
        self._steps(self._state.close_send())
        return self._steps(self._state.only_response())
