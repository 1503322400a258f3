"""Ending calls from outside: by a cancellation, for sync calls, or by closing the client."""

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.representation import representation


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

    def __repr__(self) -> str:
        return representation(self, lambda: "cancelled" if self._is_cancelled else "not cancelled")

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Generator[None, None, None]:
        """Inside the `with` block, let `cancel` call the callback. For transports.

        The callback runs in the thread that cancels, and must not block. Raises `ConnectError`
        (`canceled`) if `cancel` was called before.
        """
        key = self._add(callback)
        try:
            yield
        finally:
            self._remove(key)

    def _add(self, callback: Callable[[], None]) -> object:
        key = object()
        with self._lock:
            self._callbacks[key] = callback
        if self._is_cancelled:
            self._remove(key)
            raise self._error()
        return key

    def _remove(self, key: object) -> None:
        with self._lock:
            del self._callbacks[key]

    def _error(self) -> ConnectError:
        return canceled()


class Closing(Cancellation):
    """Ends the calls of a client when it is closed.

    Every call has it. So a sync call does not choose a slower way to wait because of it: a wait
    that only the HTTP library can end goes on until the response head arrives.
    """

    __slots__ = ()

    def add(self, callback: Callable[[], None]) -> object:
        """Let `cancel` call the callback until `remove` is called with the returned key.

        This is `calling` for code that cannot use a `with` block.
        """
        return self._add(callback)

    def remove(self, key: object) -> None:
        """See `add`."""
        self._remove(key)

    def _error(self) -> ConnectError:
        return client_closed()


def client_closed() -> ConnectError:
    """Return the error of a call whose client was closed."""
    return ConnectError(Code.CANCELED, "the client was closed")


def canceled() -> ConnectError:
    """Return the error of a call that the client itself has ended."""
    return ConnectError(Code.CANCELED, "the call was cancelled")
