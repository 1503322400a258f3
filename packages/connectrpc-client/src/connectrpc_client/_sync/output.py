"""The response of a call with a stream of responses."""

import inspect
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol, TypeVar, runtime_checkable

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import call_error, ended, error_of_later_reads
from connectrpc_client._transports.interruptible.worker_thread import run_in_worker_thread
from connectrpc_protocol import Headers, Method
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.representation import representation

Res = TypeVar("Res", bound=Message)

# How long `close` waits for a `next` in another thread to end, in seconds. It ends at once, unless
# the HTTP library cannot end its wait (httpx over HTTP/2) or user code blocks; 5 seconds are ample
# for everything else.
_CLOSE_GRACE_PERIOD = 5.0

_logger = logging.getLogger("connectrpc_client")


@runtime_checkable
class _OpenableSync(Protocol):
    """Responses whose head can arrive before the first message: not those of an interceptor."""

    def open(self) -> None: ...
    def close(self) -> None: ...


class StreamOutputSync(Iterator[Res]):
    """A stream of responses. Iterate over it.

    To end the call before the end of the stream, use `with` or call `close()`. Another thread may
    call `close`; a `next` that waits at that time raises `canceled`. A call whose output is
    garbage-collected ends, too.
    """

    _has_ended = True  # until `__init__` has succeeded

    def __init__(
        self,
        responses: Iterator[Res],
        context: ClientContext,
        around: AbstractContextManager[object] | None,
    ) -> None:
        self._responses = responses
        self._context = context
        self._around = around
        self._failure: Exception | None = None
        self._lock = threading.RLock()  # held by a `next`, and to end the call
        self._interrupt: Callable[[], None]  # ends the wait of a `next`
        if context.cancellation is None and isinstance(responses, _OpenableSync):
            self._interrupt = responses.close
        else:
            if context.cancellation is None:
                # Below interceptors, the call begins with the first `next`.
                context.cancellation = Cancellation()
            self._interrupt = context.cancellation.cancel
        self._process = os.getpid()
        self._has_ended = False

    def open(self) -> None:
        """Wait for the response head. The client's `call_*` methods have already done this."""
        if isinstance(self._responses, _OpenableSync):
            try:
                self._responses.open()
            except BaseException as exc:
                self._finish(exc)
                raise

    @property
    def headers(self) -> Headers:
        """The response headers. With a stream interceptor, only after the first message."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, after the last message."""
        return self._context.response_trailers

    def __iter__(self) -> "StreamOutputSync[Res]":
        return self

    def __next__(self) -> Res:
        with self._lock:
            try:
                return next(self._responses)
            except StopIteration:
                # Responses of an interceptor end after a failed read, if it is a generator.
                if self._failure is not None:
                    raise self._failure from None
                self._finish(None)
                raise
            except BaseException as exc:
                self._failure = self._failure or error_of_later_reads(exc)
                self._finish(exc)
                raise

    def close(self) -> None:
        """End the call. The client does not read what the server still sends."""
        self._close(None)

    def _close(self, exc: BaseException | None) -> None:
        if not self._lock.acquire(blocking=False):
            self._interrupt()
            if not self._lock.acquire(timeout=_CLOSE_GRACE_PERIOD):
                return  # the `next` in the other thread finishes the call when its wait ends
        try:
            self._finish(exc)
        finally:
            self._lock.release()

    def _finish(self, exc: BaseException | None) -> None:
        self._has_ended = True
        error = call_error(exc)
        try:
            close_iterator(self._responses)
        finally:
            around, self._around = self._around, None
            if around is not None:
                around.__exit__(type(error) if error else None, error, None)

    def __enter__(self) -> "StreamOutputSync[Res]":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(exc)

    def __repr__(self) -> str:
        return representation(self, self._summary)

    def _summary(self) -> str:
        state = ended(self._failure) if self._has_ended else "open"
        return f"{self._context.method.full_name} ({state})"

    def __del__(self) -> None:
        # A forked process must not use the connections of its parent.
        if not self._has_ended and self._process == os.getpid():
            with suppress(RuntimeError):  # the interpreter exits and does not start threads
                # The garbage collector may run while this thread holds a lock of the HTTP library.
                run_in_worker_thread(self._end_dropped)

    def _end_dropped(self) -> None:
        try:
            self.close()
        except Exception:
            _logger.exception("a call whose output was dropped did not end cleanly")


class MessagesSync(Generator[Res, None, None]):
    """The messages of a call, which begins with the first read.

    This is a generator, except that it does not end after a failed read: later reads raise, as
    those of a `StreamOutputSync` do.
    """

    def __init__(self, call: Callable[[], StreamOutputSync[Res]], method: Method[Any, Res]) -> None:
        self._method = method
        self._generator = _messages(call)
        self._failure: Exception | None = None

    def __next__(self) -> Res:
        try:
            return next(self._generator)
        except StopIteration:
            if self._failure is not None:
                raise self._failure from None
            raise
        except BaseException as exc:
            self._failure = self._failure or error_of_later_reads(exc)
            raise

    def send(self, value: None) -> Res:
        return next(self)

    def throw(self, *exc: Any) -> Res:
        return self._generator.throw(*exc)

    def close(self) -> None:
        self._generator.close()

    def __repr__(self) -> str:
        return representation(self, lambda: f"{self._method.full_name} ({self._state()})")

    def _state(self) -> str:
        state = inspect.getgeneratorstate(self._generator)
        if state == inspect.GEN_CLOSED:
            return ended(self._failure)
        return "not begun" if state == inspect.GEN_CREATED else "open"


def _messages(call: Callable[[], StreamOutputSync[Res]]) -> Generator[Res, None, None]:
    with call() as output:
        yield from output
