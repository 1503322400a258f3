"""Forks: everything that must start anew in a child process registers itself here.

Threads do not survive a fork, and a child must not use the connections of its parent. In a child

- lazy transports open new connections at their next call (`_transports/lazy.py`);
- pyqwest refuses to be used if it was used in the parent (`_transports/pyqwest/runtime.py`);
- httpx clients that were used in the parent are refused (`_transports/httpx_forks.py`);
- idle worker threads are forgotten (`_transports/interruptible/worker_thread.py`);
- the background event loop starts again when it is next needed
  (`_transports/interruptible/event_loop.py`).
"""

import os
import stat
from collections.abc import Callable, Iterator

inherited_sockets: set[tuple[int, int]] = set()
"""The sockets that this process had when it was forked, see `socket_id`. Empty if it was not."""

_importing_process = os.getpid()


def is_child() -> bool:
    """Return whether this process was forked after this module was imported."""
    return os.getpid() != _importing_process


def call_in_child(callback: Callable[[], object]) -> None:
    """Have the callback called in every child process, before anything else runs there.

    Each callback is registered by itself, so that a signal that interrupts one leaves the others.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


def _note_sockets() -> None:
    inherited_sockets.clear()
    inherited_sockets.update(_open_sockets())


def socket_id(descriptor: int) -> tuple[int, int] | None:
    """Return what identifies a socket in all processes, or `None` if it is not an open socket."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None


def _open_sockets() -> Iterator[tuple[int, int]]:
    try:
        descriptors = os.listdir("/dev/fd")
    except OSError:
        return
    for descriptor in descriptors:
        if identity := socket_id(int(descriptor)):
            yield identity


call_in_child(_note_sockets)
