"""The output of the suite's runner: counts, failures, cases in flight, progress and silence."""

import re
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO

from runner.rows import Row

TIMEOUT = 1200.0
"""Seconds after which a run is stopped. A whole row takes less than four minutes on two cores."""

STALL = 15.0
"""Seconds without output after which a run is stopped.

The runner is silent for up to 10 s while it waits for servers to listen. After 20 s it gives up on
all cases in flight and disconnects; nothing would be left to explain.
"""

_PROGRESS_INTERVAL = 5.0
"""Seconds between two lines of progress."""

_CASES = re.compile(r"(?:Computed|Filtered tests to) (\d+) test case permutation")
_PASSED = re.compile(r"(\d+) passed, \d+ failed")
_SENT = re.compile(r'Sending request for "(.*)"\.\.\.')
_RECEIVED = re.compile(r'Received response for "(.*)"\.\.\.')


class RunnerOutput:
    """Reads the output of one run, writes it to a log, and prints the progress.

    `in_flight` has the cases whose requests the runner has sent, each with the time of the request.
    `stop_reason` is empty unless `watch` stops the run.
    """

    def __init__(self, row: Row, log: IO[str], *, verbose: bool) -> None:
        self.cases = 0
        self.passed = 0
        self.failures: list[list[str]] = []
        self.in_flight: dict[str, float] = {}
        self.stop_reason = ""
        self._row = row
        self._log = log
        self._verbose = verbose
        self._done = 0
        self._start = self._last_progress = time.monotonic()
        self._silent_ticks = 0
        self._ended = threading.Event()

    def read(self, process: "subprocess.Popen[str]") -> None:
        """Read until the run ends."""
        assert process.stdout is not None
        try:
            for line in process.stdout:
                self._log.write(line)
                if self._verbose:
                    print(line, end="", flush=True)
                self._parse(line)
            process.wait()
        finally:
            self._ended.set()

    def watch(self, stop: Callable[[], None], stall: float) -> None:
        """Call `stop` if the run takes too long or prints nothing for `stall` seconds.

        Runs in a thread of its own, and returns soon after `read`. It counts its own ticks of one
        second: if the whole machine stands still, such as without memory, this thread does so, too.
        """
        while not self._ended.wait(1):
            self._silent_ticks += 1
            if time.monotonic() - self._start > TIMEOUT:
                self.stop_reason = f"not done after {TIMEOUT:.0f} s"
            elif self._silent_ticks >= stall:
                self.stop_reason = f"no output for {stall:.0f} s"
            if self.stop_reason:
                stop()
                return

    def _parse(self, line: str) -> None:
        self._silent_ticks = 0
        if match := _SENT.match(line):
            self.in_flight[match[1]] = time.monotonic()
        elif match := _RECEIVED.match(line):
            self.in_flight.pop(match[1], None)
            self._done += 1
            self._print_progress()
        elif match := _CASES.match(line):
            self.cases = int(match[1])
        elif match := _PASSED.match(line):
            self.passed = int(match[1])
        elif line.startswith("FAILED: "):
            self.failures.append([line])
        elif line.startswith(("\t", " ")) and self.failures:
            self.failures[-1].append(line)

    def _print_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = now
            seconds = now - self._start
            print(
                f"{self._row.name}: {self._done} of {self.cases} cases, {seconds:.0f} s", flush=True
            )
