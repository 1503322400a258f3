"""Calls that end with HTTP trailers, over ASGI, in a protocol that only this test has."""

import asyncio
import logging

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import RequestContext
from connectrpc_protocol.http import End, Head, HttpResponse
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.server import ServerMethod
from connectrpc_server import Code, ConnectError, Method, MethodKind
from connectrpc_server._asgi.endpoint import StreamEndpoint, UnaryEndpoint

STATUS = [(b"test-status", b"ok")]


class Call:
    """A unary call and a call with streams in one. Its messages are bytes of StringValue."""

    needs_trailers = True
    has_body = True
    read_limit = None

    def __init__(self, context):
        self.context = context

    def request(self, body):
        return StringValue.FromString(body)

    def encode(self, message):
        return message.SerializeToString()

    def response(self, body):
        return HttpResponse(200, [], body, STATUS)

    def failure(self, exc):
        assert isinstance(exc, ConnectError)
        return HttpResponse(200, [(b"test-status", exc.code.value.encode())], exc.message.encode())

    def feed(self, chunk):
        return iter([self.request(chunk)] if chunk else [])

    def feed_end(self):
        pass

    def head(self):
        return Head(200, [], has_trailers=True)

    message = encode

    def end(self, exc=None):
        if exc is not None:
            assert isinstance(exc, ConnectError)
            return End(b"", [(b"test-status", exc.code.value.encode())])
        return End(b"", STATUS)


def server_method(service):
    method = Method(
        service=service,
        name="Say",
        kind=MethodKind.BIDI_STREAM,
        request=StringValue,
        response=StringValue,
    )

    def begin(headers, fields, query, peer):
        return Call(RequestContext(method, "test-protocol", "POST", headers, None, peer))

    return ServerMethod({b"application/test": begin}, None)


def unary(service="test.v1.Trailers"):
    async def say(request, ctx):
        if request.value == "fail":
            raise ConnectError(Code.ABORTED, "as asked")
        return request

    return UnaryEndpoint(server_method(service), say, InterceptorChain([])).handle


def stream(service="test.v1.Trailers"):
    async def responses(requests):
        async for request in requests:
            if request.value == "fail":
                raise ConnectError(Code.ABORTED, "as asked")
            yield request

    async def say(requests, ctx):
        return responses(requests)

    return StreamEndpoint(server_method(service), say, InterceptorChain([])).handle


def call(endpoint, *texts, extensions, **more):
    """Make a call, and return the events of its response."""
    bodies = [StringValue(value=text).SerializeToString() for text in texts] or [b""]
    events = [
        {"type": "http.request", "body": body, "more_body": index + 1 < len(bodies)}
        for index, body in enumerate(bodies)
    ]
    sent = []

    async def receive():
        if events:
            return events.pop(0)
        return await asyncio.Event().wait()

    async def send(event):
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "query_string": b"",
        "headers": [(b"content-type", b"application/test")],
        "extensions": extensions,
        **more,
    }
    asyncio.run(asyncio.wait_for(endpoint(scope, receive, send), 30))
    return sent


HAS_TRAILERS = {"http.response.trailers": {}}


def refused():
    """Return the endpoint of a method that refuses every request."""
    response = HttpResponse(200, [(b"x-header", b"h")], b"", STATUS)
    method = ServerMethod({b"application/test": lambda *_: response}, None)
    return StreamEndpoint(method, None, InterceptorChain([])).handle


def test_a_refusal_has_its_trailers():
    start, _, trailers = call(refused(), "hello", extensions=HAS_TRAILERS)
    assert start["headers"] == [(b"x-header", b"h")]
    assert trailers["headers"] == STATUS


def test_trailers_of_a_refusal_become_headers():
    start, _ = call(refused(), "hello", extensions={})
    assert list(start["headers"]) == [(b"x-header", b"h"), *STATUS]
    assert not start["trailers"]


@pytest.mark.parametrize("endpoint", [unary(), stream()])
def test_trailers_follow_the_body(endpoint):
    start, *bodies, trailers = call(endpoint, "hello", extensions=HAS_TRAILERS)
    assert start["trailers"] is True
    assert (
        b"".join(event["body"] for event in bodies)
        == StringValue(value="hello").SerializeToString()
    )
    assert not bodies[-1].get("more_body", False)
    assert trailers == {"type": "http.response.trailers", "headers": STATUS}


def test_a_failed_unary_call_does_not_need_trailers():
    start, body = call(unary(), "fail", extensions=HAS_TRAILERS)
    assert start["headers"] == [(b"test-status", b"aborted")]
    assert not start.get("trailers", False)
    assert body["body"] == b"as asked"


def test_a_stream_that_fails_before_its_head_does_not_need_trailers():
    start, _ = call(stream(), "fail", extensions=HAS_TRAILERS)
    assert start["headers"] == [(b"test-status", b"aborted")]
    assert not start["trailers"]


def test_a_stream_that_fails_after_its_head_ends_with_trailers():
    start, *_, trailers = call(stream(), "hello", "fail", extensions=HAS_TRAILERS)
    assert start["trailers"] is True
    assert trailers["headers"] == [(b"test-status", b"aborted")]


@pytest.mark.parametrize("make", [unary, stream])
@pytest.mark.parametrize("extensions", [None, {}, {"http.response.push": {}}])
def test_a_server_without_trailers_refuses_the_call_and_logs_once(
    make, extensions, caplog, request
):
    endpoint = make(request.node.name)
    for _ in range(3):
        start, *bodies = call(endpoint, "hello", extensions=extensions)
        assert start["headers"] == [(b"test-status", b"unimplemented")]
        assert not start["trailers"]
        text = b"".join(event["body"] for event in bodies)
        assert text == (
            b"test-protocol needs HTTP trailers, which this server does not send over HTTP/1.1: "
            b"use Connect or gRPC-Web, or HTTP/2 on uvicorn --http zttp --http2, Hypercorn "
            b"or pyvoy"
        )
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith(f"{request.node.name}: test-protocol needs HTTP trailers")


HYPERCORN = {"asgi": {"version": "3.0", "spec_version": "2.1"}}


@pytest.mark.parametrize("endpoint", [unary(), stream()])
def test_hypercorn_does_not_send_trailers_over_http3(endpoint):
    start, *bodies = call(endpoint, "hello", extensions=HAS_TRAILERS, http_version="3", **HYPERCORN)
    assert start["headers"] == [(b"test-status", b"unimplemented")]
    text = b"".join(event["body"] for event in bodies)
    assert b"which this server does not send over HTTP/3: use" in text


@pytest.mark.parametrize("scope", [{"http_version": "3"}, {"http_version": "2", **HYPERCORN}])
def test_other_servers_and_versions_send_trailers(scope):
    *_, trailers = call(unary(), "hello", extensions=HAS_TRAILERS, **scope)
    assert trailers["headers"] == STATUS


def test_trailers_of_a_refusal_become_headers_on_hypercorn_over_http3():
    start, _ = call(refused(), "hello", extensions=HAS_TRAILERS, http_version="3", **HYPERCORN)
    assert list(start["headers"]) == [(b"x-header", b"h"), *STATUS]
