"""The table at the end of a run."""

from collections.abc import Sequence

from runner.run_row import Outcome


def report(outcomes: Sequence[Outcome]) -> str:
    """Return one line for each row, then the sum as `N passed, N failed`."""
    width = max(len("row"), *(len(outcome.row.name) for outcome in outcomes))
    lines = [f"{'row':<{width}}  side    cases  passed  failed  seconds"]
    for outcome in outcomes:
        row, cases, expected, passed, seconds, is_clean = outcome
        note = "" if is_clean else "  the runner reports failure"
        note += f"  {expected} cases were expected" if outcome.has_other_cases else ""
        lines.append(
            f"{row.name:<{width}}  {row.side:<6}  {cases:5}  {passed:6}  {cases - passed:6}"
            f"  {seconds:7.1f}{note}"
        )
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed"])
