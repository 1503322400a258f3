"""Calls of gRPC and gRPC-Web clients.

Sources: grpc/grpc, PROTOCOL-HTTP2.md and PROTOCOL-WEB.md; doc/http-grpc-status-mapping.md.
"""

import base64
import time

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    ConnectError,
    Gzip,
    JsonCodec,
    MethodKind,
)
from connectrpc_protocol.encoding.envelope import pack

from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE, LONG, bounded
from .client_calls import OK, ClientCall, Pairs, each_protocol


def test_a_grpc_request_head_has_the_headers_of_the_protocol_and_the_metadata() -> None:
    head = ClientCall(
        "grpc", headers={"x-a": "1", "te": "gzip", "grpc-timeout": "1S"}
    ).stream.head()
    assert head == (
        "POST",
        "https://h/acme.v1.EchoService/Echo",
        [
            ("content-type", "application/grpc+proto"),
            ("te", "trailers"),
            ("accept-encoding", "identity"),
            ("grpc-accept-encoding", "gzip, br"),
            ("x-a", "1"),
        ],
        None,
    )


@each_protocol
def test_the_timeout_is_the_first_header(protocol: str) -> None:
    client = ClientCall(protocol, deadline=time.monotonic() + 900)
    name, value = client.stream.head().headers[0]
    assert name == "grpc-timeout"
    assert 0 < int(value.removesuffix("m")) <= 900_000


@each_protocol
def test_a_unary_request_is_one_envelope(protocol: str) -> None:
    client = ClientCall(protocol)
    request = client.unary.request(HELLO)
    assert request == client.stream.head()._replace(body=HELLO_ENVELOPE)


@each_protocol
def test_send_compression_compresses_long_requests(protocol: str) -> None:
    request = ClientCall(protocol, send_compression=Gzip()).unary.request(LONG)
    assert ("grpc-encoding", "gzip") in request.headers
    assert request.body is not None
    assert request.body[0] == 1
    assert Gzip().decompress(request.body[5:], None) == LONG.SerializeToString()


# Responses.


@each_protocol
def test_a_call_returns_the_message_and_stores_the_metadata(protocol: str) -> None:
    client = ClientCall(protocol)
    assert client.receive(HELLO_ENVELOPE, [*OK, (b"x-b", b"2")], [(b"x-a", b"1")]) == [HELLO]
    assert client.context.response_headers["x-a"] == "1"
    assert client.context.response_trailers["x-b"] == "2"


@each_protocol
@pytest.mark.parametrize("ending", ["", "+proto", "+proto; charset=utf-8", "+PROTO"])
def test_binary_protobuf_has_several_content_types(protocol: str, ending: str) -> None:
    assert ClientCall(protocol).receive(
        HELLO_ENVELOPE, OK, content_type=f"application/{protocol}{ending}"
    )


@each_protocol
@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", Code.UNKNOWN),
        ("image/jpeg", Code.UNKNOWN),
        ("application/json", Code.UNKNOWN),
        ("application/{protocol}+json", Code.INTERNAL),
        ("application/grpc-web-text", Code.INTERNAL),
    ],
)
def test_an_unexpected_content_type_is_an_error(
    protocol: str, content_type: str, code: Code
) -> None:
    content_type = content_type.replace("{protocol}", protocol) or " "
    error = ClientCall(protocol).receive_error(HELLO_ENVELOPE, OK, content_type=content_type)
    assert error.code is code
    assert "expected" in error.message


def test_a_content_type_without_a_codec_is_not_json() -> None:
    client = ClientCall("grpc", codec=JsonCodec())
    assert (
        client.receive_error(HELLO_ENVELOPE, OK, content_type="application/grpc").code
        is Code.INTERNAL
    )


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.CLIENT_STREAM])
def test_a_call_with_one_response_refuses_none_and_two(protocol: str, kind: MethodKind) -> None:
    assert str(ClientCall(protocol, kind).receive_error(b"", OK)).startswith(
        "unimplemented: no message"
    )
    error = ClientCall(protocol, kind).receive_error(HELLO_ENVELOPE + HELLO_ENVELOPE, OK)
    assert str(error).startswith("unimplemented: more than one message")


@each_protocol
def test_a_stream_may_be_empty(protocol: str) -> None:
    assert ClientCall(protocol, MethodKind.BIDI_STREAM).receive(b"", OK) == []


@each_protocol
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (pack(4, HELLO_BYTES), Code.INTERNAL),
        (pack(0, b"\x0a\xff"), Code.INTERNAL),
        (pack(1, HELLO_BYTES), Code.INTERNAL),
        (pack(0, LONG.SerializeToString()), Code.RESOURCE_EXHAUSTED),
    ],
)
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_a_malformed_body_is_an_error(
    protocol: str, kind: MethodKind, body: bytes, code: Code
) -> None:
    assert ClientCall(protocol, kind, read_max_bytes=1000).receive_error(body, OK).code is code


@pytest.mark.parametrize("size", [1, 5, 8])
def test_a_truncated_message_is_internal(size: int) -> None:
    error = ClientCall("grpc").receive_error(HELLO_ENVELOPE[:size], OK)
    assert str(error).startswith("internal: the stream ended inside a message")


@each_protocol
def test_a_call_decompresses_the_response_within_the_limit(protocol: str) -> None:
    body = pack(1, Gzip().compress(LONG.SerializeToString()))
    headers = [(b"grpc-encoding", b"gzip")]
    assert ClientCall(protocol).receive(body, OK, headers) == [LONG]
    error = ClientCall(protocol, read_max_bytes=1000).receive_error(body, OK, headers)
    assert error.code is Code.RESOURCE_EXHAUSTED


@each_protocol
def test_a_compression_that_was_not_offered_is_internal(protocol: str) -> None:
    error = ClientCall(protocol).receive_error(HELLO_ENVELOPE, OK, [(b"grpc-encoding", b"zstd")])
    assert error.code is Code.INTERNAL


# Failed calls.


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_an_error_has_headers_and_trailers(protocol: str, kind: MethodKind) -> None:
    client = ClientCall(protocol, kind)
    trailers = [(b"grpc-status", b"5"), (b"grpc-message", b"g%6Fne"), (b"x-b", b"2")]
    error = client.receive_error(b"", trailers, [(b"x-a", b"1")])
    assert str(error) == "not_found: gone"
    assert (error.metadata["x-a"], error.metadata["x-b"]) == ("1", "2")
    assert client.context.response_headers["x-a"] == "1"
    assert client.context.response_trailers["x-b"] == "2"


@each_protocol
def test_a_trailers_only_response_has_its_trailers_in_the_headers(protocol: str) -> None:
    client = ClientCall(protocol)
    error = client.receive_error(
        b"", None, [(b"grpc-status", b"5"), (b"x-b", b"2"), (b"x-b", b"3")]
    )
    assert error.code is Code.NOT_FOUND
    assert error.metadata.get_all("x-b") == ["2", "3"]
    assert client.context.response_trailers.get_all("x-b") == ["2", "3"]
    assert "x-b" not in client.context.response_headers


@each_protocol
def test_a_status_in_the_trailers_overrides_one_in_the_headers(protocol: str) -> None:
    error = ClientCall(protocol).receive_error(
        b"", [(b"grpc-status", b"9")], [(b"grpc-status", b"8")]
    )
    assert error.code is Code.FAILED_PRECONDITION


@each_protocol
@pytest.mark.parametrize("headers", [[], OK])
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_a_response_without_trailers_is_unknown(
    protocol: str, kind: MethodKind, headers: Pairs
) -> None:
    error = ClientCall(protocol, kind).receive_error(HELLO_ENVELOPE, None, headers)
    assert str(error) == "unknown: the server sent no grpc-status"


@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
@pytest.mark.parametrize("body", [HELLO_ENVELOPE, pack(0, b"")])
def test_a_failure_in_the_headers_before_a_body_without_trailers_counts_in_grpc_web(
    kind: MethodKind, body: bytes
) -> None:
    headers = [(b"grpc-status", b"9"), (b"grpc-message", b"not%20yet"), (b"x-a", b"1")]
    error = ClientCall("grpc-web", kind).receive_error(body, None, headers)
    assert str(error) == "failed_precondition: not yet"
    assert error.metadata["x-a"] == "1"
    # PROTOCOL-HTTP2.md, "Responses": over gRPC such a response is not complete.
    error = ClientCall("grpc", kind).receive_error(body, None, headers)
    assert error.code is Code.UNKNOWN


@each_protocol
@pytest.mark.parametrize("content_type", ["", "text/plain", "application/grpc-web-text"])
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_a_failure_in_the_headers_overrides_an_unexpected_head(
    protocol: str, kind: MethodKind, content_type: str
) -> None:
    headers = [(b"grpc-status", b"5"), (b"grpc-message", b"gone"), (b"x-a", b"1")]
    client = ClientCall(protocol, kind)
    error = client.receive_error(b"", None, headers, content_type=content_type or " ")
    assert str(error) == "not_found: gone"
    assert error.metadata["x-a"] == "1"
    encoded = [*headers, (b"grpc-encoding", b"zstd")]
    assert str(ClientCall(protocol, kind).receive_error(b"", None, encoded)) == "not_found: gone"


@each_protocol
def test_a_call_raises_an_error_that_follows_a_message(protocol: str) -> None:
    error = ClientCall(protocol).receive_error(HELLO_ENVELOPE, [(b"grpc-status", b"5")])
    assert error.code is Code.NOT_FOUND


@each_protocol
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INTERNAL),
        (401, Code.UNAUTHENTICATED),
        (403, Code.PERMISSION_DENIED),
        (404, Code.UNIMPLEMENTED),
        (415, Code.UNKNOWN),
        (429, Code.UNAVAILABLE),
        (500, Code.UNKNOWN),
        (502, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
    ],
)
def test_an_http_status_other_than_200_is_an_error(protocol: str, status: int, code: Code) -> None:
    error = ClientCall(protocol).receive_error(
        b"<html>", None, [(b"x-a", b"1")], status=status, content_type="text/html"
    )
    assert (error.code, error.message) == (code, f"HTTP status {status}")
    assert error.metadata["x-a"] == "1"


@each_protocol
def test_a_grpc_status_overrides_the_http_status(protocol: str) -> None:
    error = ClientCall(protocol).receive_error(b"", None, [(b"grpc-status", b"5")], status=503)
    assert error.code is Code.NOT_FOUND
    error = ClientCall(protocol).receive_error(HELLO_ENVELOPE, None, OK, status=503)
    assert error.code is Code.UNAVAILABLE


@each_protocol
@pytest.mark.parametrize(("seconds", "code"), [(-1, "deadline_exceeded"), (900, "canceled")])
def test_a_call_that_is_cancelled_after_its_deadline_is_deadline_exceeded(
    protocol: str, seconds: int, code: str
) -> None:
    client = ClientCall(protocol, deadline=time.monotonic() + seconds)
    assert client.receive_error(b"", [(b"grpc-status", b"1")]).code.value == code


@each_protocol
def test_the_error_of_a_body_that_is_too_large_names_the_limit_of_messages(protocol: str) -> None:
    error = ClientCall(protocol, read_max_bytes=1000).unary.too_large()
    assert str(error) == "resource_exhausted: message exceeds the limit of 1000 bytes"


def test_the_read_limit_leaves_room_for_envelopes_and_trailers() -> None:
    limit = ClientCall("grpc-web", read_max_bytes=1000).unary.read_limit
    assert limit == 1000 + 64 * 1024 + 2 * 5
    assert ClientCall("grpc", read_max_bytes=1000).unary.read_limit == 1005
    assert ClientCall("grpc-web", read_max_bytes=None).unary.read_limit is None
    assert ClientCall("grpc", read_max_bytes=None).unary.read_limit is None


names = st.sampled_from(
    [b"grpc-status", b"grpc-message", b"grpc-status-details-bin", b"grpc-encoding", b"x"]
)
values = st.sampled_from([b"0", b"5", b"99", b"gzip", b"%ff", base64.b64encode(b"\x1a\xff")])
fields = st.lists(st.tuples(names, values | st.binary(max_size=9)), max_size=4)
bodies = st.lists(
    st.sampled_from([HELLO_ENVELOPE, pack(1, b"x"), pack(0x80, b"x")]) | st.binary(max_size=9)
)


@bounded
@given(
    st.sampled_from(["grpc", "grpc-web"]),
    st.sampled_from(MethodKind),
    st.sampled_from([200, 204, 503]),
    fields,
    bodies.map(b"".join),
    st.none() | fields,
)
def test_any_response_is_messages_or_a_connect_error(
    protocol: str,
    kind: MethodKind,
    status: int,
    headers: Pairs,
    body: bytes,
    trailers: Pairs | None,
) -> None:
    client = ClientCall(protocol, kind)
    try:
        messages = client.receive(body, trailers, headers, status)
    except ConnectError:
        return
    assert status == 200
    assert all(isinstance(message, StringValue) for message in messages)
    sources = (client.context.response_trailers, client.context.response_headers)
    assert next(each["grpc-status"] for each in sources if "grpc-status" in each) == "0"


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.SERVER_STREAM])
@pytest.mark.parametrize("trailers", [[], [(b"x-a", b"1")]])
def test_the_status_of_the_headers_counts_if_the_trailers_lack_it(
    protocol: str, kind: MethodKind, trailers: Pairs
) -> None:
    headers = [(b"grpc-status", b"5"), (b"grpc-message", b"no%20row")]
    error = ClientCall(protocol, kind).receive_error(b"", trailers, headers)
    assert str(error) == "not_found: no row"


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.SERVER_STREAM])
def test_a_body_without_trailers_is_an_error_whatever_the_headers_say(
    protocol: str, kind: MethodKind
) -> None:
    call = ClientCall(protocol, kind)
    error = call.receive_error(HELLO_ENVELOPE, None, [(b"grpc-status", b"0")])
    assert error.code is Code.UNKNOWN
