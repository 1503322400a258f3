"""Response headers and trailers: names that cannot be set, and headers that are set too late."""

import base64
import json

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import Code, ConnectError, Headers

STREAMS = ["Client", "Server", "Bidi"]
LATE = "the response headers have been sent: set them before the first response message, or use"

each_protocol = pytest.mark.parametrize("protocol", ["connect", "grpc-web", "grpc-web-text"])
each_stream = pytest.mark.parametrize("name", STREAMS)

CHANGES = {
    "set": lambda headers: headers.__setitem__("x-late", "1"),
    "add": lambda headers: headers.add("x-late", "1"),
    "add_binary": lambda headers: headers.add_binary("x-late-bin", b"1"),
    "update": lambda headers: headers.update({"x-late": "1"}),
    "setdefault": lambda headers: headers.setdefault("x-late", "1"),
    "delete": lambda headers: headers.__delitem__("x-early"),
    "pop": lambda headers: headers.pop("x-early"),
    "clear": lambda headers: headers.clear(),
}


class Script:
    """A service whose handlers run one function before the first response, and one after it."""

    def __init__(self, before=lambda ctx: None, after=lambda ctx: None):
        self.before, self.after = before, after
        self.errors = []

    def run(self, function, ctx):
        try:
            function(ctx)
        except Exception as error:
            self.errors.append(error)
            raise


class AsyncScript(Script):
    async def unary(self, request, ctx):
        self.run(self.before, ctx)
        return StringValue(value="a")

    async def client(self, requests, ctx):
        async for _ in requests:
            pass
        return await self.unary(None, ctx)

    async def server(self, request, ctx):
        self.run(self.before, ctx)
        yield StringValue(value="a")
        self.run(self.after, ctx)

    async def bidi(self, requests, ctx):
        async for request in requests:
            async for response in self.server(request, ctx):
                yield response


class SyncScript(Script):
    def unary(self, request, ctx):
        self.run(self.before, ctx)
        return StringValue(value="a")

    def client(self, requests, ctx):
        list(requests)
        return self.unary(None, ctx)

    def server(self, request, ctx):
        self.run(self.before, ctx)
        yield StringValue(value="a")
        self.run(self.after, ctx)

    def bidi(self, requests, ctx):
        for request in requests:
            yield from self.server(request, ctx)


class Around:
    """A metadata interceptor with a function for its end, and a function for its start."""

    def __init__(self, start=lambda ctx: None, end=lambda ctx: None):
        self.start, self.end = start, end
        self.errors = []

    def run(self, function, ctx):
        try:
            function(ctx)
        except Exception as error:
            self.errors.append(error)
            raise

    def on_start_sync(self, ctx):
        self.run(self.start, ctx)

    def on_end_sync(self, token, ctx, error):
        self.run(self.end, ctx)

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


def set_service(host, **functions):
    host.service = (AsyncScript if host.kind == "asgi" else SyncScript)(**functions)
    return host.service


def call(host, make_request, protocol, name, **options):
    """Call a method with one request."""
    is_unary = name == "Unary"
    if protocol == "connect":
        content_type = "application/proto" if is_unary else "application/connect+proto"
        body = StringValue(value="hi").SerializeToString() if is_unary else host.envelope("hi")
    else:
        content_type = f"application/{protocol}"
        body = host.envelope("hi")
        body = base64.b64encode(body) if protocol == "grpc-web-text" else body
    request = make_request(
        f"/test.v1.Echo/{name}", headers=[("content-type", content_type)], body=body
    )
    return host.call(host.application(**options), request)


def parts(response, protocol):
    """Return the number of messages and the end of a stream, as text."""
    if protocol == "grpc-web-text":
        quanta = [response.body[start : start + 4] for start in range(0, len(response.body), 4)]
        response.body = b"".join(base64.b64decode(each) for each in quanta)
    messages = [data for flags, data in response.envelopes if flags == 0]
    ends = [data for flags, data in response.envelopes if flags != 0]
    return len(messages), b"".join(ends).decode()


@each_protocol
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["Server", "Bidi"])
def test_a_response_header_that_is_set_too_late(host, make_request, caplog, protocol, name, change):
    service = set_service(
        host,
        before=lambda ctx: ctx.response_headers.add("x-early", "1"),
        after=lambda ctx: CHANGES[change](ctx.response_headers),
    )
    response = call(host, make_request, protocol, name)
    count, end = parts(response, protocol)
    assert (response.header("x-early"), response.header("x-late"), count) == ("1", None, 1)
    assert ("internal" in end) if protocol == "connect" else ("grpc-status: 13" in end)
    (error,) = service.errors
    assert isinstance(error, RuntimeError)
    assert str(error).startswith(LATE)
    assert LATE in caplog.text
    assert f"test.v1.Echo/{name}" in caplog.text


@each_protocol
def test_response_headers_that_are_used_for_the_first_time_too_late(host, make_request, protocol):
    service = set_service(host, after=lambda ctx: ctx.response_headers.__setitem__("x-late", "1"))
    count, _ = parts(call(host, make_request, protocol, "Server"), protocol)
    assert count == 1
    assert [str(error)[: len(LATE)] for error in service.errors] == [LATE]


@each_protocol
@pytest.mark.parametrize("name", ["Server", "Bidi"])
def test_trailers_can_be_set_until_the_end(host, make_request, protocol, name):
    def trailer(key):
        return lambda ctx: ctx.response_trailers.add(key, str(dict(ctx.response_headers)))

    service = set_service(host, before=trailer("x-before"), after=trailer("x-after"))
    around = Around(end=trailer("x-end"))
    response = call(host, make_request, protocol, name, interceptors=[around])
    count, end = parts(response, protocol)
    assert (count, service.errors, around.errors) == (1, [], [])
    assert all(key in end for key in ("x-before", "x-after", "x-end"))


@each_protocol
@each_stream
def test_a_metadata_interceptor_that_sets_a_header_at_the_end_of_a_stream(
    host, make_request, caplog, protocol, name
):
    set_service(host)
    around = Around(
        start=lambda ctx: ctx.response_headers.add("x-early", "1"),
        end=lambda ctx: ctx.response_headers.add("x-late", "1"),
    )
    response = call(host, make_request, protocol, name, interceptors=[around])
    count, end = parts(response, protocol)
    assert (response.header("x-early"), count) == ("1", 1)
    assert ("internal" in end) if protocol == "connect" else ("grpc-status: 13" in end)
    assert [type(error) for error in around.errors] == [RuntimeError]
    assert LATE in caplog.text


def test_headers_of_a_stream_without_messages_can_be_set_until_the_end(host, make_request):
    around = Around(end=lambda ctx: ctx.response_headers.add("x-end", "1"))
    request = make_request(
        "/test.v1.Echo/Bidi", headers=[("content-type", "application/connect+proto")]
    )
    response = host.call(host.application(interceptors=[around]), request)
    assert (response.header("x-end"), around.errors) == ("1", [])


@each_protocol
def test_headers_of_a_unary_call_can_be_set_until_the_end(host, make_request, protocol):
    set_service(host, before=lambda ctx: ctx.response_headers.add("x-handler", "1"))
    around = Around(end=lambda ctx: ctx.response_headers.add("x-end", "1"))
    response = call(host, make_request, protocol, "Unary", interceptors=[around])
    assert (response.header("x-handler"), response.header("x-end")) == ("1", "1")


@each_protocol
@pytest.mark.parametrize("place", ["response_headers", "response_trailers"])
@pytest.mark.parametrize("name", ["Unary", *STREAMS])
@pytest.mark.parametrize("key", ["Content-Type", "grpc-status", "transfer-encoding", "TE"])
def test_a_reserved_name_is_a_value_error_in_the_handler(
    host, make_request, caplog, protocol, name, place, key
):
    service = set_service(host, before=lambda ctx: getattr(ctx, place).add(key, "1"))
    response = call(host, make_request, protocol, name)
    (error,) = service.errors
    assert isinstance(error, ValueError)
    kind = place.replace("_", " ").removesuffix("s")
    assert str(error).startswith(f"the {kind} '{key.lower()}' cannot be set: ")
    assert str(error) in caplog.text
    assert f"test.v1.Echo/{name}" in caplog.text
    if protocol == "connect" and name == "Unary":
        assert (response.status, json.loads(response.body)["code"]) == (500, "internal")
    else:
        count, end = parts(response, protocol)
        assert count == 0
        assert ("internal" in end) if protocol == "connect" else ("grpc-status: 13" in end)


def test_a_reserved_name_is_a_value_error_in_an_interceptor(host):
    around = Around(start=lambda ctx: ctx.response_headers.__setitem__("server", "mine"))
    assert host.unary(interceptors=[around]).status == 500
    (error,) = around.errors
    assert "'server' cannot be set: the HTTP server sets it" in str(error)


def test_a_reserved_name_in_the_metadata_of_an_error_is_a_value_error():
    with pytest.raises(ValueError, match="the error's metadata 'content-type' cannot be set"):
        ConnectError(Code.ABORTED, metadata={"content-type": "text/plain"})


def test_the_error_of_another_call_can_be_raised(host, make_request):
    received = Headers({"content-type": "text/plain", "x-a": "1"})

    def fail(ctx):
        raise ConnectError(Code.ABORTED, "again", metadata=received)

    set_service(host, before=fail)
    response = call(host, make_request, "connect", "Unary")
    assert json.loads(response.body)["code"] == "aborted"
    assert (response.header("x-a"), response.header("content-type")) == ("1", "application/json")
