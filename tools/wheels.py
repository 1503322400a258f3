"""Build the wheels and test each as its users install it: `just wheels`.

Each distribution is installed into a new environment with its declared dependencies alone, in the
versions of the lock file. The installed plugin generates code; one environment serves it and
another calls it. The program prints a line for each step. The exit status is 1 if a step fails.
"""

import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zipfile
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PROTO = "eliza/v1/eliza.proto"
GENERATED = "eliza.v1.eliza_connect"
STEP_SECONDS = 120
"""The time limit of one step, long enough for a slow machine and network."""

UV = os.environ.get("UV", "uv")

# The dependencies of each distribution, direct and indirect. The client is not listed: its
# dependency httpx has dependencies of its own.
COMPANIONS = {
    "connectrpc-server": {"connectrpc-protocol", "protobuf"},
    "connectrpc-protocol": {"protobuf"},
    "protoc-gen-connect-python": {"jinja2", "markupsafe", "protobuf"},
}
CLIENT_ONLY = {"anyio", "connectrpc-client", "h11", "httpcore", "httpx"}
SERVER_ONLY = {"connectrpc-server", "uvicorn"}

WSGI_SERVER = """\
from wsgiref.simple_server import make_server

from eliza.v1.eliza_connect import ElizaServiceWSGIApplication
from eliza_service import ElizaSync

with make_server("127.0.0.1", 0, ElizaServiceWSGIApplication(ElizaSync())) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
"""
ASGI_SERVER = """\
import uvicorn

from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza

uvicorn.run(ElizaServiceASGIApplication(Eliza()), port=0)
"""
# wsgiref does not read chunked bodies, so these calls do not stream requests.
WSGI_CALLS = """\
import asyncio, sys

from eliza.v1.eliza_connect import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest


async def call(url):
    async with ElizaServiceClient(url) as client:
        print((await client.say(SayRequest(sentence="I feel tired"))).sentence)


with ElizaServiceClientSync(sys.argv[1]) as client:
    print(client.say(SayRequest(sentence="I feel tired"), use_get=True).sentence)
asyncio.run(call(sys.argv[1]))
"""
# Calls that work without the extra `pyqwest`, and errors that say that it is missing.
HTTPX_CALLS = """\
import sys

from eliza.v1.eliza_connect import ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest
from connectrpc_client import ConnectError

with ElizaServiceClientSync(sys.argv[1], protocol="grpc-web") as client:
    print(client.say(SayRequest(sentence="I feel tired")).sentence)
    try:
        client.open_converse()
    except ConnectError as error:
        print("connectrpc-client[pyqwest]" in str(error))
try:
    ElizaServiceClientSync(sys.argv[1], protocol="grpc")
except ValueError as error:
    print("connectrpc-client[pyqwest]" in str(error))
"""
REPLY = "Since when do you feel tired?"


class TrialError(Exception):
    """A step failed."""


def main() -> int:
    """Run the trial. Return the exit status."""
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="wheels-") as directory:
            Trial(Path(directory)).run()
    except TrialError as error:
        print(f"FAILED\n{error}", flush=True)
        return 1
    print(f"All wheels passed ({time.monotonic() - start:.1f} s).")
    return 0


@contextlib.contextmanager
def step(title: str) -> Generator[None, None, None]:
    """Print the title of a step, then its success and its duration."""
    print(f"{title} ... ", end="", flush=True)
    start = time.monotonic()
    yield
    print(f"ok ({time.monotonic() - start:.1f} s)", flush=True)


def check(condition: bool, message: object) -> None:
    """Raise `TrialError` with the message unless the condition holds."""
    if not condition:
        raise TrialError(message)


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


class Trial:
    """The steps. They write to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = folder / "code"
        self.versions = folder / "versions.txt"
        self.wheels: dict[str, Path] = {}

    def run(self) -> None:
        """Run all steps. Raises `TrialError` at the first failure."""
        self.build()
        for name, wheel in self.wheels.items():
            with step(f"{wheel.name}: files and metadata"):
                check_wheel(name, wheel)
        self.choose_versions()
        protocol = self.install("connectrpc-protocol")
        with step("connectrpc-protocol: everything can be imported without extras"):
            protocol.python("-c", "import connectrpc_protocol.client, connectrpc_protocol.server")
        self.generate(self.install("protoc-gen-connect-python"))
        client = self.install("connectrpc-client")
        server = self.install("connectrpc-server")
        self.check_missing_sides(client, server)
        self.call_wsgi(client, server)
        self.call_asgi(client, self.install("connectrpc-server", "uvicorn"))

    def build(self) -> None:
        """Build source distributions, and wheels from them."""
        with step("build"):
            shutil.rmtree(DIST, ignore_errors=True)
            run(UV, "build", "--all-packages", "--out-dir", DIST, cwd=ROOT)
            self.wheels = {wheel_name(wheel): wheel for wheel in sorted(DIST.glob("*.whl"))}
            names = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
            check(self.wheels.keys() == names, f"{sorted(self.wheels)} instead of {sorted(names)}")

    def choose_versions(self) -> None:
        """Constrain versions: ours to the new wheels, all others to the lock file."""
        with step("versions: the new wheels, and the lock file for all others"):
            options = ("--frozen", "--no-emit-workspace", "--no-hashes", "--no-annotate")
            locked = run(UV, "export", *options, cwd=ROOT)
            ours = [f"{name} @ {wheel.as_uri()}\n" for name, wheel in self.wheels.items()]
            self.versions.write_text(locked + "".join(ours))

    def install(self, *names: str) -> Environment:
        """Install distributions and their dependencies into a new environment."""
        title = " + ".join(names)
        made = Environment(self.folder / "-".join(names), self.code)
        with step(f"{title}: installed into a new environment"):
            run(UV, "venv", "--python", sys.executable, made.root, cwd=self.folder)
            options = ("--python", made.command("python"), "--constraints", self.versions)
            run(UV, "pip", "install", *options, *names, cwd=self.folder)
        if len(names) == 1:
            self.check_companions(names[0], made.installed() - {names[0]})
        return made

    def check_companions(self, name: str, actual: set[str]) -> None:
        """Check which dependencies were installed along with a distribution."""
        expected = COMPANIONS.get(name)
        if expected is not None:
            with step(f"{name}: its only dependencies are {', '.join(sorted(expected))}"):
                check(actual == expected, f"installed: {sorted(actual)}")
        absent = SERVER_ONLY if name == "connectrpc-client" else CLIENT_ONLY
        with step(f"{name}: {', '.join(sorted(absent))} are absent"):
            check(not actual & absent, f"installed: {sorted(actual)}")

    def generate(self, generator: Environment) -> None:
        """Generate the code of the example with the installed plugin, and copy its service."""
        with step("protoc-gen-connect-python: generates for protoc"):
            self.code.mkdir()
            plugin = generator.command("protoc-gen-connect-python")
            run(
                *(sys.executable, "-m", "grpc_tools.protoc", "-Iexamples/proto"),
                f"--plugin=protoc-gen-connect-python={plugin}",
                *(f"--{kind}_out={self.code}" for kind in ("python", "pyi", "connect-python")),
                PROTO,
                cwd=ROOT,
            )
            for name in ("eliza_replies.py", "eliza_service.py"):
                shutil.copy(ROOT / "examples" / "src" / name, self.code)

    def check_missing_sides(self, client: Environment, server: Environment) -> None:
        """Check that the import of a side that is not installed names the missing distribution."""
        with step("connectrpc-client: the import of a server names what to install"):
            check_import_error(client, "ElizaServiceASGIApplication", "connectrpc-server")
            check_import_error(client, "ElizaServiceSync", "connectrpc-server")
        with step("connectrpc-server: the import of a client names what to install"):
            check_import_error(server, "ElizaServiceClient", "connectrpc-client")
            check_import_error(server, "ElizaServiceClientSync", "connectrpc-client")

    def call_wsgi(self, client: Environment, server: Environment) -> None:
        """Serve with the standard library's WSGI server, which needs the server's wheel alone."""
        with (
            step("connectrpc-server on wsgiref, called by connectrpc-client: unary, POST and GET"),
            server.serving(WSGI_SERVER) as url,
        ):
            check_lines(client.python("-c", WSGI_CALLS, url), [REPLY] * 2)

    def call_asgi(self, client: Environment, server: Environment) -> None:
        """Make all kinds of calls, with the programs of the examples."""
        expected = [("say", 1), ("introduce", 3), ("summarize", 1), ("converse", 3)]
        kinds = [kind for kind, count in expected for _ in range(count)]
        with server.serving(ASGI_SERVER) as url:
            for name in ("async_client", "sync_client"):
                with step(f"connectrpc-server on uvicorn, called by {name}: every kind of call"):
                    program = (ROOT / "examples" / "src" / f"{name}.py").read_text("utf-8")
                    output = client.python("-c", program, url)
                    check(f"say: {REPLY}\n" in output, output)
                    check_lines(re.sub(r"(?m):.*$", "", output), kinds)
            with step(
                "connectrpc-client without pyqwest: gRPC-Web works; errors name the extra for more"
            ):
                output = client.python("-c", HTTPX_CALLS, url)
                check_lines(output, [REPLY, "True", "True"])


def check_lines(text: str, expected: Sequence[str]) -> None:
    """Raise `TrialError` unless the lines are as expected."""
    check(text.splitlines() == list(expected), f"{text!r} instead of {expected}")


def check_import_error(environment: Environment, name: str, distribution: str) -> None:
    """Check that an import fails and names the distribution to install."""
    program = f"try: from {GENERATED} import {name}\nexcept ImportError as error: print(error)"
    output = environment.python("-c", program)
    check(f"pip install {distribution}" in output, output or f"{name} could be imported")


def wheel_name(wheel: Path) -> str:
    """Return the name of the distribution in a wheel."""
    return wheel.name.partition("-")[0].replace("_", "-")


def check_wheel(name: str, wheel: Path) -> None:
    """Check the files and the metadata of a wheel."""
    text = (ROOT / "packages" / name / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    package = name.replace("-", "_")
    info = f"{package}-{project['version']}.dist-info"
    check(wheel.name == f"{package}-{project['version']}-py3-none-any.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        metadata = message_from_string(archive.read(f"{info}/METADATA").decode())
    source = ROOT / "packages" / name / "src" / package
    source_files = {path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    expected = {f"{package}/{path.relative_to(source).as_posix()}" for path in source_files}
    actual = {file for file in files if not file.endswith("/")}
    check({file for file in actual if not file.startswith(f"{info}/")} == expected, sorted(actual))
    check(f"{package}/py.typed" in actual, "py.typed is missing")
    check(f"{info}/licenses/LICENSE" in actual, "the license is missing")
    check(
        not re.search(r"(^|/)(tests?/|test_|conftest)", "\n".join(actual)),
        "the wheel contains tests",
    )
    check(metadata["Version"] == project["version"], metadata["Version"])
    check(metadata["License-Expression"] == project["license"], metadata["License-Expression"])
    check(metadata["Requires-Python"] == project["requires-python"], metadata["Requires-Python"])
    check(str(metadata.get_payload()).startswith(f"# {name}\n"), "the README is missing")
    required = [str(line) for line in metadata.get_all("Requires-Dist") or ()]
    check(not [line for line in required if "==" in line.partition(";")[0]], required)


if __name__ == "__main__":
    sys.exit(main())
