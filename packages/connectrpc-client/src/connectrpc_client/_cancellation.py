"""Cancelling sync calls from another thread."""

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from connectrpc_protocol import Code, ConnectError


class Cancellation:
    """Ends the sync calls that it was given to, from any thread: they raise `canceled`.

    One may be given to several calls, and be cancelled before they begin. It cannot be undone.
    """

    __slots__ = ("_callbacks", "_is_cancelled", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may cancel what its thread registers
        self._is_cancelled = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End the calls. Further times do nothing."""
        with self._lock:
            if self._is_cancelled:
                return
            self._is_cancelled = True
            callbacks = list(self._callbacks.values())
        with ExitStack() as stack:  # all are called, also where one fails
            for callback in callbacks:
                stack.callback(callback)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Generator[None, None, None]:
        """Have the callback called by `cancel` while inside; for transports.

        It runs in the thread that cancels, and must not block. Raises `ConnectError` (`canceled`)
        where `cancel` was called before.
        """
        key = object()
        with self._lock:
            self._callbacks[key] = callback
        try:
            if self._is_cancelled:
                raise canceled()
            yield
        finally:
            with self._lock:
                del self._callbacks[key]


def canceled() -> ConnectError:
    """The error of a call that its own side ended."""
    return ConnectError(Code.CANCELED, "the call was canceled")
