"""The order of names in `__all__` and in import statements."""

import re
from functools import cache


@cache  # most modules import the same names
def natural_key(name: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Return the key that sorts names as ruff and isort do.

    Constants come before classes, and classes before other names; `V2` comes before `V10`.
    """
    group = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    runs = re.findall(r"\d+|\D+", name)
    return group, tuple((0, int(run), "") if run.isdigit() else (1, 0, run) for run in runs)
