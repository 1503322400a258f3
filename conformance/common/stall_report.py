"""The report of a program under test if a row stalls.

The runner of a row (`runner/stall.py`) asks for it through a named pipe, because each process can
have one, wherever an HTTP server starts it, and a thread can wait for it: the embedded Python of
pyvoy cannot handle signals in Python code, and a busy event loop does not respond. The pipe has the
number of the process as its name, and is deleted after the report. The signal SIGUSR1 is for a
process that does not report, because native code holds the lock of the interpreter: it writes the
stacks of the threads alone.
"""

import faulthandler
import os
import signal
import sys
import threading
from asyncio import Task
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from common.in_flight import calls_in_flight
from common.stacks import pending_tasks, stack_of_coroutine

FOLDER = "CONFORMANCE_STALL_REPORTS"
"""The environment variable with the folder of the named pipes. Child processes inherit it."""

_SHOWN_ALIKE = 3
"""How many tasks with the same stack are shown."""


def report_on_request() -> None:
    """Write a report to standard error once the runner asks for it.

    Each process that makes or serves calls must call this. It does nothing if the program was
    started by hand, and after its first call in a process.
    """
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    pipe = Path(folder) / str(os.getpid())
    with suppress(FileExistsError):
        os.mkfifo(pipe)
        faulthandler.register(signal.SIGUSR1)
        threading.Thread(target=_wait, args=(pipe,), daemon=True, name="stall report").start()


def _wait(pipe: Path) -> None:
    # A signal that ends the process must not wake this thread while the interpreter ends.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    with pipe.open("rb") as request:  # waits until the runner opens the pipe, too
        request.read()
    try:
        _report()
    finally:
        pipe.unlink(missing_ok=True)


def _report() -> None:
    calls = calls_in_flight()
    tasks = pending_tasks()
    _write(f"=== report of process {os.getpid()}: {' '.join(sys.argv)}")
    _write(f"--- calls in flight: {len(calls)}")
    for call in calls:
        _write(call.describe())
    _write(f"--- tasks: {len(tasks)}")
    for stack, alike in _by_stack(tasks).items():
        _write("\n".join([*map(repr, alike[:_SHOWN_ALIKE]), stack]))
        if len(alike) > _SHOWN_ALIKE:
            _write(f"({len(alike) - _SHOWN_ALIKE} more tasks have this stack)\n")
    _write("--- threads")
    sys.stderr.flush()
    faulthandler.dump_traceback()
    _write(f"=== end of the report of process {os.getpid()}")


def _by_stack(tasks: Iterable[Task[object]]) -> dict[str, list[Task[object]]]:
    """Group tasks with the same stack, as those of idle connections have."""
    groups: dict[str, list[Task[object]]] = {}
    for task in tasks:
        groups.setdefault(stack_of_coroutine(task), []).append(task)
    return groups


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
