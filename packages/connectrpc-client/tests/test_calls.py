"""What clients send and how they read answers, async and sync alike."""

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
LONG_REQUESTS = [StringValue(value=letter * 40_000) for letter in "abc"]
lists = pytest.mark.parametrize("requests", [REQUESTS, LONG_REQUESTS], ids=["short", "long"])
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


def test_protocol_headers_are_not_metadata(caller, server):
    caller.call("unary", "hi", headers={"Content-Type": "text/plain", "connect-timeout-ms": "x"})
    assert server.requests[0].headers.get_list("content-type") == ["application/proto"]
    assert "connect-timeout-ms" not in server.requests[0].headers


def test_headers_and_trailers(caller, server):
    server.answer = server.unary("ok", x_out="h", trailer_x_end="t")
    output = caller.call("unary", "hi")
    assert output.headers["x-out"] == "h"
    assert output.trailers["x-end"] == "t"
    assert "trailer-x-end" not in output.headers


def test_json(caller, server):
    server.answer = server.respond(200, "application/json; charset=utf-8", b'"ok"')
    assert caller.call("unary", "hi", codec="json").message.value == "ok"
    assert server.requests[0].content == b'"hi"'


def test_client_stream(caller, server):
    server.answer = server.stream("ok", end=b'{"metadata": {"X-End": ["t"]}}', x_out="h")
    output = caller.call("client", REQUESTS)
    assert output.message.value == "ok"
    assert (output.headers["x-out"], output.trailers["x-end"]) == ("h", "t")
    (request,) = server.requests
    assert request.content == b"\0\0\0\0\3\n\1a\0\0\0\0\3\n\1b"
    assert request.headers["content-type"] == "application/connect+proto"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["connect-accept-encoding"] == "gzip"


def test_server_stream(caller, server):
    server.answer = server.stream("x", "y", end=b'{"metadata": {"x-end": ["t"]}}', x_out="h")
    texts, headers, trailers = caller.call("server", "a")
    assert texts == ["x", "y"]
    assert (headers["x-out"], trailers["x-end"]) == ("h", "t")
    assert server.requests[0].content == b"\0\0\0\0\3\n\1a"


def test_bidi_stream(caller, server):
    server.answer = server.stream("x", "y")
    assert caller.call("bidi", REQUESTS)[0] == ["x", "y"]
    assert server.requests[0].content == b"\0\0\0\0\3\n\1a\0\0\0\0\3\n\1b"


class TestRequestBodies:
    """What the body of a stream of requests is made of."""

    def body(self, caller, server, requests, **options):
        server.answer = server.stream("x", "y")
        caller.call("bidi", requests, **options)
        return self.bodies(server)[-1]

    def bodies(self, server):
        return [
            (request.content, request.headers.get("content-length")) for request in server.requests
        ]

    @pytest.fixture
    def packed(self, pack):
        return lambda *texts: b"".join(
            pack(StringValue(value=text).SerializeToString()) for text in texts
        )

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_a_list_is_sent_at_once(self, caller, server, packed, kind):
        assert self.body(caller, server, kind(REQUESTS)) == (packed("a", "b"), "16")

    def test_an_empty_list(self, caller, server):
        assert self.body(caller, server, []) == (b"", "0")

    def test_an_iterator_is_sent_in_pieces(self, caller, server, packed):
        assert self.body(caller, server, iter(REQUESTS)) == (packed("a", "b"), None)

    def test_a_long_list_is_sent_in_pieces(self, caller, server, packed):
        expected = packed("a" * 40_000, "b" * 40_000, "c" * 40_000)
        assert self.body(caller, server, LONG_REQUESTS) == (expected, None)

    def test_one_long_message_has_a_length(self, caller, server):
        content, length = self.body(caller, server, [StringValue(value="a" * 100_000)])
        assert length == str(len(content))

    def test_messages_are_compressed(self, caller, server):
        content, length = self.body(
            caller, server, LONG_REQUESTS, send_compression="gzip", compress_min_bytes=0
        )
        assert length == str(len(content))
        assert len(content) < 1000

    def test_a_message_that_cannot_be_encoded(self, caller, server):
        with pytest.raises(TypeError):
            self.body(caller, server, [StringValue(value="a"), "b"])
        assert server.requests == []

    def test_a_list_with_a_way_of_its_own(self, caller, server, packed):
        class Doubling(list):
            def __iter__(self):
                for message in super().__iter__():
                    yield from (message, message)

        content, _ = self.body(caller, server, Doubling(REQUESTS))
        assert content == packed("a", "a", "b", "b")

    @lists
    def test_interceptors_may_take_from_a_list(self, caller, server, packed, requests):
        class Takes:
            async def intercept_bidi_stream(self, call_next, requests, ctx):
                await anext(requests)
                async for response in call_next(requests, ctx):
                    yield response

        class TakesSync:
            def intercept_bidi_stream_sync(self, call_next, requests, ctx):
                next(requests)
                yield from call_next(requests, ctx)

        interceptor = Takes() if caller.is_async else TakesSync()
        content, _ = self.body(caller, server, requests, interceptors=[interceptor])
        assert content == packed(*[each.value for each in requests[1:]])

    @lists
    def test_a_list_can_be_sent_again(self, caller, server, packed, requests):
        class Retries:
            async def intercept_bidi_stream(self, call_next, requests, ctx):
                async for _ in call_next(requests, ctx):
                    pass
                async for response in call_next(requests, ctx):
                    yield response

        class RetriesSync:
            def intercept_bidi_stream_sync(self, call_next, requests, ctx):
                list(call_next(requests, ctx))
                yield from call_next(requests, ctx)

        interceptor = Retries() if caller.is_async else RetriesSync()
        self.body(caller, server, requests, interceptors=[interceptor])
        first, second = self.bodies(server)
        assert first == second
        assert second[0] == packed(*[each.value for each in requests])


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
        server.answer = server.respond(200, "application/json", b'"ok"')
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

    def test_of_answers(self, caller, server):
        body = gzip.compress(StringValue(value="ok").SerializeToString())
        server.answer = server.respond(200, "application/proto", body, content_encoding="gzip")
        assert caller.call("unary", "hi").message.value == "ok"

    @pytest.mark.parametrize("names", [["br", "zstd", "gzip"], []])
    def test_accepted(self, caller, server, names):
        caller.call("unary", "hi", accept_compression=names)
        assert server.requests[0].headers["accept-encoding"] == (", ".join(names) or "identity")

    def test_that_was_not_offered(self, caller, server):
        server.answer = server.unary("ok", content_encoding="br")
        assert code_of(caller) is Code.INTERNAL

    def test_unknown_name(self, caller):
        with pytest.raises(ValueError, match="unknown compression 'lzma'"):
            caller.make(send_compression="lzma")


ERROR = {
    "code": "not_found",
    "message": "nobody",
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
        assert error.message == "nobody"
        assert str(error) == "not_found: nobody"
        (detail,) = error.details
        assert detail.unpack(Int64Value).value == 7
        assert error.metadata["x-out"] == "h"
        assert error.metadata["x-end"] == "t"

    def test_unary(self, caller, server):
        body = json.dumps(ERROR).encode()
        server.answer = server.respond(404, "application/json", body, x_out="h", trailer_x_end="t")
        with pytest.raises(ConnectError) as caught:
            caller.call("unary", "hi")
        self.check(caught.value)

    @pytest.mark.parametrize("name", ["client", "server", "bidi"])
    def test_stream(self, caller, server, name):
        end = json.dumps({"error": ERROR, "metadata": {"x-end": ["t"]}}).encode()
        server.answer = server.stream(end=end, x_out="h")
        with pytest.raises(ConnectError) as caught:
            caller.call(name, dict(KINDS)[name])
        self.check(caught.value)

    def test_after_messages(self, caller, server):
        server.answer = server.stream("x", end=b'{"error": {"code": "aborted"}}')
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
    def test_of_something_that_is_no_connect_server(
        self, caller, server, status, code, name, argument
    ):
        server.answer = server.respond(status, "text/html", b"<p>no</p>")
        assert code_of(caller, name, argument) is code


class TestMalformedAnswers:
    @pytest.mark.parametrize(
        ("content_type", "code"),
        [("text/html", Code.UNKNOWN), ("application/json", Code.INTERNAL), ("", Code.UNKNOWN)],
    )
    def test_content_type(self, caller, server, content_type, code):
        server.answer = server.respond(200, content_type, b"")
        assert code_of(caller) is code

    def test_undecodable_message(self, caller, server):
        server.answer = server.respond(200, "application/proto", b"\xff")
        assert code_of(caller) is Code.INTERNAL

    def test_corrupt_compression(self, caller, server):
        server.answer = server.unary("ok", content_encoding="gzip")
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
        server.answer = server.respond(200, "application/connect+proto", body)
        assert code_of(caller, name, dict(KINDS)[name]) is Code.INTERNAL

    @pytest.mark.parametrize("texts", [[], ["a", "b"]])
    def test_client_stream_has_exactly_one_response(self, caller, server, texts):
        server.answer = server.stream(*texts)
        assert code_of(caller, "client", REQUESTS) is Code.UNIMPLEMENTED


class TestLimits:
    def test_unary(self, caller, server):
        server.answer = server.unary("a" * 200)
        assert code_of(caller, read_max_bytes=100) is Code.RESOURCE_EXHAUSTED
        assert caller.call("unary", "a", read_max_bytes=None).message.value == "a" * 200

    def test_after_decompression(self, caller, server):
        body = gzip.compress(b"a" * 100_000)
        server.answer = server.respond(200, "application/proto", body, content_encoding="gzip")
        assert code_of(caller, read_max_bytes=1000) is Code.RESOURCE_EXHAUSTED

    def test_error_body(self, caller, server):
        server.answer = server.respond(500, "application/json", b"[" * 1000)
        assert code_of(caller, read_max_bytes=100) is Code.RESOURCE_EXHAUSTED

    def test_stream(self, caller, server):
        server.answer = server.stream("a", "b" * 200)
        assert code_of(caller, "server", read_max_bytes=100) is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("name", "argument"), KINDS)
def test_what_breaks_after_the_deadline_broke_because_of_it(caller, server, name, argument):
    def end_connection(request):
        time.sleep(0.02)  # longer than the call may take
        raise httpx.RemoteProtocolError("the server has ended the connection")

    server.answer = end_connection
    assert code_of(caller, name, argument, timeout_ms=10) is Code.DEADLINE_EXCEEDED
    assert code_of(caller, name, argument) is Code.UNAVAILABLE
