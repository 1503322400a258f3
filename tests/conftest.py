"""Processes that a test starts: servers on free ports, and programs that run to their end."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "src"
PATIENCE = 60  # seconds that the slowest machine may take for one step

_ANNOUNCEMENT = re.compile(r"(?:http://|listening on )127\.0\.0\.1:([1-9]\d*)")

Serve = Callable[..., "Server"]
Run = Callable[..., str]


class Server:
    """A server process that listens on a port of its own choice and says which.

    Servers announce their address once they listen, so that nothing polls and no other process
    can take the port.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        self.output = ""
        self._url: str | None = None
        self._is_settled = threading.Event()
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.output += line
                if self._url is None and (match := _ANNOUNCEMENT.search(line)):
                    self._url = f"http://127.0.0.1:{match[1]}"
                    self._is_settled.set()
        self._is_settled.set()

    def url(self) -> str:
        """Where the server listens. Waits until it does."""
        assert self._is_settled.wait(PATIENCE), f"the server is silent:\n{self.output}"
        assert self._url is not None, f"the server ended:\n{self.output}"
        return self._url

    def stop(self) -> str:
        """End the server as its user would; returns what it printed."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._reader.join(PATIENCE)
        return self.output


def _environment(**variables: str) -> dict[str, str]:
    """An environment with this Python's commands first, where warnings are errors."""
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {
        "PATH": commands,
        "PYTHONWARNINGS": "error",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


@pytest.fixture
def environment() -> Callable[..., dict[str, str]]:
    """The environment of a process, with variables added."""
    return _environment


@contextmanager
def servers() -> Generator[Serve, None, None]:
    """Starts servers, `serve("uvicorn", "module:app", "--port", "0")`, and ends them."""
    with ExitStack() as stack:

        def start(*command: str, cwd: Path = EXAMPLES, **variables: str) -> Server:
            server = Server(command, _environment(PORT="0", **variables), cwd)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def serve() -> Generator[Serve, None, None]:
    """`servers` until the test ends."""
    with servers() as serve:
        yield serve


@pytest.fixture
def run() -> Run:
    """Runs a program to its end and returns what it printed; it must succeed."""

    def run(*command: str, cwd: Path = EXAMPLES, **variables: str) -> str:
        done = subprocess.run(
            command,
            env=_environment(**variables),
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run
