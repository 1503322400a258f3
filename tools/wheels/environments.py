"""Commands, virtual environments, and the servers that run in them."""

import contextlib
import json
import os
import queue
import re
import subprocess
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from checks import TrialError, check

STEP_SECONDS = 120
"""The time limit of one step, long enough for a slow machine and network."""

UV = os.environ.get("UV", "uv")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command that must succeed, and return its output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    check(done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def environment(**variables: str) -> dict[str, str]:
    """Return environment variables that do not refer to the Python environment of this process."""
    removed = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


@dataclass(frozen=True)
class Environment:
    """A virtual environment. Its programs can also import the modules in the folder `code`."""

    root: Path
    code: Path

    def command(self, name: str) -> Path:
        """Return the path of one of its commands."""
        return self.root / ("Scripts" if os.name == "nt" else "bin") / name

    def installed(self) -> set[str]:
        """Return the names of the installed distributions."""
        options = ("--python", self.command("python"), "--format", "json")
        listed = json.loads(run(UV, "pip", "list", *options, cwd=self.root))
        return {entry["name"] for entry in listed}

    def python(self, *arguments: str) -> str:
        """Run its Python and return the output."""
        python = self.command("python")
        return run(python, *arguments, cwd=self.root, PYTHONPATH=str(self.code))

    @contextlib.contextmanager
    def serving(self, program: str) -> Generator[str, None, None]:
        """Run a server that prints its URL; yield the URL; stop the server at the end."""
        process = subprocess.Popen(
            [self.command("python"), "-c", program],
            cwd=self.root,
            env=environment(PYTHONPATH=str(self.code)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = _Output(process.stdout or ())
        try:
            yield output.url()
        finally:
            process.terminate()
            process.wait(STEP_SECONDS)
            output.join()


class _Output(threading.Thread):
    """Reads the output of a server, so that the server never blocks on a full pipe."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__()
        self._lines = lines
        self._text = ""
        self._urls: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        for line in self._lines:
            self._text += line
            if match := re.search(r"http://127\.0\.0\.1:\d+", line):
                self._urls.put(match[0])
        self._urls.put(None)

    def url(self) -> str:
        """Return the URL that the server prints."""
        url = self._urls.get(timeout=STEP_SECONDS)
        if url is None:
            raise TrialError(f"the server ended\n{self._text}")
        return url
