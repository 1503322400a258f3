"""Explain a row that makes no progress: the cases in flight, and reports of the processes.

The programs under test write their reports to the log, see `common/stall_report.py`. Then the
suite's runner, a Go program, ends with the stacks of its goroutines: the only trace of a request
that the server under test does not know.
"""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_REPORT_SECONDS = 5.0
"""How long to wait for the report of a process. It takes milliseconds; the rest is for load."""

_THREADS_SECONDS = 0.5
"""How long a process may take to write the stacks of its threads, which native code does."""

_EXIT_SECONDS = 3.0
"""How long the suite's runner may take to write its stacks and end."""

_SHOWN_CASES = 20
"""More than the suite's client has in flight. The runner writes many more to a client's pipe."""

_SHOWN_LINES_BEFORE = 15
_SHOWN_REPORT_LINES = 1000
"""The reports of four servers, which is how many run at a time, with a few calls in each."""


def explain(
    row: str,
    in_flight: Mapping[str, float],
    reports: Path,
    log: Path,
    process: "subprocess.Popen[str]",
) -> None:
    """Print what a row waits for, and end the suite's runner.

    `in_flight` has the time at which each case began. The time that this takes is bounded, by a
    few seconds for each process.
    """
    print(f"{row}: the load is {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    _print_cases(row, in_flight)
    before = _lines(log)
    shown = [line for line in before if not line.startswith(("Sending request", "Received resp"))]
    _print_lines(f"{row}: the log until then", shown[-_SHOWN_LINES_BEFORE:])
    silent = _ask_for_reports(reports)
    _ask_for_threads(silent)
    written = _lines(log)[len(before) :]
    _print_lines(f"{row}: the reports of the programs under test", written[:_SHOWN_REPORT_LINES])
    if len(written) > _SHOWN_REPORT_LINES:
        print(f"... and {len(written) - _SHOWN_REPORT_LINES} more lines in {log}")
    for pid in silent:
        print(f"{row}: process {pid} did not report in time; native code may hold its lock")
    process.send_signal(signal.SIGQUIT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_EXIT_SECONDS)
    print(f"{row}: the stacks of the suite's runner are at the end of {log}", flush=True)


def _print_cases(row: str, in_flight: Mapping[str, float]) -> None:
    now = time.monotonic()
    lines = [f"{now - start:7.1f} s  {name}" for name, start in in_flight.items()]
    _print_lines(f"{row}: {len(lines)} cases in flight", lines[:_SHOWN_CASES])
    if len(lines) > _SHOWN_CASES:
        print(f"... and {len(lines) - _SHOWN_CASES} more, which may wait to be read")


def _print_lines(title: str, lines: list[str]) -> None:
    print("\n".join([f"{title}:", *lines]), flush=True)


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def _ask_for_reports(folder: Path) -> list[int]:
    """Ask one process after the other; return the numbers of those that did not report."""
    pipes = sorted(folder.iterdir(), key=lambda pipe: int(pipe.name))
    return [int(pipe.name) for pipe in pipes if _ask(pipe) and not _is_gone(pipe)]


def _ask_for_threads(pids: list[int]) -> None:
    """Have processes that do not report write the stacks of their threads, by a signal."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
            time.sleep(_THREADS_SECONDS)


def _ask(pipe: Path) -> bool:
    """Ask for a report; return whether the process still runs, that is, reads its pipe."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    return True


def _is_gone(pipe: Path) -> bool:
    """Wait until the pipe is deleted, which is the end of the report; return whether it was."""
    end = time.monotonic() + _REPORT_SECONDS
    while pipe.exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
