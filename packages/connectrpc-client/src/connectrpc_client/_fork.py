"""Forks: everything that must start anew in a child process registers itself here.

Threads do not survive a fork, and a child must not use the connections of its parent. In a child

- lazy transports open new connections at their next call (`_transports/lazy.py`);
- pyqwest refuses to be used if it was used in the parent (`_transports/pyqwest/runtime.py`);
- idle worker threads are forgotten (`_transports/interruptible/worker_thread.py`);
- the background event loop starts again when it is next needed
  (`_transports/interruptible/event_loop.py`).
"""

import os
import threading
from collections.abc import Callable

_callbacks: list[Callable[[], None]] = []
_locks: list[threading.Lock] = []


def call_in_child(callback: Callable[[], None]) -> None:
    """Have the callback called in every child process, before anything else runs there."""
    _callbacks.append(callback)


def hold_during_fork(lock: threading.Lock) -> None:
    """Hold the lock while the process forks.

    Otherwise another thread might hold it at that moment. That thread does not exist in the child,
    where the lock would never be released.
    """
    _locks.append(lock)


def _before() -> None:
    for lock in _locks:
        lock.acquire()


def _after_in_parent() -> None:
    for lock in _locks:
        lock.release()


def _after_in_child() -> None:
    for callback in _callbacks:
        callback()
    for lock in _locks:
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
