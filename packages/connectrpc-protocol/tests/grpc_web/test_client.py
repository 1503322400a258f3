"""Calls of gRPC-Web clients: the trailers end the body. Source: grpc/grpc, PROTOCOL-WEB.md."""

import pytest

from connectrpc_protocol import (
    Code,
    Compressions,
    ConnectError,
    Gzip,
    JsonCodec,
    MethodKind,
)
from connectrpc_protocol.encoding.envelope import pack

from ..grpc.client_calls import OK, ClientCall, Pairs
from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE


def web(
    kind: MethodKind = MethodKind.BIDI_STREAM, headers: Pairs | None = None, **options
) -> ClientCall:
    client = ClientCall("grpc-web", kind, **options)
    client.stream.start(200, [(b"content-type", b"application/grpc-web"), *(headers or [])])
    return client


def test_a_grpc_web_request_head_has_the_headers_of_the_protocol() -> None:
    head = ClientCall(
        "grpc-web", codec=JsonCodec(), accept_compression=Compressions([])
    ).stream.head()
    assert head.headers == [
        ("content-type", "application/grpc-web+json"),
        ("accept-encoding", "identity"),
        ("grpc-accept-encoding", "identity"),
    ]


def test_trailers_may_come_in_chunks_of_any_size() -> None:
    body = HELLO_ENVELOPE + pack(0x80, b"grpc-status: 5\r\n")
    for size in range(1, len(body)):
        client = web()
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        assert [each for chunk in chunks for each in client.stream.feed(chunk)] == [HELLO]
        with pytest.raises(ConnectError, match="not_found"):
            client.stream.end()


def test_trailers_may_be_compressed() -> None:
    client = web(headers=[(b"grpc-encoding", b"gzip")])
    list(client.stream.feed(pack(0x81, Gzip().compress(b"grpc-status: 5\r\n"))))
    with pytest.raises(ConnectError, match="not_found"):
        client.stream.end()


def test_trailers_may_be_longer_than_the_limit_of_messages() -> None:
    trailers = [*OK, (b"x-a", b"1" * 1000)]
    assert ClientCall("grpc-web", read_max_bytes=len(HELLO_BYTES)).receive(
        HELLO_ENVELOPE, trailers
    ) == [HELLO]


@pytest.mark.parametrize("size", [65, 5000])
def test_trailers_beyond_their_own_limit_are_refused(size: int) -> None:
    prefix = b"\x80" + (size * 1024 + 1).to_bytes(4)
    with pytest.raises(ConnectError) as caught:
        list(web(read_max_bytes=10).stream.feed(prefix))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    bomb = pack(0x81, Gzip().compress(b"\n" * (size * 1024 + 1)))
    with pytest.raises(ConnectError) as caught:
        list(web(headers=[(b"grpc-encoding", b"gzip")], read_max_bytes=10).stream.feed(bomb))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("more", [HELLO_ENVELOPE, pack(0x80, b""), b"\0\0\0\0\0"])
def test_data_after_the_trailers_is_internal(more: bytes) -> None:
    client = web()
    with pytest.raises(ConnectError, match="data after the end") as caught:
        list(client.stream.feed(pack(0x80, b"grpc-status: 0\r\n") + more))
    assert caught.value.code is Code.INTERNAL


def test_malformed_trailers_are_internal() -> None:
    client = web()
    list(client.stream.feed(pack(0x80, b"grpc-status 0\r\n")))
    with pytest.raises(ConnectError, match="malformed trailers") as caught:
        client.stream.end()
    assert caught.value.code is Code.INTERNAL


def test_trailers_that_http_cannot_carry_are_left_out_of_the_error() -> None:
    block = b"grpc-status: 5\r\nx-a: 1\r2\r\nx-b: \0\r\nx-c: 3\r\n"
    client = web()
    list(client.stream.feed(pack(0x80, block)))
    with pytest.raises(ConnectError) as caught:
        client.stream.end()
    assert dict(caught.value.metadata.metadata()) == {"x-c": "3"}
