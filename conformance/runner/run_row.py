"""Run the suite's runner against one program under test."""

import os
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

from common.stall_report import FOLDER
from runner.build_suite import BUILD, Suite
from runner.rows import Row
from runner.runner_output import RunnerOutput
from runner.stall import explain

_FOLDER = Path(__file__).resolve().parents[1]
_REPORTS = "stall-reports"
_SHOWN_FAILURES = 10
_SHOWN_LINES = 15


class Outcome(NamedTuple):
    """The result of a row. A case that did not run counts as failed.

    `expected` is `None` if any number of cases is right.
    """

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
    stall: float,
) -> Outcome:
    """Run the suite against one program; the runner gets `arguments`.

    A row without output for `stall` seconds is explained and ends as a failure.
    """
    path = BUILD / "log" / f"{row.name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    # The processes write to the same file, so the lines must not wait in a buffer.
    with path.open("w", buffering=1) as log, tempfile.TemporaryDirectory() as scratch:
        process = _start(row, suite, arguments, log, scratch, extra_compressions=extra_compressions)
        output = RunnerOutput(row, log, verbose=verbose)

        def stop() -> None:
            try:
                explain(row.name, dict(output.in_flight), Path(scratch) / _REPORTS, path, process)
            finally:
                _kill(process)

        watching = threading.Thread(target=output.watch, args=(stop, stall), daemon=True)
        watching.start()
        try:
            output.read(process)
            watching.join()
        finally:
            _kill(process)
    seconds = time.monotonic() - start
    is_clean = process.returncode == 0
    outcome = Outcome(row, output.cases, expected, output.passed, seconds, is_clean)
    if not outcome.is_success:
        _explain(outcome, path, output)
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
    features = Path(scratch) / "features.yaml"
    features.write_text(_features(row, extra_compressions=extra_compressions))
    command = [str(suite.runner), "--mode", row.side, "--conf", str(features)]
    command += [f"--skip={pattern}" for pattern in row.skip]
    # With --vv the runner prints a line for each response, which shows the progress.
    command += ["--vv", *arguments, "--", sys.executable, "-m", *row.program]
    # A killed program leaves its key files behind; they are deleted with the scratch folder.
    path = os.pathsep.join([str(_FOLDER), str(suite.generated)])
    reports = Path(scratch) / _REPORTS
    reports.mkdir()
    env = os.environ | {"PYTHONPATH": path, "TMPDIR": scratch, FOLDER: str(reports)}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=env,
        start_new_session=True,  # one process group, which `_kill` ends as a whole
    )


def _features(row: Row, *, extra_compressions: bool) -> str:
    text = (_FOLDER / row.features).read_text()
    if extra_compressions:
        last = "    - COMPRESSION_ZSTD\n"
        text = text.replace(last, f"{last}    - COMPRESSION_DEFLATE\n    - COMPRESSION_SNAPPY\n")
    return text


def _kill(process: "subprocess.Popen[str]") -> None:
    """End the runner and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _explain(outcome: Outcome, path: Path, output: RunnerOutput) -> None:
    row = outcome.row
    if outcome.has_other_cases:
        print(
            f"{row.name}: {outcome.expected} cases were expected and there are {outcome.cases}: "
            f"{row.features}, the patterns in runner/rows.py or the suite itself have changed; if "
            "the change is intended, update the number in runner/rows.py and README.md"
        )
    if output.stop_reason:
        print(f"{row.name}: stopped: {output.stop_reason}")
    for failure in output.failures[:_SHOWN_FAILURES]:
        print("".join(failure[:_SHOWN_LINES]).rstrip())
    if len(output.failures) > _SHOWN_FAILURES:
        print(f"... and {len(output.failures) - _SHOWN_FAILURES} more")
    is_explained = output.failures or output.stop_reason
    if not is_explained and not (outcome.is_clean and outcome.has_other_cases):
        lines = path.read_text(errors="replace").splitlines()
        print("\n".join(lines[-_SHOWN_LINES:]))
    print(f"{row.name}: all output of the runner and the program is in {path}", flush=True)
