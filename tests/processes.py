"""Processes that tests start: servers on free ports, and programs that run until they end."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "src"

STEP_SECONDS = 60
"""The time limit of one step, long enough for a slow machine under load."""

_ANNOUNCEMENT = re.compile(r"(?:http://|listening on )127\.0\.0\.1:([1-9]\d*)")

Serve = Callable[..., "Server"]


class Server:
    """A server process that chooses a free port and prints it.

    A server prints its address after it has begun to listen. So tests do not poll, and no other
    process can take the port.
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
        """Wait until the server listens, and return its URL."""
        assert self._is_settled.wait(STEP_SECONDS), f"the server prints no URL:\n{self.output}"
        assert self._url is not None, f"the server ended:\n{self.output}"
        return self._url

    def stop(self) -> str:
        """Stop the server with SIGTERM and return its output."""
        self._process.terminate()
        try:
            self._process.wait(STEP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._reader.join(STEP_SECONDS)
        return self.output


@contextmanager
def servers() -> Generator[Serve, None, None]:
    """Start servers, `serve("uvicorn", "module:app", "--port", "0")`, and stop them at the end."""
    with ExitStack() as stack:

        def start(*command: str, cwd: Path = EXAMPLES, **variables: str) -> Server:
            server = Server(command, environment(PORT="0", **variables), cwd)
            stack.callback(server.stop)
            return server

        yield start


def environment(**variables: str) -> dict[str, str]:
    """Return variables for a process: this Python's commands come first, warnings are errors."""
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {
        "PATH": commands,
        "PYTHONWARNINGS": "error",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def run_program(*command: str, cwd: Path = EXAMPLES, **variables: str) -> str:
    """Run a program that must succeed, and return its standard output."""
    done = subprocess.run(
        command,
        env=environment(**variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout
