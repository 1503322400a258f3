"""Unary calls on gRPC and gRPC-Web servers. Source: grpc/grpc, PROTOCOL-HTTP2.md."""

import pytest

from connectrpc_protocol import Code, Gzip
from connectrpc_protocol.encoding.envelope import pack

from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE, LONG
from .server_calls import each_protocol, refused, split_response, to_wire, unary_call


@each_protocol
def test_a_unary_call_reads_one_envelope_and_sends_one(protocol: str) -> None:
    call = unary_call(protocol)
    assert call.has_body
    assert call.request(to_wire(protocol, HELLO_ENVELOPE)) == HELLO
    response = call.response(call.encode(HELLO))
    assert split_response(protocol, response) == ([(0, HELLO_BYTES)], [(b"grpc-status", b"0")])
    assert list(response.headers)[:2] == [
        (b"content-type", f"application/{protocol}".encode()),
        (b"grpc-accept-encoding", b"gzip, br, zstd"),
    ]


@each_protocol
def test_responses_do_not_share_headers(protocol: str) -> None:
    """A middleware may add a header to one response. The next must not have it."""
    call = unary_call(protocol)
    first, second = call.response(HELLO_BYTES), call.response(HELLO_BYTES)
    assert first.headers is not second.headers
    if first.trailers is not None:
        assert first.trailers is not second.trailers


@each_protocol
def test_a_response_carries_metadata_in_headers_and_trailers(protocol: str) -> None:
    call = unary_call(protocol)
    call.context.response_headers.add("x-a", "1")
    call.context.response_trailers.add_binary("x-b-bin", b"\xff\xfe")
    response = call.response(HELLO_BYTES)
    assert (b"x-a", b"1") in response.headers
    assert split_response(protocol, response)[1] == [(b"grpc-status", b"0"), (b"x-b-bin", b"//4")]


@each_protocol
def test_a_long_response_is_compressed_as_the_client_prefers(protocol: str) -> None:
    call = unary_call(protocol, {"grpc-accept-encoding": "identity,deflate,gzip"})
    response = call.response(call.encode(LONG))
    assert (b"grpc-encoding", b"gzip") in response.headers
    [(flags, data)], _ = split_response(protocol, response)
    assert flags == 1
    assert Gzip().decompress(data, None) == LONG.SerializeToString()


@each_protocol
@pytest.mark.parametrize("headers", [{}, {"grpc-accept-encoding": "identity"}])
def test_a_long_response_is_not_compressed_for_a_client_without_compression(
    protocol: str, headers: dict[str, str]
) -> None:
    response = unary_call(protocol, headers).response(LONG.SerializeToString())
    assert b"grpc-encoding" not in dict(response.headers)
    assert split_response(protocol, response)[0] == [(0, LONG.SerializeToString())]


@each_protocol
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "unimplemented: no message, expected one"),
        (HELLO_ENVELOPE + HELLO_ENVELOPE, "unimplemented: more than one message, expected one"),
        (
            HELLO_ENVELOPE[:3],
            "invalid_argument: the stream ended inside a message: 2 bytes missing",
        ),
        (
            HELLO_ENVELOPE[:-2],
            "invalid_argument: the stream ended inside a message: 2 bytes missing",
        ),
        (
            HELLO_ENVELOPE + b"\0",
            "invalid_argument: the stream ended inside a message: 4 bytes missing",
        ),
        (pack(2, HELLO_BYTES), "invalid_argument: invalid envelope flags 0x02"),
        (pack(0x80, HELLO_BYTES), "invalid_argument: invalid envelope flags 0x80"),
        (
            pack(1, HELLO_BYTES),
            "internal: compressed message in a stream that declared no compression",
        ),
        (
            b"\0\xff\xff\xff\xff" + HELLO_BYTES,
            "resource_exhausted: message exceeds the limit of 9 bytes",
        ),
        (pack(0, b"a" * 10), "resource_exhausted: message exceeds the limit of 9 bytes"),
    ],
)
def test_a_body_that_is_not_one_message_is_an_error(protocol: str, body: bytes, error: str) -> None:
    call = unary_call(protocol, {"grpc-encoding": "identity"}, read_max_bytes=9)
    assert str(refused(call, to_wire(protocol, body))) == error


@each_protocol
def test_a_malformed_message_is_an_invalid_argument(protocol: str) -> None:
    error = refused(unary_call(protocol), to_wire(protocol, pack(0, b"\x0a\xff")))
    assert error.code is Code.INVALID_ARGUMENT


@each_protocol
def test_a_call_decompresses_the_request_within_the_limit(protocol: str) -> None:
    body = to_wire(protocol, pack(1, Gzip().compress(LONG.SerializeToString())))
    assert unary_call(protocol, {"grpc-encoding": "gzip"}).request(body) == LONG
    error = refused(unary_call(protocol, {"grpc-encoding": "gzip"}, read_max_bytes=1000), body)
    assert error.code is Code.RESOURCE_EXHAUSTED


@each_protocol
def test_the_read_limit_allows_the_body_of_the_longest_message(protocol: str) -> None:
    call = unary_call(protocol, read_max_bytes=len(HELLO_BYTES))
    body = to_wire(protocol, HELLO_ENVELOPE)
    assert call.read_limit == len(body)
    assert call.request(body) == HELLO
    assert unary_call(protocol, read_max_bytes=None).read_limit is None


@each_protocol
def test_the_error_of_a_body_that_is_too_large_names_the_limit_of_messages(protocol: str) -> None:
    error = unary_call(protocol, read_max_bytes=9).too_large()
    assert str(error) == "resource_exhausted: message exceeds the limit of 9 bytes"


@each_protocol
def test_the_prefixes_of_a_body_say_how_much_to_read(protocol: str) -> None:
    body = to_wire(protocol, HELLO_ENVELOPE + HELLO_ENVELOPE)
    prefixes = unary_call(protocol, read_max_bytes=len(HELLO_BYTES)).prefixes()
    while size := prefixes.wanted:
        assert size <= len(body)
        chunk, body = body[:size], body[size:]
        prefixes.feed(chunk)
    assert body == b""
