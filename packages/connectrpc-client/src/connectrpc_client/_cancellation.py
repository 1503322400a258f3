"""Cancelling sync calls from another thread."""

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from connectrpc_protocol import Code, ConnectError


class Cancellation:
    """Ends the sync calls that it was passed to, from any thread: they raise `canceled`.

    One cancellation may be passed to several calls. It may be cancelled before they begin, and it
    cannot be undone.
    """

    __slots__ = ("_callbacks", "_is_cancelled", "_lock")

    def __init__(self) -> None:
        # Reentrant: a signal handler may call `cancel` in a thread that is inside `calling`.
        self._lock = threading.RLock()
        self._is_cancelled = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End the calls. Calling it again does nothing."""
        with self._lock:
            if self._is_cancelled:
                return
            self._is_cancelled = True
            callbacks = list(self._callbacks.values())
        with ExitStack() as stack:  # calls every callback, even if one of them raises
            for callback in callbacks:
                stack.callback(callback)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Generator[None, None, None]:
        """Inside the `with` block, let `cancel` call the callback. For transports.

        The callback runs in the thread that cancels, and must not block. Raises `ConnectError`
        (`canceled`) if `cancel` was called before.
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
    """Return the error of a call that the client itself has ended."""
    return ConnectError(Code.CANCELED, "the call was cancelled")


def check_cancelled(cancellation: Cancellation | None) -> None:
    """Raise `canceled` if the call was cancelled."""
    if cancellation is not None and cancellation.is_cancelled:
        raise canceled()
