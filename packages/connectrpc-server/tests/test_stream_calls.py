"""Client stream, server stream and bidi stream calls, over ASGI and WSGI."""

import json
import struct

import pytest
from google.protobuf.wrappers_pb2 import StringValue

STREAM = ("content-type", "application/connect+proto")


def parts(response):
    """The texts of the messages, and the end-stream message."""
    assert response.status == 200, response
    *messages, (flags, end) = response.envelopes
    assert flags == 2
    return [StringValue.FromString(data).value for _, data in messages], json.loads(end)


def test_client_stream(shell):
    assert parts(shell.stream("Client", ["a", "b"])) == (["a,b"], {})


def test_client_stream_without_messages(shell):
    assert parts(shell.stream("Client", [])) == ([""], {})


def test_server_stream(shell):
    assert parts(shell.stream("Server", ["a,b,c"])) == (["a", "b", "c"], {})


def test_bidi_stream(shell):
    assert parts(shell.stream("Bidi", ["a", "b"])) == (["a", "b"], {})


def test_json(shell, make_request):
    body = struct.pack(">BI", 0, 3) + b'"a"'
    request = make_request(
        "/test.v1.Echo/Bidi", headers=[("content-type", "application/connect+json")], body=body
    )
    response = shell.call(shell.application(), request)
    assert response.header("content-type") == "application/connect+json"
    assert response.envelopes == [(0, b'"a"'), (2, b"{}")]


def test_messages_in_pieces(shell, make_request):
    body = shell.envelope("hello") + shell.envelope("world")
    chunks = [body[index : index + 1] for index in range(len(body))]
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], chunks=chunks)
    assert parts(shell.call(shell.application(), request)) == (["hello", "world"], {})


def test_headers_and_trailers(shell):
    response = shell.stream("Bidi", ["metadata"])
    assert response.header("x-header") == "h"
    assert parts(response) == (["metadata"], {"metadata": {"x-trailer": ["t"]}})


def test_error_after_messages(shell):
    texts, end = parts(shell.stream("Server", ["a,fail:aborted,b"]))
    assert texts == ["a"]
    assert end["error"]["code"] == "aborted"
    assert end["metadata"] == {"x-error": ["metadata"]}
    assert shell.service.closed == ["server"]


def test_unexpected_exception_is_logged_and_hidden(shell, caplog):
    texts, end = parts(shell.stream("Bidi", ["a", "crash"]))
    assert texts == ["a"]
    assert end == {"error": {"code": "internal", "message": "internal error"}}
    assert "secret-db-password" in caplog.text
    assert shell.service.closed == ["bidi"]


@pytest.mark.parametrize("texts", [[], ["a", "b"]])
def test_server_stream_takes_exactly_one_request(shell, texts):
    assert parts(shell.stream("Server", texts))[1]["error"]["code"] == "unimplemented"


@pytest.mark.parametrize("name", ["Client", "Server", "Bidi"])
@pytest.mark.parametrize("body", [b"\0\0", b"\0\0\0\0\7abc", b"\2\0\0\0\0", b"\0\0\0\0\1\xff"])
def test_malformed_stream(shell, make_request, name, body):
    request = make_request(f"/test.v1.Echo/{name}", headers=[STREAM], body=body)
    _, end = parts(shell.call(shell.application(), request))
    assert end["error"]["code"] == "invalid_argument"


def test_messages_before_a_malformed_one_get_responses(shell, make_request):
    body = shell.envelope("a") + b"\0\0\0\0\1\xff"
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], body=body)
    texts, end = parts(shell.call(shell.application(), request))
    assert texts == ["a"]
    assert end["error"]["code"] == "invalid_argument"


def test_oversize_message_is_refused_by_its_prefix(shell, make_request):
    body = struct.pack(">BI", 0, 2**32 - 1)
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], body=body)
    _, end = parts(shell.call(shell.application(), request))
    assert end["error"]["code"] == "resource_exhausted"


def test_unary_content_type_is_not_a_stream(shell, make_request):
    request = make_request("/test.v1.Echo/Bidi", headers=[("content-type", "application/proto")])
    response = shell.call(shell.application(), request)
    assert response.status == 415
    accepted = response.header("accept-post").split(", ")
    assert accepted[:2] == ["application/connect+proto", "application/connect+json"]


def test_unknown_compression(shell):
    response = shell.stream("Bidi", ["a"], ("connect-content-encoding", "lzma"))
    assert parts(response)[1]["error"]["code"] == "unimplemented"


@pytest.mark.parametrize("compression", ["gzip", "br", "zstd"])
def test_compression_both_ways(shell, make_request, compression):
    from connectrpc_protocol import resolve_compression

    codec = resolve_compression(compression)
    message = StringValue(value="a" * 5000).SerializeToString()
    data = codec.compress(message)
    headers = [
        STREAM,
        ("connect-content-encoding", compression),
        ("connect-accept-encoding", compression),
    ]
    body = struct.pack(">BI", 1, len(data)) + data
    request = make_request("/test.v1.Echo/Bidi", headers=headers, body=body)
    response = shell.call(shell.application(), request)
    assert response.header("connect-content-encoding") == compression
    (flags, first), _ = response.envelopes
    assert flags == 1
    assert codec.decompress(first, None) == message
