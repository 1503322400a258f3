"""The native threads of pyqwest: they do not survive a fork, and need a pause before the exit."""

import atexit
import sys
import time
from pathlib import Path

from connectrpc_client import _fork

# Seconds. Before Python 3.14, a native thread that calls into Python while the interpreter exits
# aborts the process (CPython's issue 87135). pyqwest's threads still do so shortly after the last
# call: of 120 programs that ended right after a call, 14 were aborted, and none with this pause.
_EXIT_PAUSE = 0.05

# Linux tells the names of native threads, but not whose they are. No thread of another library
# survives a fork, so in a child these are threads that began there.
_THREADS = Path("/proc/self/task")
_THREAD_NAME = "tokio-rt-worker"


class Runtime:
    """The state of pyqwest's native threads in this process.

    They start with the first client of pyqwest and do not survive a fork. In a child that was
    forked later, every call would block and never end.
    """

    __slots__ = ("_has_started", "_is_lost")

    def __init__(self) -> None:
        self._has_started = False
        # `None` in a child process until this is found out: the user's code in the parent may
        # have used pyqwest.
        self._is_lost: bool | None = None if _fork.is_child() else False

    def start(self) -> None:
        """Prepare for the use of pyqwest. Raises `RuntimeError` if it cannot be used here."""
        if self._is_lost is not False and self.is_lost:
            raise RuntimeError(
                "pyqwest was used before this process was forked, and cannot be used in it: make "
                "the first pyqwest client and the first call after the fork, or start processes by "
                "'spawn' or 'forkserver'"
            )
        if not self._has_started:
            self._has_started = True
            if sys.version_info < (3, 14):
                atexit.register(time.sleep, _EXIT_PAUSE)

    @property
    def is_lost(self) -> bool:
        """Whether pyqwest cannot be used, because the threads stayed in the parent process."""
        if self._is_lost is None:
            self._is_lost = not _threads_start()
        return self._is_lost

    def forked(self) -> None:
        """Note that this process is a child, without the threads of its parent."""
        self._is_lost = True if self._has_started else None


def _threads_start() -> bool:
    """Return whether a client has native threads in this process. They start only once."""
    import pyqwest

    if not _THREADS.exists():  # not Linux
        return True
    pyqwest.SyncClient()
    return any(_name_of(thread) == _THREAD_NAME for thread in _THREADS.iterdir())


def _name_of(thread: Path) -> str:
    try:
        return (thread / "comm").read_text().strip()
    except OSError:  # the thread has ended
        return ""


runtime = Runtime()
_fork.call_in_child(runtime.forked)
