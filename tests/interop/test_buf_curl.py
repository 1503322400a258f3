"""`buf curl`, which is connect-go's client, calls our servers: all protocols on one port."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.interop.matrix import OUR_SERVERS

PROTOCOLS = {
    "connect over HTTP/1.1": ("--protocol", "connect"),
    "connect over HTTP/2": ("--protocol", "connect", "--http2-prior-knowledge"),
    "grpc over HTTP/2": ("--protocol", "grpc", "--http2-prior-knowledge"),
    "grpcweb over HTTP/1.1": ("--protocol", "grpcweb"),
    "grpcweb over HTTP/2": ("--protocol", "grpcweb", "--http2-prior-knowledge"),
}

pytestmark = [
    pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS),
    pytest.mark.parametrize("server", OUR_SERVERS),
]

Curl = Callable[..., Any]
PrintedMessages = Callable[[Any], list[Any]]


@pytest.fixture
def curl(
    program: Callable[..., Any],
    url_of: Callable[[str], str],
    server: str,
    protocol: tuple[str, ...],
) -> Curl:
    """Call an RPC with messages as JSON: `curl("Echo", {"text": "hello"})`."""

    def curl(rpc: str, *messages: object, flags: tuple[str, ...] = ()) -> Any:
        return program(
            *("buf", "curl", "--schema", "proto", *protocol, *flags),
            *("--data", " ".join(json.dumps(message) for message in messages)),
            f"{url_of(server)}/interop.v1.InteropService/{rpc}",
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


def test_metadata(curl: Curl, printed_messages: PrintedMessages, protocol: tuple[str, ...]) -> None:
    done = curl("Echo", {}, flags=("--verbose", "--header", "interop-color: red"))
    assert printed_messages(done) == [{}]
    received = [line.lower() for line in done.stderr.splitlines() if ": < " in line]
    assert any(line.endswith(" interop-color: red") for line in received)
    if "grpcweb" not in protocol:  # gRPC-Web sends trailers in the body; buf does not show them
        assert any(line.endswith("trailing-interop-color: red") for line in received)


def test_large_message(curl: Curl, printed_messages: PrintedMessages) -> None:
    text = "long " * 20_000
    assert printed_messages(curl("Echo", {"text": text})) == [{"text": text}]


def test_error(curl: Curl) -> None:
    detail = {"@type": "type.googleapis.com/interop.v1.EchoRequest", "text": "try this"}
    done = curl("Fail", {"code": 5, "message": "größer", "details": [detail]})
    assert done.returncode == 5 << 3  # buf shifts the number of the code by 3 bits
    error = json.loads(done.stderr)
    assert (error["code"], error["message"]) == ("not_found", "größer")
    assert [each["type"] for each in error["details"]] == ["interop.v1.EchoRequest"]


def test_error_after_messages(curl: Curl) -> None:
    done = curl("FailLate", {"code": 15, "message": "half of it is lost"})
    assert done.returncode == 15 << 3
    assert json.loads(done.stdout) == {"text": "so far"}
    assert json.loads(done.stderr)["message"] == "half of it is lost"


def test_unimplemented(curl: Curl) -> None:
    assert curl("Missing", {}).returncode == 12 << 3
