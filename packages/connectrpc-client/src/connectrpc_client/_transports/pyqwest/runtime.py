"""The native threads of pyqwest: they do not survive a fork, and need a pause before the exit."""

import atexit
import sys
import time

from connectrpc_client import _fork

# Seconds. Before Python 3.14, a native thread that calls into Python while the interpreter exits
# aborts the process (CPython's issue 87135). pyqwest's threads still do so shortly after the last
# call: of 120 programs that ended right after a call, 14 were aborted, and none with this pause.
_EXIT_PAUSE = 0.05


class Runtime:
    """The state of pyqwest's native threads in this process.

    They start with the first client of pyqwest and do not survive a fork. In a child that was
    forked later, every call would block and never end.
    """

    __slots__ = ("_has_started", "is_lost")

    def __init__(self) -> None:
        self._has_started = self.is_lost = False

    def start(self) -> None:
        """Prepare for the use of pyqwest. Raises `RuntimeError` if it cannot be used here."""
        if self.is_lost:
            raise RuntimeError(
                "pyqwest was used before this process was forked, and cannot be used in it: make "
                "the first call after the fork, or start processes by 'spawn' or 'forkserver'"
            )
        if not self._has_started:
            self._has_started = True
            if sys.version_info < (3, 14):
                atexit.register(time.sleep, _EXIT_PAUSE)

    def forked(self) -> None:
        """Note that this process is a child, without the threads of its parent."""
        self.is_lost = self._has_started


runtime = Runtime()
_fork.call_in_child(runtime.forked)
