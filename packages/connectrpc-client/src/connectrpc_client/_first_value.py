"""Values that are made once, by the first call that needs them, without a lock.

A lock must not be held while a value is made. That may import an HTTP library, which takes long
enough for the garbage collector or a signal handler to run code in the same thread. If that code
makes a call, it needs the value as well, and would wait for the lock forever.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class FirstValue(Generic[T]):
    """Keeps the first of the values that were made at the same time."""

    __slots__ = ("_values", "value")

    def __init__(self) -> None:
        self._values: dict[None, T] = {}
        self.value: T | None = None

    def keep(self, made: T) -> T:
        """Keep a value that the caller has made, unless there is one. Return the kept one."""
        self.value = kept = self._values.setdefault(None, made)  # atomic
        return kept

    def take(self) -> T | None:
        """Return the value and forget it, so that the next one is kept."""
        self.value = None
        return self._values.pop(None, None)  # atomic
