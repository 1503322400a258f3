"""Waiting for a change, in threads and in the tasks of event loops alike."""

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from connectrpc_protocol.deadline import remaining

T = TypeVar("T")


class _Pending(Enum):
    PENDING = "pending"


Pending: TypeAlias = Literal[_Pending.PENDING]
PENDING: Final = _Pending.PENDING
"""What an attempt returns that has to wait."""


class Signal:
    """Guards a state that several threads share, and wakes those who wait for it to change.

    An attempt is a function that looks at the state, and perhaps changes it, but never blocks.
    """

    __slots__ = ("_lock", "_wakers")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: set[Callable[[], object]] = set()

    def attempt(
        self, attempt: Callable[[], T | Pending], wake: Callable[[], object]
    ) -> T | Pending:
        """Try. If it has to wait, `wake` is called at the next change; it must not block."""
        with self._lock:
            result = attempt()
            if result is PENDING:
                self._wakers.add(wake)
            else:
                self._wake()
            return result

    def forget(self, wake: Callable[[], object]) -> None:
        """Whoever gave this to `attempt` does not wait any longer."""
        with self._lock:
            self._wakers.discard(wake)

    def change(self, change: Callable[[], None]) -> None:
        """Change the state, without any waiting."""
        with self._lock:
            change()
            self._wake()

    def wait(self, attempt: Callable[[], T | Pending], timeout: float | None = None) -> T:
        """Try until it need not wait, in this thread, for so many seconds at most.

        Raises `ConnectError` (`deadline_exceeded`).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            woken = threading.Event()
            wake = woken.set
            result = self.attempt(attempt, wake)
            if result is not PENDING:
                return result
            try:
                woken.wait(remaining(deadline))
            finally:
                self.forget(wake)

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, set()
        for wake in wakers:
            wake()
