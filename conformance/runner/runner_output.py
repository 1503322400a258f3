"""The output of the suite's runner: counts, failures and progress; a watchdog for silent runs."""

import re
import subprocess
import time
from collections.abc import Callable
from typing import IO

from runner.rows import Row

TIMEOUT = 1200.0
"""Seconds after which a run is stopped. A whole row takes less than four minutes on two cores."""

STALL = 60.0
"""Seconds without output after which a run is stopped. The runner gives up on a case after 20."""

_PROGRESS_INTERVAL = 5.0
"""Seconds between two lines of progress."""

_CASES = re.compile(r"(?:Computed|Filtered tests to) (\d+) test case permutation")
_PASSED = re.compile(r"(\d+) passed, \d+ failed")


class RunnerOutput:
    """Reads the output of one run, writes it to a log, and prints the progress."""

    def __init__(self, row: Row, log: IO[str], *, verbose: bool) -> None:
        self.cases = 0
        self.passed = 0
        self.failures: list[list[str]] = []
        self.stop_reason = ""
        self._row = row
        self._log = log
        self._verbose = verbose
        self._done = 0
        self._start = self._last_progress = self._last_line = time.monotonic()

    def read(self, process: "subprocess.Popen[str]") -> None:
        """Read until the run ends."""
        assert process.stdout is not None
        for line in process.stdout:
            self._log.write(line)
            if self._verbose:
                print(line, end="", flush=True)
            self._parse(line)
        process.wait()

    def watch(self, process: "subprocess.Popen[str]", kill: Callable[[], None]) -> None:
        """Stop a run that takes too long or prints nothing. Runs in a thread of its own."""
        while not self.stop_reason and process.poll() is None:
            time.sleep(1)
            now = time.monotonic()
            if now - self._start > TIMEOUT:
                self.stop_reason = f"not done after {TIMEOUT:.0f} s"
            elif now - self._last_line > STALL:
                self.stop_reason = f"no output for {STALL:.0f} s"
        if self.stop_reason:
            kill()

    def _parse(self, line: str) -> None:
        self._last_line = time.monotonic()
        if line.startswith("Received response for"):
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
