"""`conformance/run.py`: the table and the exit status that it makes of the runner's output."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "conformance"

RUNNER = """\
#!{python}
print("Computed 9999 test case permutation(s) across 4 server configuration(s).")
print("Filtered tests to {cases} test case permutation(s) across 4 server configuration(s).")
print("{passed} passed, {failed} failed")
raise SystemExit({failed} > 0)
"""

CASES = {row.name: row.cases for row in runpy.run_path(str(FOLDER / "runner" / "rows.py"))["ROWS"]}
WHOLE, QUICK = CASES["httpx-sync"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the command to a folder where everything is built but the suite's runner."""
    (tmp_path / "conformance").mkdir()
    shutil.copy(FOLDER / "run.py", tmp_path / "conformance")
    for folder in ("runner", "common", "features"):
        shutil.copytree(FOLDER / folder, tmp_path / "conformance" / folder)
    protos = suite_of(tmp_path) / "proto"
    protos.mkdir(parents=True)
    (protos / "empty.proto").write_text('syntax = "proto3";\n')
    return tmp_path


def suite_of(copy: Path) -> Path:
    version = runpy.run_path(str(FOLDER / "runner" / "build_suite.py"))["VERSION"]
    return copy / ".build" / "conformance" / version


def run(
    copy: Path, *options: str, cases: int, failed: int = 0
) -> "subprocess.CompletedProcess[str]":
    runner = suite_of(copy) / "connectconformance"
    runner.write_text(
        RUNNER.format(python=sys.executable, cases=cases, passed=cases - failed, failed=failed)
    )
    runner.chmod(0o700)
    command = [sys.executable, str(copy / "conformance" / "run.py"), "--row=httpx-sync", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("options", "cases"), [([], WHOLE), (["--quick", "-p=4"], QUICK)])
def test_success_if_all_cases_pass(copy: Path, options: list[str], cases: int) -> None:
    done = run(copy, *options, cases=cases)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{cases} passed, 0 failed\n")


def test_failure_if_a_case_fails(copy: Path) -> None:
    done = run(copy, cases=WHOLE, failed=1)
    assert done.returncode == 1
    assert done.stdout.endswith(f"{WHOLE - 1} passed, 1 failed\n")
    assert "expected" not in done.stdout


@pytest.mark.parametrize(
    ("options", "expected", "cases"),
    [
        ([], WHOLE, WHOLE - 1),
        (["--trace"], WHOLE, WHOLE + 1),
        (["--quick"], QUICK, QUICK - 1),
        (["--quick"], QUICK, WHOLE),
    ],
)
def test_failure_if_the_number_of_cases_differs(
    copy: Path, options: list[str], expected: int, cases: int
) -> None:
    done = run(copy, *options, cases=cases)
    assert done.returncode == 1
    assert f"httpx-sync: {expected} cases were expected and there are {cases}:" in done.stdout
    assert re.search(rf"^httpx-sync .*  {expected} cases were expected$", done.stdout, re.M)


@pytest.mark.parametrize(
    "option",
    ["--run=Errors/**", "--skip=Errors/**", "--extra-compressions", "--test-file=x", "--conf=x"],
)
def test_options_that_select_cases_allow_any_number(copy: Path, option: str) -> None:
    assert run(copy, option, "--quick", cases=3).returncode == 0


def test_failure_if_no_case_runs(copy: Path) -> None:
    assert run(copy, "--run=Errors/**", cases=0).returncode == 1
