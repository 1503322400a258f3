"""Interceptors of applications, async and sync."""

import json

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import JsonCodec
from connectrpc_server import (
    ASGIApplication,
    Code,
    ConnectError,
    ContextKey,
    Handler,
    HandlerSync,
    Method,
    MethodKind,
    WSGIApplication,
)

SERVER = Method(
    service="test.v1.Echo",
    name="Server",
    kind=MethodKind.SERVER_STREAM,
    request=StringValue,
    response=StringValue,
)

LOG = ContextKey[list[str]]("log")


class Named:
    """Every kind of async interceptor. Each adds its name to requests and responses."""

    def __init__(self, name):
        self.name = name

    async def intercept_unary(self, call_next, request, ctx):
        request.value += self.name
        response = await call_next(request, ctx)
        response.value += self.name.upper()
        return response

    async def intercept_client_stream(self, call_next, requests, ctx):
        response = await call_next(self._changed(requests), ctx)
        response.value += self.name.upper()
        return response

    async def _changed(self, requests):
        async for request in requests:
            request.value += self.name
            yield request

    async def intercept_server_stream(self, call_next, request, ctx):
        request.value += self.name
        async for response in call_next(request, ctx):
            response.value += self.name.upper()
            yield response

    async def intercept_bidi_stream(self, call_next, requests, ctx):
        async for response in call_next(self._changed(requests), ctx):
            response.value += self.name.upper()
            yield response


class NamedSync:
    """The sync version of `Named`."""

    def __init__(self, name):
        self.name = name

    def intercept_unary_sync(self, call_next, request, ctx):
        request.value += self.name
        response = call_next(request, ctx)
        response.value += self.name.upper()
        return response

    def intercept_client_stream_sync(self, call_next, requests, ctx):
        response = call_next(self._changed(requests), ctx)
        response.value += self.name.upper()
        return response

    def _changed(self, requests):
        for request in requests:
            request.value += self.name
            yield request

    def intercept_server_stream_sync(self, call_next, request, ctx):
        request.value += self.name
        for response in call_next(request, ctx):
            response.value += self.name.upper()
            yield response

    def intercept_bidi_stream_sync(self, call_next, requests, ctx):
        for response in call_next(self._changed(requests), ctx):
            response.value += self.name.upper()
            yield response


def named(host, *names):
    return [(Named if host.kind == "asgi" else NamedSync)(name) for name in names]


def test_the_first_interceptor_is_the_outermost_of_unary_calls(host):
    response = host.unary("-", interceptors=named(host, "a", "b"))
    assert StringValue.FromString(response.body).value == "-abBA"


@pytest.mark.parametrize("name", ["Client", "Server", "Bidi"])
def test_the_first_interceptor_is_the_outermost_of_streams(host, name):
    response = host.stream(name, ["-"], interceptors=named(host, "a", "b"))
    assert StringValue.FromString(response.envelopes[0][1]).value == "-abBA"


class Guard:
    """An async and sync metadata interceptor that requires a token and records its calls."""

    def __init__(self):
        self.seen = []

    def on_start_sync(self, ctx):
        self.seen.append(f"start {ctx.method.name}")
        if ctx.request_headers.get("authorization") != "secret":
            raise ConnectError(Code.UNAUTHENTICATED, "who are you?")
        ctx.set(LOG, self.seen)
        return "token"

    def on_end_sync(self, token, ctx, error):
        self.seen.append(f"end {token} {type(error).__name__}")
        ctx.response_trailers["x-guard"] = "seen"

    async def on_start(self, ctx):
        return self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


def test_on_start_can_refuse_a_call_before_its_body_is_read(host, make_request):
    guard = Guard()
    request = make_request(headers=[("content-type", "application/proto")], chunks=[b"a"] * 3)
    response = host.call(host.application(interceptors=[guard], read_max_bytes=1), request)
    assert response.status == 401
    assert guard.seen == ["start Unary"]


def test_on_start_can_refuse_a_stream(host):
    response = host.stream("Bidi", ["a"], interceptors=[Guard()])
    ((_, end),) = response.envelopes
    assert json.loads(end)["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("text", ["hi", "fail:aborted", "crash"])
def test_on_end_gets_the_error_of_a_unary_call(host, text):
    guard = Guard()
    response = host.unary(text, ("authorization", "secret"), interceptors=[guard])
    error = {"hi": "NoneType", "fail:aborted": "ConnectError", "crash": "RuntimeError"}[text]
    assert guard.seen == ["start Unary", f"end token {error}"]
    assert response.header("trailer-x-guard") == "seen"


def test_on_end_gets_the_error_of_a_stream(host):
    guard = Guard()
    headers = ("authorization", "secret")
    host.stream("Server", ["a,fail:aborted"], headers, interceptors=[guard])
    assert guard.seen == ["start Server", "end token ConnectError"]


def test_on_end_gets_the_error_of_a_response_that_cannot_be_sent(host):
    guard = Guard()
    headers = ("authorization", "secret")
    response = host.unary("a" * 200, headers, interceptors=[guard], send_max_bytes=100)
    assert response.status == 429
    assert guard.seen == ["start Unary", "end token ConnectError"]


def test_an_unusable_interceptor_is_a_type_error(host):
    for interceptor in (object(), Guard, "guard"):
        with pytest.raises(TypeError):
            host.application(interceptors=[interceptor])


def test_an_interceptor_of_the_other_interface_is_a_type_error(host):
    wrong = (NamedSync if host.kind == "asgi" else Named)("a")
    with pytest.raises(TypeError, match="interceptor"):
        host.application(interceptors=[wrong])


class UnaryOnly:
    async def intercept_unary(self, call_next, request, ctx): ...
    def intercept_unary_sync(self, call_next, request, ctx): ...


class Streams(ASGIApplication):
    service_name = "test.v1.Echo"

    def handlers(self, service):
        return [Handler.server_stream(SERVER, service.server)]


class StreamsSync(WSGIApplication):
    service_name = "test.v1.Echo"

    def handlers(self, service):
        return [HandlerSync.server_stream(SERVER, service.server)]


def test_an_interceptor_that_no_method_reaches_is_a_type_error(host):
    streams = Streams if host.kind == "asgi" else StreamsSync
    with pytest.raises(TypeError) as caught:
        streams(host.service, interceptors=[UnaryOnly()])
    text = "UnaryOnly would never be called: all methods of test.v1.Echo are server stream;"
    assert text in str(caught.value)


def test_the_methods_of_a_service_that_starts_later_are_known_before():
    async def service():
        yield None

    with pytest.raises(TypeError, match="UnaryOnly would never be called"):
        Streams(service(), interceptors=[UnaryOnly()])


def test_one_interceptor_instead_of_a_list_is_a_type_error(host):
    for given in (Guard(), Guard):
        with pytest.raises(TypeError, match=r"interceptors must be a list: interceptors=\[Guard\("):
            host.application(interceptors=given)
    with pytest.raises(TypeError, match="interceptors must be a list"):
        host.application(interceptors=None)


def test_one_value_instead_of_a_list_is_a_type_error(host):
    with pytest.raises(TypeError, match=r"codecs must be a list: codecs=\[JsonCodec\(\)\]"):
        host.application(codecs=JsonCodec())
    with pytest.raises(TypeError, match=r"compressions must be a list: compressions=\['gzip'\]"):
        host.application(compressions="gzip")
