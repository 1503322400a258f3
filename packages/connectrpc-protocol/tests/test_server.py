"""Accepting a request, which picks a protocol and a codec."""

import base64
import json
from contextlib import suppress

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import ConnectError, IdempotencyLevel, MethodKind
from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import (
    refuse_unknown_method,
    stream_server_method,
    unary_server_method,
)

from .helpers import bounded, echo_method, server_options

OPTIONS = server_options()
UNARY = unary_server_method(echo_method(MethodKind.UNARY), OPTIONS)
PURE = unary_server_method(echo_method(MethodKind.UNARY, IdempotencyLevel.NO_SIDE_EFFECTS), OPTIONS)
STREAM = stream_server_method(echo_method(MethodKind.BIDI_STREAM), OPTIONS)
GRPC = [
    prefix + codec
    for prefix in (b"application/grpc", b"application/grpc-web", b"application/grpc-web-text")
    for codec in (b"", b"+proto", b"+json")
]
GET = b"connect=v1&encoding=proto&base64=1&message="


def refusal(response: object) -> HttpResponse:
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/proto",
        b"application/json",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"Application/JSON ; Charset=utf8",
        b"application/json; other=1",
    ],
)
def test_a_unary_method_accepts_its_content_types(content_type: bytes) -> None:
    response = UNARY.accept("POST", [(b"content-type", content_type)], b"", None)
    assert not isinstance(response, HttpResponse)


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b";",
        b"text/plain",
        b"application/connect+proto",
        b"application/json; charset=latin-1",
        b"application/grpc+xml",
        b"application/grpc-web-text-base64",
        b"application/proto\0",
        b"\xff",
        b"application/" * 5000,
        b";" * 50_000,
    ],
)
def test_a_unary_method_refuses_other_content_types(content_type: bytes) -> None:
    response = refusal(UNARY.accept("POST", [(b"content-type", content_type)], b"", None))
    assert response.status == 415
    accepted = dict(response.headers)[b"accept-post"]
    assert accepted.split(b", ") == [b"application/proto", b"application/json", *GRPC]


def test_a_request_without_a_content_type_is_refused() -> None:
    assert refusal(UNARY.accept("POST", [], b"", None)).status == 415


@pytest.mark.parametrize("codec", [b"proto", b"json"])
def test_a_stream_method_accepts_its_content_types(codec: bytes) -> None:
    response = STREAM.accept(
        "POST", [(b"content-type", b"application/connect+" + codec)], b"", None
    )
    assert not isinstance(response, HttpResponse)


def test_a_stream_method_refuses_the_content_type_of_unary_calls() -> None:
    headers = [(b"content-type", b"application/proto")]
    response = refusal(STREAM.accept("POST", headers, b"", None))
    assert response.status == 415
    accepted = dict(response.headers)[b"accept-post"]
    assert accepted.split(b", ") == [
        b"application/connect+proto",
        b"application/connect+json",
        *GRPC,
    ]


@pytest.mark.parametrize("http_method", ["PUT", "HEAD", "OPTIONS", "post", "", "GET"])
def test_another_http_method_is_refused(http_method: str) -> None:
    for each in (UNARY, STREAM):
        response = refusal(each.accept(http_method, [], b"", None))
        assert (response.status, dict(response.headers)[b"allow"]) == (405, b"POST")


def test_a_method_without_side_effects_allows_get() -> None:
    response = refusal(PURE.accept("PUT", [], b"", None))
    assert (response.status, dict(response.headers)[b"allow"]) == (405, b"GET, POST")


def test_a_post_has_a_context_with_its_headers_and_peer() -> None:
    headers = [(b"content-type", b"application/proto"), (b"x-a", b"1")]
    call = UNARY.accept("POST", headers, b"", ("192.0.2.1", 80))
    assert not isinstance(call, HttpResponse)
    ctx = call.context
    assert (ctx.method.name, ctx.protocol, ctx.http_method) == ("Echo", "connect", "POST")
    assert (ctx.request_headers["x-a"], ctx.peer, ctx.timeout_ms) == ("1", "192.0.2.1:80", None)


def test_a_get_has_a_context_with_its_headers() -> None:
    call = PURE.accept("GET", [(b"x-a", b"1")], GET, None)
    assert not isinstance(call, HttpResponse)
    assert (call.context.http_method, call.context.request_headers["x-a"]) == ("GET", "1")


# Header names of the protocol with any value, and any other names.
known = st.sampled_from(
    [
        b"content-type",
        b"content-encoding",
        b"accept-encoding",
        b"connect-timeout-ms",
        b"connect-protocol-version",
        b"connect-content-encoding",
        b"connect-accept-encoding",
    ]
)
hostile_values = st.binary(max_size=30) | st.sampled_from(
    [
        b"application/proto",
        b"application/connect+json",
        b"gzip",
        b"identity",
        b"1",
        b"10",
        b"9" * 5000,
        b"-1",
        b"1e3",
        "٣".encode(),
        b"\0",
    ]
)
hostile_headers = st.lists(st.tuples(known | st.binary(max_size=8), hostile_values), max_size=8)
queries = st.binary(max_size=60) | st.lists(
    st.tuples(
        st.sampled_from([b"connect", b"encoding", b"compression", b"base64", b"message", b"x"]),
        st.sampled_from([b"v1", b"json", b"proto", b"gzip", b"1", b"", b"%", b"%ff", b"e30="])
        | st.binary(max_size=8),
    ),
    max_size=8,
).map(lambda pairs: b"&".join(name + b"=" + value for name, value in pairs))


@bounded
@given(
    st.sampled_from([UNARY, PURE, STREAM]),
    st.sampled_from(["GET", "POST"]),
    hostile_headers,
    queries,
)
@example(UNARY, "POST", [(b"content-type", b"application/proto")] * 500, b"")
@example(PURE, "GET", [], b"&" * 5000)
@example(PURE, "GET", [], b"message=%00%ff&encoding=\xff&connect=v1")
def test_any_request_becomes_a_call_or_a_response(served, http_method, headers, query) -> None:
    response = served.accept(http_method, headers, query, None)
    if isinstance(response, HttpResponse):
        assert 200 <= response.status < 600
        assert all(type(text) is bytes for pair in response.headers for text in pair)


def message_or_error(
    call: UnaryServerCall[StringValue, StringValue], body: bytes
) -> StringValue | ConnectError:
    try:
        return call.request(body)
    except ConnectError as error:
        return error


@bounded
@given(hostile_headers, queries, st.binary(max_size=40))
def test_any_unary_call_is_a_message_or_a_connect_error(headers, query, body) -> None:
    headers = [*headers, (b"content-type", b"application/json")]
    for http_method in ("GET", "POST"):
        call = PURE.accept(http_method, headers, query, None)
        if isinstance(call, HttpResponse):
            continue
        outcome = message_or_error(call, body)
        if isinstance(outcome, ConnectError):
            assert json.loads(call.failure(outcome).body)["code"] == outcome.code.value
        else:
            assert isinstance(outcome, StringValue)


@bounded
@given(hostile_headers, st.lists(st.binary(max_size=40), max_size=4))
@example([], [b"\x00\x00\x00\x00\x05hello", b"\x01"])
@example([], [b"\x02\x00\x00\x00\x00"])
@example([(b"connect-content-encoding", b"gzip")], [b"\x01\x00\x00\x00\x03abc"])
def test_any_stream_is_messages_or_a_connect_error(headers, chunks) -> None:
    headers = [*headers, (b"content-type", b"application/connect+proto")]
    call = STREAM.accept("POST", headers, b"", None)
    if isinstance(call, HttpResponse):
        return
    got: list[StringValue] = []
    with suppress(ConnectError):
        for chunk in chunks:
            got += call.feed(chunk)
        call.feed_end()
    assert all(isinstance(message, StringValue) for message in got)


@pytest.mark.parametrize(
    ("http_method", "content_type"),
    [
        ("GET", b"application/grpc"),
        ("POST", b""),
        ("POST", b"application/json"),
        ("POST", b"application/connect+proto"),
        ("POST", b"application/grpcx"),
        ("POST", b"application/grpc-web-textual"),
    ],
)
def test_an_unknown_path_without_grpc_is_not_refused(http_method: str, content_type: bytes) -> None:
    headers = [(b"content-type", content_type)]
    assert refuse_unknown_method(http_method, headers, "/acme.v1.Other/Newer") is None


@pytest.mark.parametrize("codec", [b"", b"+proto", b"+json", b"+own", b"; charset=utf-8"])
def test_an_unknown_path_is_unimplemented_in_grpc(codec: bytes) -> None:
    headers = [(b"content-type", b"application/grpc" + codec)]
    response = refuse_unknown_method("POST", headers, "/api/acme.v1.Other/Newer")
    assert response is not None
    assert (response.status, response.body) == (200, b"")
    assert response.trailers == [
        (b"grpc-status", b"12"),
        (b"grpc-message", b"this server does not have a method acme.v1.Other/Newer"),
    ]


def test_an_unknown_path_is_unimplemented_in_grpc_web() -> None:
    headers = [(b"content-type", b"application/grpc-web+json")]
    response = refuse_unknown_method("POST", headers, "/acme.v1.Other/Newer")
    assert response is not None
    assert response.headers[0] == headers[0]
    assert b"grpc-status: 12\r\n" in response.body
    assert response.trailers is None


def test_an_unknown_path_is_unimplemented_in_base64() -> None:
    headers = [(b"content-type", b"application/grpc-web-text+proto")]
    response = refuse_unknown_method("POST", headers, "/" + "x" * 9000)
    assert response is not None
    assert response.headers[0] == headers[0]
    trailers = base64.b64decode(response.body)
    assert trailers.startswith(b"\x80")
    assert b"grpc-status: 12\r\n" in trailers
    assert len(trailers) < 300
