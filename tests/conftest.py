"""Fixtures that start processes; `processes` has the code."""

from collections.abc import Callable, Generator

import pytest
from tests import processes


@pytest.fixture
def environment() -> Callable[..., dict[str, str]]:
    """Return the environment variables of a process: `environment(NAME="value")`."""
    return processes.environment


@pytest.fixture
def serve() -> Generator[processes.Serve, None, None]:
    """Start servers, and stop them when the test ends: `serve("uvicorn", "module:app")`."""
    with processes.servers() as serve:
        yield serve


@pytest.fixture
def run() -> Callable[..., str]:
    """Run a program and return its output: `run("python", "client.py", url)`."""
    return processes.run_program
