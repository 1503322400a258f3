"""The calls that a program under test has in flight, for the report of a stall."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from common.stacks import stack_of_coroutine, stack_of_thread

_KEPT_EVENTS = 8
"""Enough for the last requests and responses; streams of the suite have few messages."""


class Call:
    """A call in flight: the name of its case, and the last events, each with its time.

    `coroutine` runs the call, or else the thread that created this object.
    """

    def __init__(self, name: str, coroutine: object) -> None:
        self._name = name
        self._coroutine = coroutine
        self._thread = threading.get_ident()
        self._start = time.monotonic()
        self._events: deque[tuple[float, str]] = deque(maxlen=_KEPT_EVENTS)

    def note(self, event: str) -> None:
        """Remember an event."""
        self._events.append((time.monotonic(), event))

    def describe(self) -> str:
        """Return the name, the age in seconds, the last events and the stack."""
        now = time.monotonic()
        lines = [f"{now - self._start:7.1f} s  {self._name}\n"]
        lines += [f"{now - then:12.1f} s ago: {event}\n" for then, event in list(self._events)]
        if self._coroutine is None:
            return "".join(lines) + stack_of_thread(self._thread)
        return "".join(lines) + stack_of_coroutine(self._coroutine)


_calls: set[Call] = set()


def start_call(name: str, coroutine: object = None) -> Call:
    """Add a call until `end_call`."""
    call = Call(name, coroutine)
    _calls.add(call)
    return call


def end_call(call: Call) -> None:
    _calls.discard(call)


@contextmanager
def in_flight(name: str, coroutine: object = None) -> Iterator[Call]:
    """Add a call for the duration of a `with` block."""
    call = start_call(name, coroutine)
    try:
        yield call
    finally:
        end_call(call)


def calls_in_flight() -> list[Call]:
    """Return the calls in flight; any thread may call this."""
    return list(_calls)
