"""Calls of every kind on gRPC and gRPC-Web servers.

Sources: grpc/grpc, PROTOCOL-HTTP2.md and PROTOCOL-WEB.md; doc/compression.md.
"""

import base64

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, Headers, MethodKind
from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.encoding.codec import JsonCodec
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import stream_server_method, unary_server_method

from ..helpers import HELLO_ENVELOPE, bounded, echo_method, server_options
from .server_calls import (
    PROTOCOLS,
    accept_stream,
    accept_unary,
    each_protocol,
    request_headers,
    split_response,
    stream_call,
    unary_call,
)


@each_protocol
@pytest.mark.parametrize("codec", ["", "+proto", "+json"])
def test_a_response_has_the_content_type_of_the_request(protocol: str, codec: str) -> None:
    headers = {"content-type": f"application/{protocol}{codec}"}
    for call in (unary_call(protocol, headers), stream_call(protocol, headers)):
        assert call.context.protocol == protocol.removesuffix("-text")
        response = call.failure(ConnectError(Code.ABORTED))
        content_type = dict(response.headers)[b"content-type"]
        assert content_type == headers["content-type"].encode()


def test_a_content_type_without_a_codec_needs_the_proto_codec() -> None:
    class Own(JsonCodec):
        name = "own"

    method = unary_server_method(echo_method(MethodKind.UNARY), server_options(codecs=(Own(),)))
    assert isinstance(method.accept("POST", request_headers("grpc", None), b"", None), HttpResponse)
    headers = request_headers("grpc", {"content-type": "application/grpc+own"})
    assert not isinstance(method.accept("POST", headers, b"", None), HttpResponse)


@each_protocol
def test_a_timeout_becomes_a_deadline(protocol: str) -> None:
    for begin in (unary_call, stream_call):
        timeout_ms = begin(protocol, {"grpc-timeout": "900S"}).context.timeout_ms
        assert timeout_ms is not None
        assert 0 < timeout_ms <= 900_000


@each_protocol
def test_the_default_and_the_maximum_timeout_of_the_server_apply(protocol: str) -> None:
    assert unary_call(protocol).context.deadline is None
    call = unary_call(protocol, default_timeout_ms=0)
    assert call.context.timeout_ms == 0
    call = unary_call(protocol, {"grpc-timeout": "1H"}, max_timeout_ms=0)
    assert call.context.timeout_ms == 0


@each_protocol
@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"grpc-timeout": "soon"}, b"3", b"invalid grpc-timeout"),
        ({"grpc-encoding": "lzma"}, b"12", b"supported: gzip, br, zstd, identity"),
        ({"grpc-encoding": "x" * 5000}, b"12", b"'xxx"),
    ],
)
@pytest.mark.parametrize("begin", [accept_unary, accept_stream])
def test_a_call_with_an_invalid_header_is_an_error(
    protocol: str, headers, status: bytes, text: bytes, begin
) -> None:
    response = begin(protocol, headers)
    assert isinstance(response, HttpResponse)
    assert (b"grpc-accept-encoding", b"gzip, br, zstd") in response.headers
    messages, trailers = split_response(protocol, response)
    assert (messages, trailers[0]) == ([], (b"grpc-status", status))
    assert text in dict(trailers)[b"grpc-message"]
    assert len(dict(trailers)[b"grpc-message"]) < 200


@each_protocol
@pytest.mark.parametrize("begin", [unary_call, stream_call])
def test_a_failure_sends_its_metadata_once(protocol: str, begin) -> None:
    call = begin(protocol)
    call.context.response_headers.add("x-a", "1")
    call.context.response_trailers.add("x-b", "2")
    received = Headers({"x-c": "3", "grpc-status": "0"})
    error = ConnectError(Code.ABORTED, "try again", metadata=received)
    response = call.failure(error)
    messages, trailers = split_response(protocol, response)
    assert messages == []
    assert trailers == [
        (b"grpc-status", b"10"),
        (b"grpc-message", b"try again"),
        (b"x-b", b"2"),
        (b"x-c", b"3"),
    ]
    assert [pair for pair in response.headers if pair[0].startswith(b"x-")] == [(b"x-a", b"1")]


@pytest.mark.parametrize("begin", [unary_call, stream_call])
def test_without_trailers_moves_the_trailers_of_a_failure_to_its_headers(begin) -> None:
    response = begin("grpc").failure(ConnectError(Code.ABORTED)).without_trailers()
    assert (response.status, response.body, response.trailers) == (200, b"", None)
    assert response.headers[-1] == (b"grpc-status", b"10")


@each_protocol
@pytest.mark.parametrize(
    ("expose", "text"), [(False, b"internal error"), (True, b"ValueError: secret")]
)
def test_an_option_exposes_the_text_of_an_unexpected_exception(
    protocol: str, expose: bool, text: bytes
) -> None:
    response = unary_call(protocol, expose_errors=expose).failure(ValueError("secret"))
    trailers = [(b"grpc-status", b"13"), (b"grpc-message", text)]
    assert split_response(protocol, response) == ([], trailers)


@each_protocol
def test_an_error_message_with_line_breaks_does_not_add_a_trailer(protocol: str) -> None:
    response = unary_call(protocol).failure(ConnectError(Code.ABORTED, "a\r\ngrpc-status: 0\r\n"))
    _, trailers = split_response(protocol, response)
    assert [name for name, _ in trailers] == [b"grpc-status", b"grpc-message"]


names = st.sampled_from([b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"te", b"x"])
values = st.binary(max_size=20) | st.sampled_from([b"gzip", b"identity", b"1S", b"9" * 999, b"H"])
hostile = st.lists(st.tuples(names, values), max_size=5)
pieces = st.sampled_from(
    [HELLO_ENVELOPE, pack(1, b""), b"\0\0\0\0", b"\1", b"=", b"AAAA", b"AA==", b"\xff"]
)
bodies = st.lists(pieces | st.binary(max_size=9), max_size=6)


def message_or_error(
    call: UnaryServerCall[StringValue, StringValue], body: bytes
) -> StringValue | ConnectError:
    try:
        return call.request(body)
    except ConnectError as error:
        return error


@bounded
@given(st.sampled_from(PROTOCOLS), hostile, bodies)
@example("grpc", [], [b"\0\xff\xff\xff\xff"])
@example("grpc-web-text", [], [base64.b64encode(pack(0, b"\x0a\xff"))])
def test_any_call_is_messages_or_a_connect_error(protocol: str, headers, chunks) -> None:
    raw = [*headers, (b"content-type", f"application/{protocol}".encode())]
    call = unary_server_method(echo_method(MethodKind.UNARY), server_options()).accept(
        "POST", raw, b"", None
    )
    if isinstance(call, HttpResponse):
        assert call.status == 200
        return
    outcome = message_or_error(call, b"".join(chunks))
    if isinstance(outcome, ConnectError):
        _, trailers = split_response(protocol, call.failure(outcome))
        assert Headers.from_raw(trailers)["grpc-status"] == str(outcome.code.grpc)
    else:
        assert isinstance(outcome, StringValue)
    streamed = stream_server_method(echo_method(MethodKind.BIDI_STREAM), server_options())
    call = streamed.accept("POST", raw, b"", None)
    assert not isinstance(call, HttpResponse)
    try:
        for chunk in chunks:
            assert all(isinstance(message, StringValue) for message in call.feed(chunk))
        call.feed_end()
    except ConnectError:
        return
