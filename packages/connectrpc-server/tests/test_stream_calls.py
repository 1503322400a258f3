"""Client stream, server stream and bidi stream calls, over ASGI and WSGI."""

import json
import struct

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import Code, ConnectError

STREAM = ("content-type", "application/connect+proto")


def parts(response):
    """Return the texts of the messages, and the end-stream message."""
    assert response.status == 200, response
    *messages, (flags, end) = response.envelopes
    assert flags == 2
    return [StringValue.FromString(data).value for _, data in messages], json.loads(end)


def test_a_client_stream_has_one_response(host):
    assert parts(host.stream("Client", ["a", "b"])) == (["a,b"], {})


def test_a_client_stream_may_be_empty(host):
    assert parts(host.stream("Client", [])) == ([""], {})


def test_a_server_stream_has_many_responses(host):
    assert parts(host.stream("Server", ["a,b,c"])) == (["a", "b", "c"], {})


def test_a_bidi_stream_has_many_requests_and_responses(host):
    assert parts(host.stream("Bidi", ["a", "b"])) == (["a", "b"], {})


def test_messages_may_be_json(host, make_request):
    body = struct.pack(">BI", 0, 3) + b'"a"'
    request = make_request(
        "/test.v1.Echo/Bidi", headers=[("content-type", "application/connect+json")], body=body
    )
    response = host.call(host.application(), request)
    assert response.header("content-type") == "application/connect+json"
    assert response.envelopes == [(0, b'"a"'), (2, b"{}")]


def test_messages_may_arrive_in_pieces(host, make_request):
    body = host.envelope("hello") + host.envelope("world")
    chunks = [body[index : index + 1] for index in range(len(body))]
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], chunks=chunks)
    assert parts(host.call(host.application(), request)) == (["hello", "world"], {})


def test_a_handler_sets_headers_and_trailers(host):
    response = host.stream("Bidi", ["metadata"])
    assert response.header("x-header") == "h"
    assert parts(response) == (["metadata"], {"metadata": {"x-trailer": ["t"]}})


def test_an_error_may_follow_messages(host):
    texts, end = parts(host.stream("Server", ["a,fail:aborted,b"]))
    assert texts == ["a"]
    assert end["error"]["code"] == "aborted"
    assert end["metadata"] == {"x-error": ["metadata"]}
    assert host.service.closed == ["server"]


def test_an_unexpected_exception_is_logged_and_hidden(host, caplog):
    texts, end = parts(host.stream("Bidi", ["a", "crash"]))
    assert texts == ["a"]
    assert end == {"error": {"code": "internal", "message": "internal error"}}
    (record,) = caplog.records
    assert "secret-db-password" in caplog.text
    assert (record.rpc_method, record.rpc_protocol) == ("test.v1.Echo/Bidi", "connect")
    assert record.rpc_peer == "127.0.0.1:5000"
    assert host.service.closed == ["bidi"]


def test_the_record_of_several_errors_names_the_call(host, caplog):
    class Failing(type(host.service)):
        def bidi(self, requests, ctx):
            errors = [ConnectError(Code.ABORTED, name) for name in "ab"]
            raise ExceptionGroup("two", errors)

    host.service = Failing()
    parts(host.stream("Bidi", ["a"]))
    (record,) = caplog.records
    assert (
        record.getMessage() == "test.v1.Echo/Bidi failed with 2 errors; the client gets the first"
    )
    assert (record.rpc_method, record.rpc_protocol) == ("test.v1.Echo/Bidi", "connect")
    assert record.rpc_peer == "127.0.0.1:5000"


@pytest.mark.parametrize("texts", [[], ["a", "b"]])
def test_a_server_stream_takes_exactly_one_request(host, texts):
    assert parts(host.stream("Server", texts))[1]["error"]["code"] == "unimplemented"


@pytest.mark.parametrize("name", ["Client", "Server", "Bidi"])
@pytest.mark.parametrize("body", [b"\0\0", b"\0\0\0\0\7abc", b"\2\0\0\0\0", b"\0\0\0\0\1\xff"])
def test_a_malformed_stream_is_an_invalid_argument(host, make_request, name, body):
    request = make_request(f"/test.v1.Echo/{name}", headers=[STREAM], body=body)
    _, end = parts(host.call(host.application(), request))
    assert end["error"]["code"] == "invalid_argument"


def test_messages_before_a_malformed_one_get_responses(host, make_request):
    body = host.envelope("a") + b"\0\0\0\0\1\xff"
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], body=body)
    texts, end = parts(host.call(host.application(), request))
    assert texts == ["a"]
    assert end["error"]["code"] == "invalid_argument"


def test_a_message_beyond_the_limit_is_refused_when_its_prefix_arrives(host, make_request):
    body = struct.pack(">BI", 0, 2**32 - 1)
    request = make_request("/test.v1.Echo/Bidi", headers=[STREAM], body=body)
    _, end = parts(host.call(host.application(), request))
    assert end["error"]["code"] == "resource_exhausted"


def test_a_stream_refuses_the_content_type_of_unary_calls(host, make_request):
    request = make_request("/test.v1.Echo/Bidi", headers=[("content-type", "application/proto")])
    response = host.call(host.application(), request)
    assert response.status == 415
    accepted = response.header("accept-post").split(", ")
    assert accepted[:2] == ["application/connect+proto", "application/connect+json"]


def test_an_unknown_compression_is_unimplemented(host):
    response = host.stream("Bidi", ["a"], ("connect-content-encoding", "lzma"))
    assert parts(response)[1]["error"]["code"] == "unimplemented"


@pytest.mark.parametrize("compression", ["gzip", "br", "zstd"])
def test_messages_are_compressed_in_both_directions(host, make_request, compression):
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
    response = host.call(host.application(), request)
    assert response.header("connect-content-encoding") == compression
    (flags, first), _ = response.envelopes
    assert flags == 1
    assert codec.decompress(first, None) == message
