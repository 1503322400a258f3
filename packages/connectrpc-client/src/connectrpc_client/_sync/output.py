"""What the `call_*` methods return."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, TypeVar, runtime_checkable

from google.protobuf.message import Message

from connectrpc_client._sync.call import CANCELLATION, cancellable
from connectrpc_protocol import Headers, RequestContext
from connectrpc_protocol.closing import close_iterator

Res = TypeVar("Res", bound=Message)

_PATIENCE = 5.0  # seconds for a `next` in another thread to end


@runtime_checkable
class _OpensSync(Protocol):
    def open(self) -> None: ...
    def close(self) -> None: ...


class StreamOutputSync(Iterator[Res]):
    """A stream of responses. Iterate over it; use it with `with`, or `close()` it early.

    `close` may be called from another thread: a `next` that waits there ends with `canceled`.
    """

    def __init__(
        self,
        responses: Iterator[Res],
        context: RequestContext,
        around: AbstractContextManager[object] | None,
    ) -> None:
        self._responses = responses
        self._context = context
        self._around = around
        self._turn = threading.RLock()
        self._stop: Callable[[], None]
        cancellation = context.get(CANCELLATION)
        if cancellation is not None:
            self._stop = cancellation.cancel
        elif isinstance(responses, _OpensSync):
            self._stop = responses.close
        else:
            # Behind interceptors, the call begins with the first `next`.
            self._stop = cancellable(context).cancel

    def open(self) -> None:
        """Wait for the head of the answer; `call_*` methods have done so."""
        if isinstance(self._responses, _OpensSync):
            try:
                self._responses.open()
            except BaseException as exc:
                self._finish(exc)
                raise

    @property
    def headers(self) -> Headers:
        """The response headers; behind a stream interceptor, once the first message is there."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the last message is there."""
        return self._context.response_trailers

    def __iter__(self) -> "StreamOutputSync[Res]":
        return self

    def __next__(self) -> Res:
        with self._turn:
            try:
                return next(self._responses)
            except StopIteration:
                self._finish(None)
                raise
            except BaseException as exc:
                self._finish(exc)
                raise

    def close(self) -> None:
        """End the call. What the server still sends is not wanted."""
        self._close(None)

    def _close(self, exc: BaseException | None) -> None:
        if not self._turn.acquire(blocking=False):
            self._stop()
            if not self._turn.acquire(timeout=_PATIENCE):
                return  # the library does not end the wait; `next` finishes when it is over
        try:
            self._finish(exc)
        finally:
            self._turn.release()

    def _finish(self, exc: BaseException | None) -> None:
        if isinstance(exc, GeneratorExit):
            exc = None  # somebody stopped to listen, which is no error
        try:
            close_iterator(self._responses)
        finally:
            around, self._around = self._around, None
            if around is not None:
                around.__exit__(type(exc) if exc else None, exc, None)

    def __enter__(self) -> "StreamOutputSync[Res]":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(exc)
