"""One run of the suite's runner against one program under test."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from runner.build_suite import BUILD, Suite
from runner.rows import Row

TIMEOUT = 1200.0
"""Seconds after which a run is ended. A whole one takes less than four minutes on two cores."""

STALL = 60.0
"""Seconds of silence after which a run is ended. The runner gives up on a case after 20."""

_FOLDER = Path(__file__).resolve().parents[1]
_PROGRESS_INTERVAL = 5.0
_SHOWN_FAILURES = 10
_SHOWN_LINES = 15

_CASES = re.compile(r"(?:Computed|Filtered tests to) (\d+) test case permutation")
_PASSED = re.compile(r"(\d+) passed, \d+ failed")


class Outcome(NamedTuple):
    """How a row went. A case that could not run has failed; `expected` is `None` for any number."""

    row: Row
    cases: int
    expected: int | None
    passed: int
    seconds: float
    is_clean: bool

    @property
    def failed(self) -> int:
        return self.cases - self.passed

    @property
    def has_other_cases(self) -> bool:
        return self.cases > 0 and self.expected not in (None, self.cases)

    @property
    def is_success(self) -> bool:
        return self.is_clean and self.cases > 0 and self.failed == 0 and not self.has_other_cases


def run_row(
    row: Row,
    suite: Suite,
    arguments: Sequence[str],
    *,
    expected: int | None,
    verbose: bool,
    extra_compressions: bool,
) -> Outcome:
    """Run the suite against one program; `arguments` go to the runner."""
    path = BUILD / "log" / f"{row.name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with path.open("w") as log, tempfile.TemporaryDirectory() as scratch:
        process = _start(row, suite, arguments, log, scratch, extra_compressions=extra_compressions)
        watch = _Watch(row, log, verbose=verbose)
        threading.Thread(target=watch.guard, args=(process,), daemon=True).start()
        try:
            watch.read(process)
        finally:
            _kill(process)
    seconds = time.monotonic() - start
    is_clean = process.returncode == 0
    outcome = Outcome(row, watch.cases, expected, watch.passed, seconds, is_clean)
    if not outcome.is_success:
        _explain(outcome, path, watch)
    return outcome


def _start(
    row: Row,
    suite: Suite,
    arguments: Sequence[str],
    log: IO[str],
    scratch: str,
    *,
    extra_compressions: bool,
) -> "subprocess.Popen[str]":
    package, *rest = row.program
    features = Path(scratch) / "features.yaml"
    features.write_text(_features(row, extra_compressions=extra_compressions))
    command = [str(suite.runner), "--mode", row.side, "--conf", str(features)]
    command += [f"--skip={pattern}" for pattern in row.skip]
    # Each answer is a line of very verbose output: this is how progress is known.
    command += ["--vv", *arguments, "--", sys.executable, "-m", package, *rest]
    # Programs leave their key files behind when they are ended: those go with the scratch folder.
    path = os.pathsep.join([str(_FOLDER), str(suite.generated)])
    env = os.environ | {"PYTHONPATH": path, "TMPDIR": scratch}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=env,
        start_new_session=True,  # a group of its own, to be ended as one
    )


def _features(row: Row, *, extra_compressions: bool) -> str:
    text = (_FOLDER / row.features).read_text()
    if extra_compressions:
        last = "    - COMPRESSION_ZSTD\n"
        text = text.replace(last, f"{last}    - COMPRESSION_DEFLATE\n    - COMPRESSION_SNAPPY\n")
    return text


def _kill(process: "subprocess.Popen[str]") -> None:
    """End the runner and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Watch:
    """Reads what the runner says, and says how far it is."""

    def __init__(self, row: Row, log: IO[str], *, verbose: bool) -> None:
        self.cases = 0
        self.passed = 0
        self.failures: list[list[str]] = []
        self.given_up = ""
        self._row = row
        self._log = log
        self._verbose = verbose
        self._done = 0
        self._start = self._shown = self._heard = time.monotonic()

    def read(self, process: "subprocess.Popen[str]") -> None:
        """Read on to the end of the run."""
        assert process.stdout is not None
        for line in process.stdout:
            self._log.write(line)
            if self._verbose:
                print(line, end="", flush=True)
            self._line(line)
        process.wait()

    def guard(self, process: "subprocess.Popen[str]") -> None:
        """End a run that takes too long or does nothing more."""
        while not self.given_up and process.poll() is None:
            time.sleep(1)
            now = time.monotonic()
            if now - self._start > TIMEOUT:
                self.given_up = f"not done after {TIMEOUT:.0f} s"
            elif now - self._heard > STALL:
                self.given_up = f"silent for {STALL:.0f} s"
        if self.given_up:
            _kill(process)

    def _line(self, line: str) -> None:
        self._heard = time.monotonic()
        if line.startswith("Received response for"):
            self._done += 1
            self._progress()
        elif match := _CASES.match(line):
            self.cases = int(match[1])
        elif match := _PASSED.match(line):
            self.passed = int(match[1])
        elif line.startswith("FAILED: "):
            self.failures.append([line])
        elif line.startswith(("\t", " ")) and self.failures:
            self.failures[-1].append(line)

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._shown >= _PROGRESS_INTERVAL:
            self._shown = now
            seconds = now - self._start
            print(
                f"{self._row.name}: {self._done} of {self.cases} cases, {seconds:.0f} s", flush=True
            )


def _explain(outcome: Outcome, path: Path, watch: _Watch) -> None:
    row = outcome.row
    if outcome.has_other_cases:
        print(
            f"{row.name}: {outcome.expected} cases were expected and there are {outcome.cases}: "
            f"{row.features}, the patterns of _matrix.py or the suite itself have changed; where "
            "that is right, so is a new number in _matrix.py and README.md"
        )
    if watch.given_up:
        print(f"{row.name}: {watch.given_up}; ended")
    for failure in watch.failures[:_SHOWN_FAILURES]:
        print("".join(failure[:_SHOWN_LINES]).rstrip())
    if len(watch.failures) > _SHOWN_FAILURES:
        print(f"... and {len(watch.failures) - _SHOWN_FAILURES} more")
    if not watch.failures and not (outcome.is_clean and outcome.has_other_cases):
        lines = path.read_text(errors="replace").splitlines()
        print("\n".join(lines[-_SHOWN_LINES:]))
    print(f"{row.name}: everything the runner and the program said is in {path}", flush=True)
