"""Run the conformance suite of the Connect project: `run.py [server|client] [--quick]`.

README.md explains the options and the output.
"""

import argparse
import resource
import signal
import sys

from runner.build_suite import SuiteError, prepare
from runner.report import report
from runner.rows import QUICK_SKIP, ROWS, Row
from runner.run_row import run_row
from runner.runner_output import STALL

_OPEN_FILES = 16384
"""The soft limit to ask for: each case may open a connection of its own, on both sides."""

# Options of the suite's runner that, like --run and --skip, change which cases there are.
_OTHER_CASES = ("--conf", "--test-file")


def main() -> int:
    """Run the chosen rows. Return 0 only if cases ran and all of them passed."""
    options, arguments = _parse()
    rows = [row for row in ROWS if _is_wanted(row, options)]
    if not rows:
        names = ", ".join(row.name for row in ROWS)
        print(f"no row matches; the rows are: {names}", file=sys.stderr)
        return 2
    _raise_open_files_limit()
    # With SystemExit, `finally` blocks stop the child processes, as they do after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        suite = prepare()
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 2
    outcomes = [
        run_row(
            row,
            suite,
            arguments,
            expected=_expected(row, options),
            verbose=options.vv,
            extra_compressions=options.extra_compressions,
            stall=options.stall,
        )
        for row in rows
    ]
    print(report(outcomes))
    return 0 if all(outcome.is_success for outcome in outcomes) else 1


def _parse() -> tuple[argparse.Namespace, list[str]]:
    """Return the options of this program, and the arguments for the suite's runner."""
    parser = argparse.ArgumentParser(
        description="Run the conformance suite.",
        epilog="The suite's runner gets all other options. Write each as one word: --trace, -p=4.",
        allow_abbrev=False,
    )
    parser.add_argument("side", nargs="?", choices=("server", "client"), help="run only this side")
    parser.add_argument(
        "--row", action="append", metavar="NAME", help="run only this row; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="run some of the cases of each row")
    parser.add_argument(
        "--extra-compressions", action="store_true", help="add deflate and snappy to each row"
    )
    parser.add_argument(
        "--stall",
        type=float,
        default=STALL,
        metavar="SECONDS",
        help="explain and end a row that prints nothing for so long",
    )
    parser.add_argument("--vv", action="store_true", help="show everything that the runner prints")
    parser.add_argument(
        "--run", action="append", default=[], metavar="PATTERN", help="run only these cases"
    )
    parser.add_argument(
        "--skip", action="append", default=[], metavar="PATTERN", help="leave out these cases"
    )
    options, arguments = parser.parse_known_args()
    options.has_own_cases = bool(
        options.run
        or options.skip
        or options.extra_compressions
        or any(argument.startswith(_OTHER_CASES) for argument in arguments)
    )
    if options.quick:
        options.skip += QUICK_SKIP
    for name in ("run", "skip"):
        arguments += [f"--{name}={pattern}" for pattern in getattr(options, name)]
    return options, arguments


def _is_wanted(row: Row, options: argparse.Namespace) -> bool:
    return options.side in (None, row.side) and (options.row is None or row.name in options.row)


def _expected(row: Row, options: argparse.Namespace) -> int | None:
    """Return the number of cases that must run; `None` if the user's options change the number."""
    if options.has_own_cases:
        return None
    return row.cases.quick if options.quick else row.cases.whole


def _raise_open_files_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
