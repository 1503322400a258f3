"""Streams on the server. Source: Connect protocol reference, "Streaming RPCs"."""

import json
from collections.abc import Iterable, Mapping

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import (
    Code,
    ConnectError,
    Gzip,
    MethodKind,
)
from connectrpc_protocol.call import StreamServerCall
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import server_compressions
from connectrpc_protocol.server import stream_server_method

from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE, LONG, echo_method, server_options

OK = [(b"content-type", b"application/connect+proto")]
Call = StreamServerCall[StringValue, StringValue]


def accept(
    headers: Mapping[str, str] | None = None,
    kind: MethodKind = MethodKind.BIDI_STREAM,
    **options: object,
) -> Call | HttpResponse:
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    raw.append((b"content-type", b"application/connect+proto"))
    return stream_server_method(echo_method(kind), server_options(**options)).accept(
        "POST", raw, b"", None
    )


def accepted(headers: Mapping[str, str] | None = None, **options) -> Call:
    call = accept(headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def read_all(call: Call, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        list(call.feed(chunk))
    call.feed_end()


def refused(call: Call, *chunks: bytes) -> ConnectError:
    """Return the error of a call that reads a whole body in these chunks."""
    with pytest.raises(ConnectError) as caught:
        read_all(call, chunks)
    return caught.value


def end_stream(data: bytes) -> dict[str, object]:
    assert data[0] == 2
    assert int.from_bytes(data[1:5]) == len(data) - 5
    return json.loads(data[5:])


def test_a_chunk_may_hold_several_requests() -> None:
    assert list(accepted().feed(HELLO_ENVELOPE + HELLO_ENVELOPE + HELLO_ENVELOPE[:3])) == [
        HELLO,
        HELLO,
    ]


def test_requests_may_come_byte_by_byte() -> None:
    call = accepted()
    got = [
        message for byte in HELLO_ENVELOPE + HELLO_ENVELOPE for message in call.feed(bytes((byte,)))
    ]
    call.feed_end()
    assert got == [HELLO, HELLO]


def test_feed_takes_a_chunk_before_its_requests_are_iterated() -> None:
    call = accepted()
    call.feed(HELLO_ENVELOPE[:6])
    assert list(call.feed(HELLO_ENVELOPE[6:])) == [HELLO]


def test_feed_returns_the_requests_before_a_malformed_one() -> None:
    requests = accepted().feed(HELLO_ENVELOPE + pack(0, b"\xff"))
    assert next(requests) == HELLO
    with pytest.raises(ConnectError):
        next(requests)


def test_wanted_bytes_complete_the_next_request() -> None:
    call = accepted()
    sizes = [call.wanted]
    list(call.feed(HELLO_ENVELOPE[:5]))
    assert [*sizes, call.wanted] == [5, len(HELLO_BYTES)]


def test_a_stream_may_be_empty() -> None:
    call = accepted()
    call.feed_end()
    assert list(call.feed(b"")) == []


@pytest.mark.parametrize("cut", [1, 4, 5, 8])
def test_a_stream_that_ends_inside_a_request_is_an_invalid_argument(cut: int) -> None:
    error = refused(accepted(), HELLO_ENVELOPE[:cut])
    assert error.code is Code.INVALID_ARGUMENT
    assert "the stream ended inside a message" in error.message


@pytest.mark.parametrize("flags", [2, 4, 0x80, 0xFE])
def test_unknown_flags_are_an_invalid_argument(flags: int) -> None:
    error = refused(accepted(), pack(flags, b""))
    assert (error.code, error.message) == (
        Code.INVALID_ARGUMENT,
        f"invalid envelope flags 0x{flags:02x}",
    )


def test_a_malformed_request_is_an_invalid_argument() -> None:
    assert refused(accepted(), pack(0, b"\x0a\xff")).code is Code.INVALID_ARGUMENT


def test_a_request_beyond_the_limit_is_refused_before_its_data() -> None:
    error = refused(accepted(read_max_bytes=4), b"\0\0\0\0\5")
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_a_request_beyond_the_limit_after_decompression_is_refused() -> None:
    call = accepted({"connect-content-encoding": "gzip"}, read_max_bytes=1000)
    error = refused(call, pack(1, Gzip().compress(LONG.SerializeToString())))
    assert error.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("name", server_compressions(None).names)
def test_compressed_and_uncompressed_requests_may_alternate(name: str) -> None:
    compression = server_compressions(None).get(name)
    assert compression is not None
    call = accepted({"connect-content-encoding": name})
    assert (
        list(
            call.feed(HELLO_ENVELOPE + pack(1, compression.compress(HELLO_BYTES)) + HELLO_ENVELOPE)
        )
        == [HELLO] * 3
    )


@pytest.mark.parametrize("name", server_compressions(None).names)
def test_an_empty_compressed_request_is_an_empty_message(name: str) -> None:
    call = accepted({"connect-content-encoding": name})
    assert list(call.feed(pack(1, b""))) == [StringValue()]


@pytest.mark.parametrize("headers", [{}, {"connect-content-encoding": "identity"}])
def test_a_compressed_request_without_a_declared_compression_is_internal(headers) -> None:
    error = refused(accepted(headers), pack(1, Gzip().compress(HELLO_BYTES)))
    assert error.code is Code.INTERNAL


def test_a_request_that_cannot_be_decompressed_is_an_invalid_argument() -> None:
    error = refused(accepted({"connect-content-encoding": "gzip"}), pack(1, b"plain"))
    assert error.code is Code.INVALID_ARGUMENT


def test_a_server_stream_takes_one_request() -> None:
    call = accepted(kind=MethodKind.SERVER_STREAM)
    assert list(call.feed(HELLO_ENVELOPE)) == [HELLO]
    call.feed_end()


def test_a_second_request_of_a_server_stream_is_unimplemented() -> None:
    error = refused(accepted(kind=MethodKind.SERVER_STREAM), HELLO_ENVELOPE + HELLO_ENVELOPE)
    assert str(error) == "unimplemented: more than one message, expected one"


def test_a_server_stream_without_a_request_is_unimplemented() -> None:
    error = refused(accepted(kind=MethodKind.SERVER_STREAM))
    assert str(error) == "unimplemented: no message, expected one"


def test_a_response_head_has_the_content_type_and_the_metadata() -> None:
    call = accepted()
    call.context.response_headers.add("x-a", "1")
    head = call.head()
    assert (head.status, head.has_trailers) == (200, False)
    assert list(head.headers) == [*OK, (b"x-a", b"1")]


def test_a_response_is_an_envelope() -> None:
    assert accepted().message(HELLO) == HELLO_ENVELOPE


def test_long_responses_are_compressed_as_the_client_prefers() -> None:
    call = accepted({"connect-accept-encoding": "zstd;q=0.1,gzip"})
    assert (b"connect-content-encoding", b"gzip") in call.head().headers
    data = call.message(LONG)
    assert data[0] == 1
    assert Gzip().decompress(data[5:], None) == LONG.SerializeToString()


def test_short_responses_are_not_compressed() -> None:
    assert accepted({"connect-accept-encoding": "gzip"}).message(HELLO) == HELLO_ENVELOPE


def test_an_option_sets_the_length_of_responses_to_compress() -> None:
    headers = {"connect-accept-encoding": "gzip"}
    assert accepted(headers, compress_min_bytes=len(HELLO_BYTES)).message(HELLO)[0] == 1
    assert accepted(headers, compress_min_bytes=len(HELLO_BYTES) + 1).message(HELLO)[0] == 0


def test_a_response_beyond_the_send_limit_is_an_error() -> None:
    with pytest.raises(ConnectError) as caught:
        accepted(send_max_bytes=6).message(HELLO)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_response_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        accepted().message(Struct())


def test_a_success_ends_with_an_empty_object() -> None:
    end = accepted().end()
    assert (end_stream(end.body), end.trailers) == ({}, None)


def test_the_end_carries_the_trailers() -> None:
    call = accepted()
    call.context.response_trailers.add("x-a", "1")
    call.context.response_trailers.add("x-a", "2")
    assert end_stream(call.end().body) == {"metadata": {"x-a": ["1", "2"]}}


def test_a_failure_ends_with_its_error_and_all_trailers() -> None:
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
def test_an_option_exposes_the_text_of_an_unexpected_exception(expose: bool, message: str) -> None:
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
def test_a_stream_with_an_invalid_header_ends_with_an_error(headers, code: str) -> None:
    response = accept(headers)
    assert isinstance(response, HttpResponse)
    assert (response.status, dict(response.headers)) == (200, dict(OK))
    assert end_stream(response.body)["error"]["code"] == code
