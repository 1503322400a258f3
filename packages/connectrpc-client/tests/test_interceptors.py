"""Interceptors of async and sync clients."""

import asyncio
from contextlib import aclosing, closing

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import (
    Client,
    ClientSync,
    Code,
    ConnectError,
    Method,
    MethodKind,
    RequestContext,
)
from connectrpc_protocol.codegen_support import deprecated

SERVER = Method(
    service="test.v1.Echo",
    name="Server",
    kind=MethodKind.SERVER_STREAM,
    request=StringValue,
    response=StringValue,
)

KINDS = ["unary", "client", "server", "bidi"]


def argument(name):
    return [StringValue(value="-")] if name in ("client", "bidi") else "-"


def texts_of(name, output):
    return output[0] if name in ("server", "bidi") else [output.message.value]


class Named:
    """Every kind of async interceptor; each writes its name around the texts of a call."""

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
    """The sync counterpart of `Named`."""

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


@pytest.mark.parametrize("name", KINDS)
def test_first_listed_is_outermost(caller, server, name):
    server.handler = server.unary("+") if name == "unary" else server.stream("+")
    named = Named if caller.is_async else NamedSync
    output = caller.call(name, argument(name), interceptors=[named("a"), named("b")])
    assert texts_of(name, output) == ["+BA"]
    assert server.requests[0].content.endswith(StringValue(value="-ab").SerializeToString())


class Token:
    """A metadata interceptor that adds a header and notes how calls end."""

    def __init__(self):
        self.seen = []

    def on_start_sync(self, ctx):
        ctx.request_headers["authorization"] = "secret"
        return ctx.method.name

    def on_end_sync(self, token, ctx, error):
        self.seen.append((token, None if error is None else error.code))
        self.status = ctx.response_headers.get("x-out")

    async def on_start(self, ctx):
        return self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


@pytest.mark.parametrize("name", KINDS)
def test_metadata(caller, server, name):
    token = Token()
    make = server.unary if name == "unary" else server.stream
    server.handler = make("ok", x_out="h")
    assert texts_of(name, caller.call(name, argument(name), interceptors=[token])) == ["ok"]
    assert server.requests[0].headers["authorization"] == "secret"
    assert token.seen == [(name.capitalize(), None)]
    assert token.status == "h"


@pytest.mark.parametrize("name", KINDS)
def test_metadata_sees_the_error(caller, server, name):
    token = Token()
    server.handler = server.respond(503, "text/plain", b"")
    with pytest.raises(ConnectError):
        caller.call(name, argument(name), interceptors=[token])
    assert token.seen == [(name.capitalize(), Code.UNAVAILABLE)]


class Refusal:
    """Refuses every call before it is sent."""

    def on_start_sync(self, ctx):
        raise ConnectError(Code.PERMISSION_DENIED)

    def on_end_sync(self, token, ctx, error):
        raise AssertionError("it never started")

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


@pytest.mark.parametrize("name", KINDS)
def test_refusal(caller, server, name):
    with pytest.raises(ConnectError, match="permission_denied"):
        caller.call(name, argument(name), interceptors=[Refusal()])
    assert server.requests == []


def test_unusable_interceptor(caller):
    wrong = NamedSync("a") if caller.is_async else Named("a")
    for interceptor in (object(), Token, wrong):
        with pytest.raises(TypeError):
            caller.make(interceptors=[interceptor])


class Refuses:
    """A stream interceptor for async and sync clients that refuses before it is iterated."""

    def intercept_server_stream_sync(self, call_next, request, ctx):
        raise ConnectError(Code.PERMISSION_DENIED)

    def intercept_server_stream(self, call_next, request, ctx):
        raise ConnectError(Code.PERMISSION_DENIED)


def test_metadata_sees_the_refusal_of_a_stream(caller):
    token = Token()
    with pytest.raises(ConnectError, match="permission_denied"):
        caller.call("server", "-", interceptors=[token, Refuses()])
    assert token.seen == [("Server", Code.PERMISSION_DENIED)]


def test_stopping_to_iterate_is_not_an_error(caller, server):
    token = Token()
    server.handler = server.stream("a", "b")
    client = caller.make(interceptors=[token])
    if caller.is_async:

        async def check():
            async with aclosing(client.server("-")) as stream:
                await anext(stream)

        asyncio.run(check())
    else:
        with closing(client.server("-")) as stream:
            next(stream)
    assert token.seen == [("Server", None)]


def replaced(ctx):
    """A context of the interceptor's own making."""
    return RequestContext(ctx.method, ctx.protocol, ctx.http_method, ctx.request_headers)


class Replaces:
    """Every kind of async interceptor; each passes on another context than it was given."""

    async def intercept_unary(self, call_next, request, ctx):
        return await call_next(request, replaced(ctx))

    async def intercept_client_stream(self, call_next, requests, ctx):
        return await call_next(requests, replaced(ctx))

    async def intercept_server_stream(self, call_next, request, ctx):
        async for response in call_next(request, replaced(ctx)):
            yield response

    async def intercept_bidi_stream(self, call_next, requests, ctx):
        async for response in call_next(requests, replaced(ctx)):
            yield response


class ReplacesSync:
    """The sync counterpart of `Replaces`."""

    def intercept_unary_sync(self, call_next, request, ctx):
        return call_next(request, replaced(ctx))

    def intercept_client_stream_sync(self, call_next, requests, ctx):
        return call_next(requests, replaced(ctx))

    def intercept_server_stream_sync(self, call_next, request, ctx):
        yield from call_next(request, replaced(ctx))

    def intercept_bidi_stream_sync(self, call_next, requests, ctx):
        yield from call_next(requests, replaced(ctx))


@pytest.mark.parametrize("name", KINDS)
def test_interceptors_must_pass_on_the_context(caller, server, name):
    replaces = Replaces() if caller.is_async else ReplacesSync()
    with pytest.raises(TypeError, match="must pass on the context that it was given"):
        caller.call(name, argument(name), interceptors=[replaces])
    assert server.requests == []


class UnaryOnly:
    async def intercept_unary(self, call_next, request, ctx): ...
    def intercept_unary_sync(self, call_next, request, ctx): ...


class StreamClient(Client):
    async def tail(self):
        return await self._call_server_stream(SERVER, StringValue())


class StreamClientSync(ClientSync):
    @deprecated("use follow")
    def tail(self):
        return self._call_server_stream(SERVER, StringValue())


class Derived(StreamClient):
    """A client of the user, with a method of its own."""

    async def tail(self):
        return await super().tail()


@pytest.mark.parametrize("make", [StreamClient, StreamClientSync, Derived])
def test_an_interceptor_that_no_method_reaches_is_a_type_error(make):
    with pytest.raises(TypeError) as caught:
        make("http://test", interceptors=[UnaryOnly()])
    name = make.__name__
    text = f"interceptor UnaryOnly would never be called: all methods of {name} are server stream;"
    assert str(caught.value).startswith(text)
    make("http://test", interceptors=[Refusal()])


@pytest.mark.parametrize("make", [Client, ClientSync])
def test_a_client_without_methods_takes_every_interceptor(make):
    make("http://test", interceptors=[UnaryOnly()])
