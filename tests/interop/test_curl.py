"""`curl` calls our servers: Connect as plain HTTP, and gRPC-Web as browsers send it."""

import base64
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from tests.interop.matrix import OUR_SERVERS

pytestmark = [
    pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"]),
    pytest.mark.parametrize("server", OUR_SERVERS),
]

Curl = Callable[..., bytes]


@pytest.fixture
def curl(
    program: Callable[..., Any], url_of: Callable[[str], str], server: str, version: str
) -> Curl:
    """Make a request; return the body of the response and, on the next line, its status."""

    def curl(path: str, *flags: str, data: bytes | None = None) -> bytes:
        if data is not None:
            flags = (*flags, "--data-binary", "@-")
        done = program(
            *("curl", "--silent", "--show-error", "--max-time", "30", version, *flags),
            *("--write-out", "\n%{http_code}"),
            f"{url_of(server)}/interop.v1.InteropService/{path}",
            text=False,
            input=data,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return curl


JSON = ("--header", "content-type: application/json")


def test_post(curl: Curl) -> None:
    body, _, status = curl("Echo", *JSON, data=b'{"text": "hello"}').rpartition(b"\n")
    assert (status, json.loads(body)) == (b"200", {"text": "hello"})


def test_compressed_response(curl: Curl) -> None:
    request = json.dumps({"text": "long " * 10_000}).encode()
    packed = curl("Echo", *JSON, "--header", "accept-encoding: gzip", data=request)
    assert packed.startswith(b"\x1f\x8b")  # RFC 1952, section 2.3.1
    body, _, status = curl("Echo", *JSON, "--compressed", data=request).rpartition(b"\n")
    assert (status, json.loads(body)) == (b"200", json.loads(request))


def test_get(curl: Curl) -> None:
    query = f"connect=v1&encoding=json&message={quote(json.dumps({'text': 'hello'}))}"
    body, _, status = curl(f"Echo?{query}").rpartition(b"\n")
    assert (status, json.loads(body)) == (b"200", {"text": "hello"})


def test_error(curl: Curl) -> None:
    request = json.dumps({"code": 5, "message": "größer"}).encode()
    body, _, status = curl("Fail", *JSON, data=request).rpartition(b"\n")
    assert (status, json.loads(body)) == (b"404", {"code": "not_found", "message": "größer"})


def test_unknown_content_type(curl: Curl) -> None:
    # Without a body: curl 7.88 loses an HTTP/2 response that arrives while it sends the request.
    response = curl("Echo", "--include", "--header", "content-type: text/plain", data=b"")
    assert response.endswith(b"\n415")
    accepted = re.search(rb"(?mi)^accept-post: (.*)\r$", response)
    assert accepted is not None
    assert {b"application/json", b"application/grpc"} < set(accepted[1].split(b", "))


def framed(flags: int, payload: bytes) -> bytes:
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


def frames(body: bytes) -> list[tuple[int, bytes]]:
    """Return the flags and payloads of the envelopes in a body."""
    found = []
    while body:
        length = int.from_bytes(body[1:5], "big")
        found.append((body[0], body[5 : 5 + length]))
        body = body[5 + length :]
    return found


def from_text(body: bytes) -> bytes:
    """Decode pieces of base64. Each piece may have padding of its own."""
    assert len(body) % 4 == 0
    return b"".join(base64.b64decode(body[at : at + 4]) for at in range(0, len(body), 4))


@pytest.mark.parametrize("is_text", [False, True], ids=["binary", "text"])
def test_grpc_web(curl: Curl, pb: ModuleType, is_text: bool) -> None:
    content_type = "application/grpc-web" + ("-text" if is_text else "+proto")
    request = framed(0, pb.RepeatRequest(text="again", times=3).SerializeToString())
    response = curl(
        "Repeat",
        *("--header", f"content-type: {content_type}", "--header", f"accept: {content_type}"),
        *("--header", "x-grpc-web: 1", "--header", "interop-color: red"),
        data=base64.b64encode(request) if is_text else request,
    )
    body, _, status = response.rpartition(b"\n")
    assert status == b"200"
    *messages, (flags, trailers) = frames(from_text(body) if is_text else body)
    assert [pb.EchoResponse.FromString(message).number for _, message in messages] == [1, 2, 3]
    assert flags == 0x80
    lines = [line.replace(b" ", b"") for line in trailers.lower().split(b"\r\n")]
    assert b"grpc-status:0" in lines
    assert b"trailing-interop-color:red" in lines
