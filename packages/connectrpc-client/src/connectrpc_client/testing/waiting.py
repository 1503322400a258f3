"""Waiting for a state to change, in threads and in tasks of event loops alike."""

import threading
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from connectrpc_protocol.deadline import remaining

T = TypeVar("T")


class _Pending(Enum):
    PENDING = "pending"


Pending: TypeAlias = Literal[_Pending.PENDING]
PENDING: Final = _Pending.PENDING
"""Returned by an attempt that has to wait."""


class Monitor:
    """Guards a state that several threads share, and wakes those that wait for it to change.

    An attempt is a function that reads the state and may change it. It never blocks: it returns
    `PENDING` if it has to be repeated after the next change.
    """

    __slots__ = ("_lock", "_wakers")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: set[Callable[[], object]] = set()

    def attempt(
        self, attempt: Callable[[], T | Pending], wake: Callable[[], object]
    ) -> T | Pending:
        """Make an attempt. If it has to wait, `wake` is called at the next change.

        `wake` must not block.
        """
        with self._lock:
            result = attempt()
            if result is PENDING:
                self._wakers.add(wake)
            else:
                self._wake_all()
            return result

    def forget(self, wake: Callable[[], object]) -> None:
        """Do not call the `wake` of an earlier attempt any more."""
        with self._lock:
            self._wakers.discard(wake)

    def change(self, change: Callable[[], None]) -> None:
        """Change the state, without waiting."""
        with self._lock:
            change()
            self._wake_all()

    def wait(self, attempt: Callable[[], T | Pending], deadline: float | None = None) -> T:
        """Repeat an attempt in this thread until it does not have to wait.

        Raises `ConnectError` (`deadline_exceeded`) at the deadline.
        """
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

    def _wake_all(self) -> None:
        wakers, self._wakers = self._wakers, set()
        for wake in wakers:
            wake()
