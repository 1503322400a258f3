"""Streams. Source: Connect protocol reference, "Streaming RPCs"."""

import json
from collections.abc import Iterable, Mapping

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    Compressions,
    ConnectError,
    Gzip,
    Headers,
    Method,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.call import StreamClientCall, StreamServerCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import ClientOptions, ServerOptions, server_compressions
from connectrpc_protocol.server import stream_server_method

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])
HELLO, WORLD = StringValue(value="hello"), StringValue(value="world")
LONG = StringValue(value="hello " * 1000)
DATA = HELLO.SerializeToString()
ONE = pack(0, DATA)
END = pack(2, b"{}")
OK = [(b"content-type", b"application/connect+proto")]


def method(kind: MethodKind) -> Method[StringValue, StringValue]:
    return Method(
        service="acme.v1.EchoService",
        name="Echo",
        kind=kind,
        request=StringValue,
        response=StringValue,
    )


def accept(
    headers: Mapping[str, str] | None = None,
    kind: MethodKind = MethodKind.BIDI_STREAM,
    **options: object,
) -> StreamServerCall[StringValue, StringValue] | HttpResponse:
    settled = ServerOptions(compressions=server_compressions(None), **options)
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    raw.append((b"content-type", b"application/connect+proto"))
    return stream_server_method(method(kind), settled).accept("POST", raw, b"", None)


def accepted(
    headers: Mapping[str, str] | None = None, **options
) -> StreamServerCall[StringValue, StringValue]:
    call = accept(headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def read_all(call, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        list(call.feed(chunk))
    finish = call.feed_end if hasattr(call, "feed_end") else call.end
    finish()


def refused(call, *chunks: bytes) -> ConnectError:
    """The error of a server's or a started client's call that reads these bytes."""
    with pytest.raises(ConnectError) as caught:
        read_all(call, chunks)
    return caught.value


def end_stream(data: bytes) -> dict[str, object]:
    assert data[0] == 2
    assert int.from_bytes(data[1:5]) == len(data) - 5
    return json.loads(data[5:])


# The server.


def test_a_chunk_may_hold_several_requests() -> None:
    assert list(accepted().feed(ONE + ONE + ONE[:3])) == [HELLO, HELLO]


def test_requests_may_come_byte_by_byte() -> None:
    call = accepted()
    got = [message for byte in ONE + ONE for message in call.feed(bytes((byte,)))]
    call.feed_end()
    assert got == [HELLO, HELLO]


def test_a_chunk_is_taken_before_its_requests_are_asked_for() -> None:
    call = accepted()
    call.feed(ONE[:6])
    assert list(call.feed(ONE[6:])) == [HELLO]


def test_requests_before_one_that_is_at_fault_come_out() -> None:
    requests = accepted().feed(ONE + pack(0, b"\xff"))
    assert next(requests) == HELLO
    with pytest.raises(ConnectError):
        next(requests)


def test_wanted_bytes_complete_the_next_request() -> None:
    call = accepted()
    sizes = [call.wanted]
    list(call.feed(ONE[:5]))
    assert [*sizes, call.wanted] == [5, len(DATA)]


def test_a_stream_may_be_empty() -> None:
    call = accepted()
    call.feed_end()
    assert list(call.feed(b"")) == []


@pytest.mark.parametrize("cut", [1, 4, 5, 8])
def test_a_stream_that_ends_inside_a_request_is_an_invalid_argument(cut: int) -> None:
    error = refused(accepted(), ONE[:cut])
    assert error.code is Code.INVALID_ARGUMENT
    assert "the stream ended inside a message" in error.message


@pytest.mark.parametrize("flags", [2, 4, 0x80, 0xFE])
def test_unknown_flags_are_an_invalid_argument(flags: int) -> None:
    error = refused(accepted(), pack(flags, b""))
    assert (error.code, error.message) == (
        Code.INVALID_ARGUMENT,
        f"invalid envelope flags 0x{flags:02x}",
    )


def test_a_request_that_is_no_message_is_an_invalid_argument() -> None:
    assert refused(accepted(), pack(0, b"\x0a\xff")).code is Code.INVALID_ARGUMENT


def test_a_request_beyond_the_limit_is_refused_before_its_data() -> None:
    error = refused(accepted(read_max_bytes=4), b"\0\0\0\0\5")
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_a_request_beyond_the_limit_after_decompression_is_refused() -> None:
    call = accepted({"connect-content-encoding": "gzip"}, read_max_bytes=1000)
    error = refused(call, pack(1, Gzip().compress(LONG.SerializeToString())))
    assert error.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("name", server_compressions(None).names)
def test_compressed_requests_may_stand_between_others(name: str) -> None:
    compression = server_compressions(None).get(name)
    assert compression is not None
    call = accepted({"connect-content-encoding": name})
    assert list(call.feed(ONE + pack(1, compression.compress(DATA)) + ONE)) == [HELLO] * 3


@pytest.mark.parametrize("name", server_compressions(None).names)
def test_an_empty_compressed_request_is_an_empty_message(name: str) -> None:
    call = accepted({"connect-content-encoding": name})
    assert list(call.feed(pack(1, b""))) == [StringValue()]


@pytest.mark.parametrize("headers", [{}, {"connect-content-encoding": "identity"}])
def test_a_compressed_request_without_a_declared_compression_is_internal(headers) -> None:
    error = refused(accepted(headers), pack(1, Gzip().compress(DATA)))
    assert error.code is Code.INTERNAL


def test_a_request_that_cannot_be_decompressed_is_an_invalid_argument() -> None:
    error = refused(accepted({"connect-content-encoding": "gzip"}), pack(1, b"plain"))
    assert error.code is Code.INVALID_ARGUMENT


def test_a_server_stream_takes_one_request() -> None:
    call = accepted(kind=MethodKind.SERVER_STREAM)
    assert list(call.feed(ONE)) == [HELLO]
    call.feed_end()


def test_a_second_request_of_a_server_stream_is_unimplemented() -> None:
    error = refused(accepted(kind=MethodKind.SERVER_STREAM), ONE + ONE)
    assert str(error) == "unimplemented: more than one message, expected one"


def test_no_request_of_a_server_stream_is_unimplemented() -> None:
    error = refused(accepted(kind=MethodKind.SERVER_STREAM))
    assert str(error) == "unimplemented: no message, expected one"


def test_the_head_of_an_answer() -> None:
    call = accepted()
    call.context.response_headers.add("x-a", "1")
    call.context.response_headers.add("content-length", "7")
    head = call.head()
    assert (head.status, head.has_trailers) == (200, False)
    assert list(head.headers) == [*OK, (b"x-a", b"1")]


def test_a_response_is_an_envelope() -> None:
    assert accepted().message(HELLO) == ONE


def test_long_responses_are_compressed_as_the_client_likes() -> None:
    call = accepted({"connect-accept-encoding": "zstd;q=0.1,gzip"})
    assert (b"connect-content-encoding", b"gzip") in call.head().headers
    data = call.message(LONG)
    assert data[0] == 1
    assert Gzip().decompress(data[5:], None) == LONG.SerializeToString()


def test_short_responses_are_not_compressed() -> None:
    assert accepted({"connect-accept-encoding": "gzip"}).message(HELLO) == ONE


def test_the_length_from_which_responses_are_compressed_is_an_option() -> None:
    headers = {"connect-accept-encoding": "gzip"}
    assert accepted(headers, compress_min_bytes=len(DATA)).message(HELLO)[0] == 1
    assert accepted(headers, compress_min_bytes=len(DATA) + 1).message(HELLO)[0] == 0


def test_a_response_beyond_the_send_limit_is_an_error() -> None:
    with pytest.raises(ConnectError) as caught:
        accepted(send_max_bytes=6).message(HELLO)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_response_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        accepted().message(Struct())


def test_the_end_of_a_success() -> None:
    end = accepted().end()
    assert (end_stream(end.body), end.trailers) == ({}, None)


def test_the_end_carries_the_trailers() -> None:
    call = accepted()
    call.context.response_trailers.add("x-a", "1")
    call.context.response_trailers.add("x-a", "2")
    assert end_stream(call.end().body) == {"metadata": {"x-a": ["1", "2"]}}


def test_the_end_of_a_failure() -> None:
    call = accepted()
    call.context.response_trailers.add("x-a", "1")
    end = call.end(ConnectError(Code.ABORTED, "again", metadata={"x-b": "2"}))
    assert end_stream(end.body) == {
        "error": {"code": "aborted", "message": "again"},
        "metadata": {"x-a": ["1"], "x-b": ["2"]},
    }


@pytest.mark.parametrize(
    ("expose", "message"), [(False, "internal error"), (True, "ValueError: secret")]
)
def test_the_end_of_an_unexpected_exception(expose: bool, message: str) -> None:
    end = accepted(expose_errors=expose).end(ValueError("secret"))
    assert end_stream(end.body) == {"error": {"code": "internal", "message": message}}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"connect-timeout-ms": "soon"}, "invalid_argument"),
        ({"connect-protocol-version": "2"}, "invalid_argument"),
        ({"connect-content-encoding": "lzma"}, "unimplemented"),
    ],
)
def test_a_stream_that_cannot_be_begun_ends_with_an_error(headers, code: str) -> None:
    answer = accept(headers)
    assert isinstance(answer, HttpResponse)
    assert (answer.status, dict(answer.headers)) == (200, dict(OK))
    assert end_stream(answer.body)["error"]["code"] == code


# The client.


def call_of(
    kind: MethodKind = MethodKind.BIDI_STREAM,
    headers: dict[str, str] | None = None,
    **options: object,
) -> tuple[StreamClientCall[StringValue, StringValue], RequestContext]:
    settled = ClientOptions(
        codec=ProtoCodec(), accept_compression=Compressions(["gzip", "br"]), **options
    )
    binding = client_protocol("connect").stream_client(
        method(kind), "https://api.example.com", settled
    )
    context = RequestContext(method(kind), "connect", "POST", Headers(headers or {}))
    return binding.call(context), context


def started(kind: MethodKind = MethodKind.BIDI_STREAM, headers=(), **options):
    call, _ = call_of(kind, **options)
    call.start(200, [*OK, *headers])
    return call


def test_the_head_of_a_request() -> None:
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
    assert call_of()[0].message(HELLO) == ONE


def test_long_requests_are_compressed_where_it_is_asked_for() -> None:
    call, _ = call_of(send_compression=Gzip())
    assert ("connect-content-encoding", "gzip") in call.head().headers
    data = call.message(LONG)
    assert (data[0], Gzip().decompress(data[5:], None)) == (1, LONG.SerializeToString())


def test_a_request_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        call_of()[0].message(Struct())


def test_responses_come_until_the_end_of_the_stream() -> None:
    call, context = call_of()
    call.start(200, [*OK, (b"x-a", b"1")])
    assert list(call.feed(ONE + ONE)) == [HELLO, HELLO]
    assert list(call.feed(pack(2, b'{"metadata":{"x-b":["2","3"]}}'))) == []
    call.end()
    assert context.response_headers["x-a"] == "1"
    assert context.response_trailers.get_all("x-b") == ["2", "3"]


def test_compressed_responses_are_read() -> None:
    call = started(headers=[(b"connect-content-encoding", b"gzip")])
    data = pack(1, Gzip().compress(DATA)) + pack(3, Gzip().compress(b"{}"))
    assert list(call.feed(data)) == [HELLO]
    call.end()


def test_an_error_at_the_end_is_raised() -> None:
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


def test_no_error_may_be_written_as_null() -> None:
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
def test_a_malformed_end_is_internal(data: bytes) -> None:
    error = refused(started(), pack(2, data))
    assert error.code is Code.INTERNAL
    assert "malformed end-stream message" in error.message


def test_a_stream_without_an_end_is_internal() -> None:
    error = refused(started(), ONE)
    assert (error.code, error.message) == (
        Code.INTERNAL,
        "the stream ended without an end-stream message",
    )


def test_a_stream_that_ends_inside_a_response_is_internal() -> None:
    assert refused(started(), ONE[:7]).code is Code.INTERNAL


@pytest.mark.parametrize("more", [ONE, END, b"\0"])
def test_data_after_the_end_is_internal(more: bytes) -> None:
    assert refused(started(), END, more).code is Code.INTERNAL


@pytest.mark.parametrize("flags", [4, 0x80])
def test_unknown_flags_of_a_server_are_internal(flags: int) -> None:
    assert refused(started(), pack(flags, b"")).code is Code.INTERNAL


def test_an_end_beyond_the_limit_is_refused() -> None:
    error = refused(started(read_max_bytes=10), pack(2, b" " * (64 * 1024 + 1)))
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_a_client_stream_takes_one_response() -> None:
    call = started(MethodKind.CLIENT_STREAM)
    assert list(call.feed(ONE + END)) == [HELLO]
    call.end()


def test_a_second_response_of_a_client_stream_is_unimplemented() -> None:
    assert refused(started(MethodKind.CLIENT_STREAM), ONE + ONE).code is Code.UNIMPLEMENTED


def test_no_response_of_a_client_stream_is_unimplemented() -> None:
    assert refused(started(MethodKind.CLIENT_STREAM), END).code is Code.UNIMPLEMENTED


def test_no_response_of_a_failed_client_stream_is_its_error() -> None:
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
def test_a_head_that_was_not_asked_for_is_an_error(status: int, headers, code: Code) -> None:
    with pytest.raises(ConnectError) as caught:
        call_of()[0].start(status, headers)
    assert caught.value.code is code


def test_the_error_of_a_head_has_its_headers() -> None:
    with pytest.raises(ConnectError) as caught:
        call_of()[0].start(503, [(b"retry-after", b"7")])
    assert caught.value.metadata["retry-after"] == "7"


def test_a_client_that_has_not_started_has_no_responses() -> None:
    assert list(call_of()[0].feed(b"")) == []


envelopes = st.builds(
    pack,
    st.integers(0, 3) | st.integers(0, 255),
    st.sampled_from([b"", DATA, b"{}", b'{"error":{"code":"aborted"}}', b'{"metadata":{"":[]}}'])
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
def test_any_answer_is_messages_or_a_connect_error(encoding, chunks, kind, headers) -> None:
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


def test_many_trailers_of_a_failure_take_time_in_proportion(grows_in_proportion) -> None:
    def work(count: int) -> None:
        values = ",".join(f'"{number}"' for number in range(count))
        data = f'{{"error":{{"code":"aborted"}},"metadata":{{"x-a":[{values}]}}}}'
        refused(started(), pack(2, data.encode()))

    assert grows_in_proportion(work, 2_000)
