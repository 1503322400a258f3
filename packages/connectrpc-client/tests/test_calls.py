"""The requests that clients send, and how they read responses: async and sync."""

import base64
import gzip
import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from connectrpc_client import Code, ConnectError

REQUESTS = [StringValue(value="a"), StringValue(value="b")]
KINDS = [("unary", "a"), ("client", REQUESTS), ("server", "a"), ("bidi", REQUESTS)]


def code_of(caller, name="unary", argument="a", **options):
    with pytest.raises(ConnectError) as caught:
        caller.call(name, argument, **options)
    return caught.value.code


def test_unary_request(caller, server):
    output = caller.call("unary", "hi", headers={"x-in": ["1", "2"]})
    assert output.message.value == "ok"
    (request,) = server.requests
    assert request.method == "POST"
    assert request.url == "http://test/test.v1.Echo/Unary"
    assert request.headers["content-type"] == "application/proto"
    assert request.headers["connect-protocol-version"] == "1"
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers.get_list("x-in") == ["1", "2"]
    assert "connect-timeout-ms" not in request.headers
    assert "content-encoding" not in request.headers
    assert StringValue.FromString(request.content).value == "hi"


@pytest.mark.parametrize("base_url", ["http://test/api", "http://test/api/"])
def test_base_url_with_a_path(caller, server, base_url):
    caller.call("unary", "hi", client=caller.make(base_url))
    assert server.requests[0].url == "http://test/api/test.v1.Echo/Unary"


class SetsHeadersOfTheProtocol:
    def on_start_sync(self, ctx):
        ctx.request_headers["Content-Type"] = "text/plain"
        ctx.request_headers["connect-timeout-ms"] = "x"

    def on_end_sync(self, token, ctx, error): ...

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error): ...


def test_protocol_headers_are_not_metadata(caller, server):
    with pytest.raises(ValueError, match="'content-type' cannot be set: use the client's options"):
        caller.call("unary", "hi", interceptors=[SetsHeadersOfTheProtocol()])
    assert server.requests == []


def test_headers_and_trailers(caller, server):
    server.handler = server.unary("ok", x_out="h", trailer_x_end="t")
    output = caller.call("unary", "hi")
    assert output.headers["x-out"] == "h"
    assert output.trailers["x-end"] == "t"
    assert "trailer-x-end" not in output.headers


def test_json(caller, server):
    server.handler = server.respond(200, "application/json; charset=utf-8", b'"ok"')
    assert caller.call("unary", "hi", codec="json").message.value == "ok"
    assert server.requests[0].content == b'"hi"'


def test_client_stream(caller, server):
    server.handler = server.stream("ok", end=b'{"metadata": {"X-End": ["t"]}}', x_out="h")
    output = caller.call("client", REQUESTS)
    assert output.message.value == "ok"
    assert (output.headers["x-out"], output.trailers["x-end"]) == ("h", "t")
    (request,) = server.requests
    assert request.content == b"\0\0\0\0\3\n\1a\0\0\0\0\3\n\1b"
    assert request.headers["content-type"] == "application/connect+proto"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["connect-accept-encoding"] == "gzip"


def test_server_stream(caller, server):
    server.handler = server.stream("x", "y", end=b'{"metadata": {"x-end": ["t"]}}', x_out="h")
    texts, headers, trailers = caller.call("server", "a")
    assert texts == ["x", "y"]
    assert (headers["x-out"], trailers["x-end"]) == ("h", "t")
    assert server.requests[0].content == b"\0\0\0\0\3\n\1a"


def test_bidi_stream(caller, server):
    server.handler = server.stream("x", "y")
    assert caller.call("bidi", REQUESTS)[0] == ["x", "y"]
    assert server.requests[0].content == b"\0\0\0\0\3\n\1a\0\0\0\0\3\n\1b"


class TestGet:
    def query(self, server):
        (request,) = server.requests
        assert request.method == "GET"
        assert request.content == b""
        assert "content-type" not in request.headers
        return {k: v for k, (v,) in parse_qs(urlsplit(str(request.url)).query).items()}

    def test_proto(self, caller, server):
        assert caller.call("unary", "hi", use_get=True).message.value == "ok"
        message = base64.urlsafe_b64encode(b"\n\2hi").rstrip(b"=").decode()
        expected = {"connect": "v1", "encoding": "proto", "base64": "1", "message": message}
        assert self.query(server) == expected

    def test_json_is_readable(self, caller, server):
        server.handler = server.respond(200, "application/json", b'"ok"')
        caller.call("unary", "hi there & co", codec="json", use_get=True)
        expected = {"connect": "v1", "encoding": "json", "message": '"hi there & co"'}
        assert self.query(server) == expected

    def test_compressed_urls_are_stable(self, caller, server):
        for _ in range(2):
            options = {"send_compression": "gzip", "compress_min_bytes": 0}
            caller.call("unary", "hi", use_get=True, **options)
        first, second = server.requests
        assert first.url == second.url
        assert "compression=gzip" in str(first.url)

    def test_long_messages_are_posted(self, caller, server):
        caller.call("unary", "a" * 5000, use_get=True)
        assert server.requests[0].method == "POST"

    def test_only_without_side_effects(self, caller):
        with pytest.raises(
            ValueError, match="cannot be called with GET: not declared NO_SIDE_EFFECTS"
        ):
            caller.call("write", "hi", use_get=True)


class TestCompression:
    def test_of_requests(self, caller, server):
        caller.call("unary", "a" * 5000, send_compression="gzip")
        (request,) = server.requests
        assert request.headers["content-encoding"] == "gzip"
        assert StringValue.FromString(gzip.decompress(request.content)).value == "a" * 5000

    def test_not_of_small_requests(self, caller, server):
        caller.call("unary", "a", send_compression="gzip")
        assert "content-encoding" not in server.requests[0].headers

    def test_of_responses(self, caller, server):
        body = gzip.compress(StringValue(value="ok").SerializeToString())
        server.handler = server.respond(200, "application/proto", body, content_encoding="gzip")
        assert caller.call("unary", "hi").message.value == "ok"

    @pytest.mark.parametrize("names", [["br", "zstd", "gzip"], []])
    def test_accepted(self, caller, server, names):
        caller.call("unary", "hi", accept_compression=names)
        assert server.requests[0].headers["accept-encoding"] == (", ".join(names) or "identity")

    def test_that_was_not_offered(self, caller, server):
        server.handler = server.unary("ok", content_encoding="br")
        assert code_of(caller) is Code.INTERNAL

    def test_unknown_name(self, caller):
        with pytest.raises(ValueError, match="unknown compression 'lzma'"):
            caller.make(send_compression="lzma")


ERROR = {
    "code": "not_found",
    "message": "no such user",
    "details": [
        {
            "type": "google.protobuf.Int64Value",
            "value": base64.b64encode(Int64Value(value=7).SerializeToString()).decode(),
        }
    ],
}


class TestErrors:
    def check(self, error):
        assert error.code is Code.NOT_FOUND
        assert error.message == "no such user"
        assert str(error) == "not_found: no such user"
        (detail,) = error.details
        assert detail.unpack(Int64Value).value == 7
        assert error.metadata["x-out"] == "h"
        assert error.metadata["x-end"] == "t"

    def test_unary(self, caller, server):
        body = json.dumps(ERROR).encode()
        server.handler = server.respond(404, "application/json", body, x_out="h", trailer_x_end="t")
        with pytest.raises(ConnectError) as caught:
            caller.call("unary", "hi")
        self.check(caught.value)

    @pytest.mark.parametrize("name", ["client", "server", "bidi"])
    def test_stream(self, caller, server, name):
        end = json.dumps({"error": ERROR, "metadata": {"x-end": ["t"]}}).encode()
        server.handler = server.stream(end=end, x_out="h")
        with pytest.raises(ConnectError) as caught:
            caller.call(name, dict(KINDS)[name])
        self.check(caught.value)

    def test_after_messages(self, caller, server):
        server.handler = server.stream("x", end=b'{"error": {"code": "aborted"}}')
        assert code_of(caller, "server") is Code.ABORTED

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, Code.INTERNAL),
            (401, Code.UNAUTHENTICATED),
            (403, Code.PERMISSION_DENIED),
            (404, Code.UNIMPLEMENTED),
            (429, Code.UNAVAILABLE),
            (503, Code.UNAVAILABLE),
            (302, Code.UNKNOWN),
            (500, Code.UNKNOWN),
        ],
    )
    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_of_something_that_is_not_a_connect_server(
        self, caller, server, status, code, name, argument
    ):
        server.handler = server.respond(status, "text/html", b"<p>no</p>")
        assert code_of(caller, name, argument) is code


class TestMalformedResponses:
    @pytest.mark.parametrize(
        ("content_type", "code"),
        [("text/html", Code.UNKNOWN), ("application/json", Code.INTERNAL), ("", Code.UNKNOWN)],
    )
    def test_content_type(self, caller, server, content_type, code):
        server.handler = server.respond(200, content_type, b"")
        assert code_of(caller) is code

    def test_undecodable_message(self, caller, server):
        server.handler = server.respond(200, "application/proto", b"\xff")
        assert code_of(caller) is Code.INTERNAL

    def test_corrupt_compression(self, caller, server):
        server.handler = server.unary("ok", content_encoding="gzip")
        assert code_of(caller) is Code.INTERNAL

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\0\0",
            b"\0\0\0\0\3\n\1a",
            b"\2\0\0\0\1{",
            b"\2\0\0\0\2[]",
            b'\2\0\0\0\x0e{"metadata": 1}',
            b"\2\0\0\0\2{}\0\0\0\0\0",
            b"\0\0\0\0\1\xff\2\0\0\0\2{}",
            b"\1\0\0\0\0",
            b"\x80\0\0\0\0",
        ],
    )
    @pytest.mark.parametrize("name", ["client", "server", "bidi"])
    def test_stream(self, caller, server, name, body):
        server.handler = server.respond(200, "application/connect+proto", body)
        assert code_of(caller, name, dict(KINDS)[name]) is Code.INTERNAL

    @pytest.mark.parametrize("texts", [[], ["a", "b"]])
    def test_client_stream_has_exactly_one_response(self, caller, server, texts):
        server.handler = server.stream(*texts)
        assert code_of(caller, "client", REQUESTS) is Code.UNIMPLEMENTED


class TestLimits:
    def test_unary(self, caller, server):
        server.handler = server.unary("a" * 200)
        assert code_of(caller, read_max_bytes=100) is Code.RESOURCE_EXHAUSTED
        assert caller.call("unary", "a", read_max_bytes=None).message.value == "a" * 200

    def test_after_decompression(self, caller, server):
        body = gzip.compress(b"a" * 100_000)
        server.handler = server.respond(200, "application/proto", body, content_encoding="gzip")
        assert code_of(caller, read_max_bytes=1000) is Code.RESOURCE_EXHAUSTED

    def test_error_body(self, caller, server):
        server.handler = server.respond(500, "application/json", b"[" * 1000)
        assert code_of(caller, read_max_bytes=100) is Code.RESOURCE_EXHAUSTED

    def test_stream(self, caller, server):
        server.handler = server.stream("a", "b" * 200)
        assert code_of(caller, "server", read_max_bytes=100) is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("name", "argument"), KINDS)
def test_an_error_after_the_deadline_becomes_deadline_exceeded(caller, server, name, argument):
    def end_connection(request):
        time.sleep(0.02)  # longer than the call may take
        raise httpx.RemoteProtocolError("the server has ended the connection")

    server.handler = end_connection
    assert code_of(caller, name, argument, timeout_ms=10) is Code.DEADLINE_EXCEEDED
    assert code_of(caller, name, argument) is Code.UNAVAILABLE
