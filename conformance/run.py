"""Run the official conformance suite: `run.py [server|client] [--quick]`; see README.md."""

import argparse
import resource
import signal
import sys

from runner.build_suite import SuiteError, prepare
from runner.report import report
from runner.rows import QUICK_SKIP, ROWS, Row
from runner.run_row import run_row

_OPEN_FILES = 16384

# Options of the runner that change which cases there are, next to --run and --skip.
_OTHER_CASES = ("--conf", "--test-file")


def main() -> int:
    """The exit status: 0 only where cases ran and all of them passed."""
    options, arguments = _parse()
    rows = [row for row in ROWS if _is_wanted(row, options)]
    if not rows:
        names = ", ".join(row.name for row in ROWS)
        print(f"no such row; there are: {names}", file=sys.stderr)
        return 2
    _allow_open_files()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what it started, as Ctrl-C does
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
        )
        for row in rows
    ]
    print(report(outcomes))
    return 0 if all(outcome.is_success for outcome in outcomes) else 1


def _parse() -> tuple[argparse.Namespace, list[str]]:
    """Our options, and those of the runner."""
    parser = argparse.ArgumentParser(
        description="Run the conformance suite.",
        epilog="Other options go to the runner, each as one word, such as --trace and -p=4.",
        allow_abbrev=False,
    )
    parser.add_argument("side", nargs="?", choices=("server", "client"), help="only this side")
    parser.add_argument("--row", action="append", metavar="NAME", help="only this row; repeatable")
    parser.add_argument("--quick", action="store_true", help="a part of the cases of each row")
    parser.add_argument("--extra-compressions", action="store_true", help="deflate and snappy, too")
    parser.add_argument("--vv", action="store_true", help="show all that the runner says")
    parser.add_argument("--run", action="append", default=[], help="only cases of this pattern")
    parser.add_argument("--skip", action="append", default=[], help="no cases of this pattern")
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
    """How many cases there must be; `None` where the options ask for others than the profile's."""
    if options.has_own_cases:
        return None
    return row.cases.quick if options.quick else row.cases.whole


def _allow_open_files() -> None:
    """Every case may have a connection of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
