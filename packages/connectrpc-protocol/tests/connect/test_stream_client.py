"""Streams on the client. Source: Connect protocol reference, "Streaming RPCs"."""

from collections.abc import Iterable

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    Compressions,
    ConnectError,
    Gzip,
    Headers,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.call import StreamClientCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.options import ClientOptions

from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE, LONG, bounded, echo_method

END = pack(2, b"{}")
OK = [(b"content-type", b"application/connect+proto")]
Call = StreamClientCall[StringValue, StringValue]


def read_all(call: Call, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        list(call.feed(chunk))
    call.end()


def refused(call: Call, *chunks: bytes) -> ConnectError:
    """Return the error of a started call that reads a whole body in these chunks."""
    with pytest.raises(ConnectError) as caught:
        read_all(call, chunks)
    return caught.value


def call_of(
    kind: MethodKind = MethodKind.BIDI_STREAM,
    headers: dict[str, str] | None = None,
    **options: object,
) -> tuple[Call, RequestContext]:
    client_options = ClientOptions(
        codec=ProtoCodec(), accept_compression=Compressions(["gzip", "br"]), **options
    )
    binding = client_protocol("connect").stream_client(
        echo_method(kind), "https://api.example.com", client_options
    )
    context = RequestContext(echo_method(kind), "connect", "POST", Headers(headers or {}))
    return binding.call(context), context


def started(kind: MethodKind = MethodKind.BIDI_STREAM, headers=(), **options) -> Call:
    call, _ = call_of(kind, **options)
    call.start(200, [*OK, *headers])
    return call


def test_a_request_head_has_the_headers_of_the_protocol_and_the_metadata() -> None:
    head = call_of(headers={"x-a": "1", "te": "trailers"})[0].head()
    assert head == (
        "POST",
        "https://api.example.com/acme.v1.EchoService/Echo",
        [
            ("content-type", "application/connect+proto"),
            ("connect-protocol-version", "1"),
            ("accept-encoding", "identity"),
            ("connect-accept-encoding", "gzip, br"),
            ("x-a", "1"),
        ],
        None,
    )


def test_a_request_is_an_envelope() -> None:
    assert call_of()[0].message(HELLO) == HELLO_ENVELOPE


def test_send_compression_compresses_long_requests() -> None:
    call, _ = call_of(send_compression=Gzip())
    assert ("connect-content-encoding", "gzip") in call.head().headers
    data = call.message(LONG)
    assert (data[0], Gzip().decompress(data[5:], None)) == (1, LONG.SerializeToString())


def test_a_request_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        call_of()[0].message(Struct())


def test_a_call_returns_the_responses_until_the_end_of_the_stream() -> None:
    call, context = call_of()
    call.start(200, [*OK, (b"x-a", b"1")])
    assert list(call.feed(HELLO_ENVELOPE + HELLO_ENVELOPE)) == [HELLO, HELLO]
    assert list(call.feed(pack(2, b'{"metadata":{"x-b":["2","3"]}}'))) == []
    call.end()
    assert context.response_headers["x-a"] == "1"
    assert context.response_trailers.get_all("x-b") == ["2", "3"]


def test_a_call_decompresses_the_responses() -> None:
    call = started(headers=[(b"connect-content-encoding", b"gzip")])
    data = pack(1, Gzip().compress(HELLO_BYTES)) + pack(3, Gzip().compress(b"{}"))
    assert list(call.feed(data)) == [HELLO]
    call.end()


def test_a_call_raises_the_error_of_the_end_stream_message() -> None:
    call = started(headers=[(b"x-a", b"1")])
    error = refused(
        call, pack(2, b'{"error":{"code":"aborted","message":"m"},"metadata":{"x-b":["2"]}}')
    )
    assert (error.code, error.message) == (Code.ABORTED, "m")
    assert (error.metadata["x-a"], error.metadata["x-b"]) == ("1", "2")


@pytest.mark.parametrize("error", [b"{}", b"[]", b'{"code":7}', b'"x"', b"0", b"false"])
def test_an_error_without_a_code_is_unknown(error: bytes) -> None:
    got = refused(started(), pack(2, b'{"error":' + error + b"}"))
    assert got.code is Code.UNKNOWN


def test_an_error_that_is_null_is_a_success() -> None:
    call = started()
    list(call.feed(pack(2, b'{"error":null,"metadata":null}')))
    call.end()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b"\xff",
        b"[" * 200_000,
        b'{"metadata":[]}',
        b'{"metadata":{"x-a":"1"}}',
    ],
)
def test_a_malformed_end_stream_message_is_internal(data: bytes) -> None:
    error = refused(started(), pack(2, data))
    assert error.code is Code.INTERNAL
    assert "malformed end-stream message" in error.message


def test_a_stream_without_an_end_stream_message_is_internal() -> None:
    error = refused(started(), HELLO_ENVELOPE)
    assert (error.code, error.message) == (
        Code.INTERNAL,
        "the stream ended without an end-stream message",
    )


def test_a_stream_that_ends_inside_a_response_is_internal() -> None:
    assert refused(started(), HELLO_ENVELOPE[:7]).code is Code.INTERNAL


@pytest.mark.parametrize("more", [HELLO_ENVELOPE, END, b"\0"])
def test_data_after_the_end_stream_message_is_internal(more: bytes) -> None:
    assert refused(started(), END, more).code is Code.INTERNAL


@pytest.mark.parametrize("flags", [4, 0x80])
def test_unknown_flags_of_a_server_are_internal(flags: int) -> None:
    assert refused(started(), pack(flags, b"")).code is Code.INTERNAL


def test_an_end_stream_message_beyond_the_limit_is_refused() -> None:
    error = refused(started(read_max_bytes=10), pack(2, b" " * (64 * 1024 + 1)))
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_a_client_stream_takes_one_response() -> None:
    call = started(MethodKind.CLIENT_STREAM)
    assert list(call.feed(HELLO_ENVELOPE + END)) == [HELLO]
    call.end()


def test_a_second_response_of_a_client_stream_is_unimplemented() -> None:
    assert (
        refused(started(MethodKind.CLIENT_STREAM), HELLO_ENVELOPE + HELLO_ENVELOPE).code
        is Code.UNIMPLEMENTED
    )


def test_a_client_stream_without_a_response_is_unimplemented() -> None:
    assert refused(started(MethodKind.CLIENT_STREAM), END).code is Code.UNIMPLEMENTED


def test_a_failed_client_stream_without_a_response_raises_its_error() -> None:
    error = refused(started(MethodKind.CLIENT_STREAM), pack(2, b'{"error":{"code":"aborted"}}'))
    assert error.code is Code.ABORTED


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (404, [], Code.UNIMPLEMENTED),
        (503, OK, Code.UNAVAILABLE),
        (200, [], Code.UNKNOWN),
        (200, [(b"content-type", b"text/html")], Code.UNKNOWN),
        (200, [(b"content-type", b"application/connect+json")], Code.INTERNAL),
        (200, [*OK, (b"connect-content-encoding", b"zstd")], Code.INTERNAL),
        (200, [*OK, (b"connect-content-encoding", b"\xff")], Code.INTERNAL),
    ],
)
def test_an_unexpected_response_head_is_an_error(status: int, headers, code: Code) -> None:
    with pytest.raises(ConnectError) as caught:
        call_of()[0].start(status, headers)
    assert caught.value.code is code


def test_the_error_of_a_response_head_carries_its_headers() -> None:
    with pytest.raises(ConnectError) as caught:
        call_of()[0].start(503, [(b"retry-after", b"7")])
    assert caught.value.metadata["retry-after"] == "7"


def test_a_call_that_has_not_started_does_not_return_responses() -> None:
    assert list(call_of()[0].feed(b"")) == []


envelopes = st.builds(
    pack,
    st.integers(0, 3) | st.integers(0, 255),
    st.sampled_from(
        [b"", HELLO_BYTES, b"{}", b'{"error":{"code":"aborted"}}', b'{"metadata":{"":[]}}']
    )
    | st.binary(max_size=12),
)


@bounded
@given(
    st.sampled_from([b"gzip", b"br", b"identity", b"", b"\xff"]),
    st.lists(envelopes | st.binary(max_size=12), max_size=5),
    st.sampled_from([MethodKind.CLIENT_STREAM, MethodKind.BIDI_STREAM]),
    st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=3),
)
@example(b"", [pack(2, b'{"error":{}}')], MethodKind.BIDI_STREAM, [(b"\0", b"\n")])
def test_any_response_is_messages_or_a_connect_error(encoding, chunks, kind, headers) -> None:
    call, _ = call_of(kind)
    got: list[StringValue] = []
    try:
        call.start(200, [*OK, *headers, (b"connect-content-encoding", encoding)])
        for chunk in chunks:
            got += call.feed(chunk)
        call.end()
    except ConnectError:
        pass
    assert all(isinstance(message, StringValue) for message in got)


def test_time_grows_in_proportion_to_the_trailers_of_a_failure(grows_in_proportion) -> None:
    def work(count: int) -> None:
        values = ",".join(f'"{number}"' for number in range(count))
        data = f'{{"error":{{"code":"aborted"}},"metadata":{{"x-a":[{values}]}}}}'
        refused(started(), pack(2, data.encode()))

    assert grows_in_proportion(work, 2_000)
