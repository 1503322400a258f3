"""Streams on gRPC and gRPC-Web servers. Source: grpc/grpc, PROTOCOL-HTTP2.md."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError, MethodKind

from ..helpers import HELLO, HELLO_ENVELOPE, LONG
from .server_calls import each_protocol, split_body, stream_call, to_wire


@each_protocol
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_requests_may_come_in_chunks_of_any_size(protocol: str, size: int) -> None:
    call = stream_call(protocol)
    body = to_wire(protocol, HELLO_ENVELOPE) + to_wire(protocol, HELLO_ENVELOPE)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert [message for chunk in chunks for message in call.feed(chunk)] == [HELLO, HELLO]
    call.feed_end()


@each_protocol
def test_wanted_bytes_complete_the_next_request(protocol: str) -> None:
    call = stream_call(protocol)
    body = to_wire(protocol, HELLO_ENVELOPE) + to_wire(protocol, HELLO_ENVELOPE)
    got: list[StringValue] = []
    while body:
        size = call.wanted
        assert 0 < size <= len(body)
        got += call.feed(body[:size])
        body = body[size:]
    assert got == [HELLO, HELLO]


@each_protocol
@pytest.mark.parametrize("cut", [1, 4, 5, 8])
def test_a_stream_that_ends_inside_a_request_is_an_invalid_argument(
    protocol: str, cut: int
) -> None:
    call = stream_call(protocol)
    list(call.feed(to_wire(protocol, HELLO_ENVELOPE)[:cut]))
    with pytest.raises(ConnectError, match=r"the (stream|body) ended inside") as caught:
        call.feed_end()
    assert caught.value.code is Code.INVALID_ARGUMENT


@each_protocol
def test_a_server_stream_refuses_none_and_two_requests(protocol: str) -> None:
    call = stream_call(protocol, kind=MethodKind.SERVER_STREAM)
    with pytest.raises(ConnectError, match="no message, expected one") as caught:
        call.feed_end()
    assert caught.value.code is Code.UNIMPLEMENTED
    with pytest.raises(ConnectError, match="more than one message") as caught:
        list(call.feed(to_wire(protocol, HELLO_ENVELOPE + HELLO_ENVELOPE)))
    assert caught.value.code is Code.UNIMPLEMENTED


@each_protocol
def test_a_stream_sends_a_head_messages_and_trailers(protocol: str) -> None:
    call = stream_call(protocol, {"grpc-accept-encoding": "gzip"}, compress_min_bytes=100)
    call.context.response_headers.add("x-a", "1")
    head = call.head()
    assert (head.status, head.has_trailers) == (200, protocol == "grpc")
    assert list(head.headers) == [
        (b"content-type", f"application/{protocol}".encode()),
        (b"grpc-accept-encoding", b"gzip, br, zstd"),
        (b"grpc-encoding", b"gzip"),
        (b"x-a", b"1"),
    ]
    call.context.response_trailers.add("x-b", "2")
    parts = [call.message(HELLO), call.message(LONG)]
    end = call.end()
    messages, trailers = split_body(protocol, b"".join([*parts, end.body]), end.trailers)
    assert [flags for flags, _ in messages] == [0, 1]
    assert trailers == [(b"grpc-status", b"0"), (b"x-b", b"2")]


@each_protocol
def test_a_failed_stream_ends_with_its_status_and_message(protocol: str) -> None:
    end = stream_call(protocol).end(ConnectError(Code.ABORTED, "again"))
    assert split_body(protocol, end.body, end.trailers) == (
        [],
        [(b"grpc-status", b"10"), (b"grpc-message", b"again")],
    )
