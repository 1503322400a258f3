"""The headers of requests: of a client, of a call, and those that interceptors set."""

import asyncio
import importlib
import json
import socket
import sys
import threading
from contextlib import nullcontext

import pytest
import uvicorn
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Headers
from connectrpc_protocol.header_names import RESERVED

REQUESTS = [StringValue(value="a"), StringValue(value="b")]
KINDS = [("unary", "a"), ("client", REQUESTS), ("server", "a"), ("bidi", REQUESTS)]
OF_CLIENT = [("x-in", "1"), ("x-in", "2"), ("X-Client", "c"), ("user-agent", "client/1")]
OF_CALL = [("X-IN", "3"), ("x-call", "4"), ("x-call", "5")]

each_kind = pytest.mark.parametrize(("name", "argument"), KINDS)
each_protocol = pytest.mark.parametrize("protocol", ["connect", "grpc-web"])


def call(caller, server, name, argument, protocol, client, **options):
    """Make a call and return the headers of its request."""
    if protocol != "connect":
        server.handler = server.respond(200, "application/grpc-web+proto", ONE_RESPONSE)
    elif name != "unary":
        server.handler = server.stream("ok")
    caller.call(name, argument, client=client, **options)
    return server.requests[-1].headers


def read_all(responses):
    """Read a stream of responses, async or sync, to its end."""

    async def read():
        return [response async for response in responses]

    return asyncio.run(read()) if hasattr(responses, "__aiter__") else list(responses)


ONE_RESPONSE = b"\0\0\0\0\4\n\2ok\x80\0\0\0\x10grpc-status: 0\r\n"


@each_kind
@each_protocol
def test_the_headers_of_a_client_are_sent_with_every_call(caller, server, name, argument, protocol):
    client = caller.make(protocol=protocol, headers=OF_CLIENT)
    for _ in range(2):
        sent = call(caller, server, name, argument, protocol, client)
        assert sent.get_list("x-in") == ["1", "2"]
        assert (sent["x-client"], sent.get_list("user-agent")) == ("c", ["client/1"])


@each_kind
@each_protocol
def test_the_headers_of_a_call_replace_those_of_the_client(
    caller, server, name, argument, protocol
):
    client = caller.make(protocol=protocol, headers=OF_CLIENT)
    headers = [*OF_CALL, ("User-Agent", "call/1")]
    sent = call(caller, server, name, argument, protocol, client, headers=headers)
    assert (sent.get_list("x-in"), sent.get_list("x-call")) == (["3"], ["4", "5"])
    assert (sent["x-client"], sent.get_list("user-agent")) == ("c", ["call/1"])
    sent = call(caller, server, name, argument, protocol, client)
    assert (sent.get_list("x-in"), "x-call" in sent) == (["1", "2"], False)


def test_the_headers_of_a_client_are_sent_with_get(caller, server):
    client = caller.make(headers=OF_CLIENT)
    caller.call("unary", "hi", client=client, use_get=True, headers=OF_CALL)
    (request,) = server.requests
    assert (request.method, request.headers["x-client"]) == ("GET", "c")
    assert request.headers.get_list("x-in") == ["3"]


def test_the_headers_of_a_client_are_copied(caller, server):
    given = Headers({"x-in": "1"})
    values = {"x-in": ["1"]}
    clients = [caller.make(headers=each) for each in (given, values, iter([("x-in", "1")]))]
    given.add("x-in", "2")
    values["x-in"].append("2")
    for client in clients:
        for _ in range(2):
            sent = call(caller, server, "unary", "hi", "connect", client)
            assert sent.get_list("x-in") == ["1"]


def interceptor(change):
    """Return a metadata interceptor that changes the headers of each call."""

    class Change:
        async def on_start(self, ctx):
            change(ctx.request_headers)

        async def on_end(self, token, ctx, error):
            pass

        def on_start_sync(self, ctx):
            change(ctx.request_headers)

        def on_end_sync(self, token, ctx, error):
            pass

    return Change()


def test_a_change_by_an_interceptor_holds_for_one_call(caller, server):
    class Once:
        calls = 0

    def change(headers):
        Once.calls += 1
        if Once.calls == 1:
            headers.add("x-in", "2")
            del headers["x-client"]

    options = {"headers": {"x-in": "1", "x-client": "c"}, "interceptors": [interceptor(change)]}
    client = caller.make(**options)
    seen = [call(caller, server, "unary", "hi", "connect", client) for _ in range(2)]
    assert [each.get_list("x-in") for each in seen] == [["1", "2"], ["1"]]
    assert [each.get("x-client") for each in seen] == [None, "c"]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_header_of_a_client_that_it_sets_itself(caller, name):
    for headers in ({name.upper(): "aaaa"}, [("x-a", "1"), (name, "a")], Headers({name: "aaaa"})):
        with pytest.raises(ValueError, match=f"the header '{name}' cannot be set: "):
            caller.make(headers=headers)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-in": "a\r\nx-injected: b"}, ValueError),
        ({"x in": "a"}, ValueError),
        ({":authority": "a"}, ValueError),
        ({"x-a-bin": "not base64"}, ValueError),
        ({"x-in": 1}, TypeError),
    ],
)
def test_a_header_of_a_client_that_http_cannot_carry(caller, headers, error):
    with pytest.raises(error, match="header"):
        caller.make(headers=headers)
    with pytest.raises(error, match="header"):
        caller.call("unary", "hi", headers=headers)


@each_kind
@each_protocol
@pytest.mark.parametrize("key", ["Grpc-Timeout", "content-type", "connection", "te", "host"])
def test_a_reserved_header_that_an_interceptor_sets(caller, server, name, argument, protocol, key):
    for change in (
        lambda headers: headers.__setitem__(key, "1"),
        lambda headers: headers.add(key, "1"),
        lambda headers: headers.update({key: "1"}),
    ):
        client = caller.make(protocol=protocol, interceptors=[interceptor(change)])
        with pytest.raises(ValueError, match=f"the header '{key.lower()}' cannot be set: "):
            caller.call(name, argument, client=client)
    assert server.requests == []


# With real HTTP clients and a real server.


class Reflecting:
    """An ASGI application whose response is the list of the headers of the request, as JSON."""

    async def __call__(self, scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        pairs = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        data = StringValue(value=json.dumps(pairs)).SerializeToString()
        envelope = b"\0" + len(data).to_bytes(4, "big") + data
        content_type = dict(pairs).get("content-type", "application/proto")
        end = b""
        if content_type == "application/proto":
            envelope = data
        elif content_type.startswith("application/connect+"):
            end = b"\2\0\0\0\2{}"
        elif content_type.startswith("application/grpc-web"):
            end = b"\x80\0\0\0\x10grpc-status: 0\r\n"
        trailers = content_type.startswith("application/grpc+")
        headers = [(b"content-type", content_type.encode())]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send({**start, "trailers": trailers})
        await send({"type": "http.response.body", "body": envelope + end})
        if trailers:
            status = [(b"grpc-status", b"0")]
            await send({"type": "http.response.trailers", "headers": status})


@pytest.fixture(scope="module")
def reflecting_url():
    config = uvicorn.Config(
        Reflecting(), log_level="critical", lifespan="off", http="zttp", http2=True
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = server.force_exit = True
        thread.join(30)


def given_client(caller, library, **options):
    if library == "pyqwest":
        pyqwest = importlib.import_module("pyqwest")
        version = pyqwest.HTTPVersion.HTTP2
        if caller.is_async:
            return pyqwest.Client(pyqwest.HTTPTransport(http_version=version))
        return pyqwest.SyncClient(pyqwest.SyncHTTPTransport(http_version=version))
    http = importlib.import_module(library)
    return (http.AsyncClient if caller.is_async else http.Client)(**options)


def closing_of(http_client):
    """Return a context manager that closes a client of httpx; clients of pyqwest do not need it."""
    return http_client if hasattr(http_client, "is_closed") else nullcontext()


def reflected(caller, name, argument, protocol, url, http_client, call_headers, **options):
    """Make a call over HTTP, and return the values of each header that the server received."""
    options |= {"http_client": http_client, "protocol": protocol}

    async def make_call():
        async with closing_of(http_client), caller.make(url, **options) as made:
            return await caller._call_async(made, name, argument, {"headers": call_headers})

    def make_call_sync():
        with closing_of(http_client), caller.make(url, **options) as made:
            return caller.call(name, argument, client=made, headers=call_headers)

    output = asyncio.run(make_call()) if caller.is_async else make_call_sync()
    text = output[0][0] if name in ("server", "bidi") else output.message.value
    values = {}
    for key, value in json.loads(text):
        values.setdefault(key, []).append(value)
    return values


LIBRARIES = ["httpx", "httpx2", "pyqwest", "default httpx", "default pyqwest"]
COMBINATIONS = [
    (library, protocol)
    for library in LIBRARIES
    for protocol in ("connect", "grpc-web", "grpc")
    if protocol != "grpc" or "pyqwest" in library
]


@pytest.mark.parametrize(("library", "protocol"), COMBINATIONS)
@each_kind
def test_headers_over_http(caller, reflecting_url, monkeypatch, library, protocol, name, argument):
    def send(call_headers, **options):
        http_client = None
        if library == "default httpx":
            monkeypatch.setitem(sys.modules, "pyqwest", None)
        elif not library.startswith("default"):
            own = {"headers": {"user-agent": "given/1", "x-in": "given"}}
            http_client = given_client(caller, library, **own)
        return reflected(
            caller, name, argument, protocol, reflecting_url, http_client, call_headers, **options
        )

    default = send(None).get("user-agent", [])
    if library.startswith("default"):
        assert default[0].startswith("connectrpc-client/")
    assert len(default) <= 1
    assert send({"User-Agent": "call/1"})["user-agent"] == ["call/1"]
    of_client = send(None, headers=OF_CLIENT)
    assert (of_client["x-in"], of_client["user-agent"]) == (["1", "2"], ["client/1"])
    of_call = send([*OF_CALL, ("user-agent", "call/1")], headers=OF_CLIENT)
    assert (of_call["x-in"], of_call["x-client"]) == (["3"], ["c"])
    assert (of_call["x-call"], of_call["user-agent"]) == (["4", "5"], ["call/1"])


@pytest.mark.parametrize(("name", "argument"), [("server", "a"), ("bidi", REQUESTS)])
def test_a_stream_sends_the_headers_as_they_were_when_it_was_called(caller, server, name, argument):
    server.handler = server.stream("ok")
    client = caller.make()
    headers = {"x-a": "1"}
    responses = getattr(client, name)(argument, headers=headers)
    headers["x-a"] = "2"
    read_all(responses)
    assert server.requests[-1].headers["x-a"] == "1"


@pytest.mark.parametrize(("name", "argument"), [("server", "a"), ("bidi", REQUESTS)])
def test_a_stream_refuses_headers_and_a_timeout_when_it_is_called(caller, name, argument):
    method = getattr(caller.make(), name)
    with pytest.raises(ValueError, match="the header 'host' cannot be set"):
        method(argument, headers={"host": "example.com"})
    with pytest.raises(TypeError, match="timeout_ms must be an integer, in milliseconds"):
        method(argument, timeout_ms=0.5)
