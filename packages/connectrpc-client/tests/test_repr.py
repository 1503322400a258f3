"""The `repr` of clients, and of their calls and responses."""

import asyncio
import inspect
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pyqwest
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation, Client, ClientSync, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

SECONDS = 60  # that the slowest machine may take for one test


def suffix(caller: Any) -> str:
    return "" if caller.is_async else "Sync"


async def result(value: Any) -> Any:
    """Return what an async method or a sync one returns."""
    return await value if inspect.isawaitable(value) else value


async def read(stream: Any) -> Any:
    """Return the next message of an async or a sync stream; `None` at its end."""
    if hasattr(stream, "__anext__"):
        return await anext(stream, None)
    return next(stream, None)


@asynccontextmanager
async def entered(call: Any) -> AsyncIterator[Any]:
    if hasattr(call, "__aenter__"):
        async with call as opened:
            yield opened
    else:
        with call as opened:
            yield opened


def run(test: Callable[[], Any]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(SECONDS):
            await test()

    asyncio.run(limited())


# Clients.


def test_a_client_shows_its_class_url_protocol_codec_and_http_library(caller) -> None:
    client = caller.make("https://api.test:8443/v1", protocol="grpc-web", codec="json")
    name = type(client).__name__
    assert repr(client) == f"<{name} https://api.test:8443/v1 (grpc-web, json, httpx)>"


def test_a_client_does_not_show_what_may_be_secret(caller) -> None:
    url = "https://user:pass%40word@api.test/v1"
    client = caller.make(url, headers={"authorization": "Bearer abc"})
    name = type(client).__name__
    assert repr(client) == f"<{name} https://api.test/v1 (connect, proto, httpx)>"


def test_a_client_shows_a_host_of_ip_version_6(caller) -> None:
    client = caller.make("http://user@[::1]:80")
    assert "http://[::1]:80 " in repr(client)


class OwnTransport:
    has_trailers = True
    is_full_duplex = True

    def send(self, *arguments: object) -> Any: ...
    def close(self) -> None: ...
    def aclose(self) -> None: ...

    def __repr__(self) -> str:
        raise RuntimeError("not for clients")


class SubclassOfHttpx(httpx.Client): ...


@pytest.mark.parametrize(
    ("make_client", "http_client", "shown"),
    [
        (Client, None, "pyqwest"),
        (ClientSync, None, "pyqwest"),
        (Client, pyqwest.Client, "pyqwest"),
        (ClientSync, pyqwest.SyncClient, "pyqwest"),
        (Client, httpx2.AsyncClient, "httpx2"),
        (ClientSync, httpx2.Client, "httpx2"),
        (ClientSync, SubclassOfHttpx, "httpx"),
        (Client, OwnTransport, "OwnTransport"),
        (ClientSync, OwnTransport, "OwnTransport"),
    ],
)
def test_a_client_shows_the_kind_of_its_transport(make_client, http_client, shown) -> None:
    client = make_client("http://test", http_client=http_client and http_client())
    assert repr(client) == f"<{make_client.__name__} http://test (connect, proto, {shown})>"


@pytest.mark.parametrize("make_client", [Client, ClientSync])
def test_a_default_transport_without_pyqwest_is_httpx(make_client, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyqwest", None)
    assert repr(make_client("http://test")).endswith("(connect, proto, httpx)>")


def test_a_closed_client_says_so(caller) -> None:
    client = caller.make()
    run(lambda: result(client.aclose() if caller.is_async else client.close()))
    assert repr(client).endswith("http://test (connect, proto, httpx, closed)>")


def test_a_client_whose_constructor_failed_shows_its_class(caller) -> None:
    kind = type(caller.make())
    client = kind.__new__(kind)
    assert repr(client) == f"<{kind.__name__}>"
    with pytest.raises(ValueError, match="base URL"):
        client.__init__("not a URL")
    assert repr(client) == f"<{kind.__name__}>"


def test_the_codec_of_the_user_cannot_make_the_repr_of_a_client_fail(caller) -> None:
    class Codec:
        name = "own"

        def encode(self, message: Any) -> bytes: ...
        def decode(self, data: bytes, message_type: Any) -> Any: ...

    client = caller.make(codec=Codec())
    assert "(connect, own, httpx)" in repr(client)
    del Codec.name
    assert repr(client) == f"<{type(client).__name__}>"


# Responses.


def test_a_unary_output_shows_its_method(caller) -> None:
    output = caller.call("unary", "secret")
    assert repr(output) == "<UnaryOutput test.v1.Echo/Unary>"


def test_a_stream_of_responses_shows_its_method_and_state(caller, server) -> None:
    server.handler = server.stream("a")
    shown: list[str] = []

    async def test() -> None:
        output = await result(caller.make().call_server("secret"))
        shown.append(repr(output))
        assert (await read(output)).value == "a"
        shown.append(repr(output))
        assert await read(output) is None
        shown.append(repr(output))

    run(test)
    prefix = f"<StreamOutput{suffix(caller)} test.v1.Echo/Server"
    assert shown == [f"{prefix} (open)>", f"{prefix} (open)>", f"{prefix} (ended)>"]


def test_a_failed_stream_of_responses_shows_the_code_without_the_message(caller, server) -> None:
    end = b'{"error": {"code": "not_found", "message": "secret"}}'
    server.handler = server.stream("a", end=end)
    shown: list[str] = []

    async def test() -> None:
        output = await result(caller.make().call_bidi([]))
        await read(output)
        with pytest.raises(ConnectError):
            await read(output)
        shown.append(repr(output))

    run(test)
    assert shown == [
        f"<StreamOutput{suffix(caller)} test.v1.Echo/Bidi (ended with not_found)>",
    ]


def test_the_messages_of_a_call_show_its_method_and_state(caller, server) -> None:
    server.handler = server.stream("a", "b")
    shown: list[str] = []

    async def test() -> None:
        stream = caller.make().server("secret")
        shown.append(repr(stream))
        await read(stream)
        shown.append(repr(stream))
        await result(stream.aclose() if caller.is_async else stream.close())
        shown.append(repr(stream))

    run(test)
    prefix = f"<Messages{suffix(caller)} test.v1.Echo/Server"
    assert shown == [f"{prefix} (not begun)>", f"{prefix} (open)>", f"{prefix} (ended)>"]


def test_messages_after_a_failed_read_show_the_code(caller, server) -> None:
    server.handler = server.stream(end=b'{"error": {"code": "aborted"}}')
    shown: list[str] = []

    async def test() -> None:
        stream = caller.make().bidi([])
        with pytest.raises(ConnectError):
            await read(stream)
        shown.append(repr(stream))

    run(test)
    assert shown == [f"<Messages{suffix(caller)} test.v1.Echo/Bidi (ended with aborted)>"]


# Open calls.


def pack(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Respond to each request with its bytes, and to the one of `stop` with an error."""
    headers = [(b"content-type", b"application/connect+proto")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    end = b"{}"
    while (event := await receive())["type"] == "http.request":
        if b"stop" in event["body"]:
            end = b'{"error": {"code": "unavailable"}}'
            break
        if event["body"]:
            body = {"type": "http.response.body", "body": event["body"], "more_body": True}
            await send(body)
        if not event.get("more_body"):
            break
    await send({"type": "http.response.body", "body": pack(end, 2)})


def connected(caller: Any) -> Any:
    make = ASGITransport if caller.is_async else ASGITransportSync
    return caller.make(http_client=make(echo))


def test_an_open_call_shows_its_method_and_state(caller) -> None:
    shown: list[str] = []

    async def test() -> None:
        call = connected(caller).open_bidi(headers={"authorization": "secret"})
        shown.append(repr(call))
        async with entered(call):
            await result(call.send(StringValue(value="secret")))
            await result(call.receive())
            shown.append(repr(call))
            await result(call.close_send())
            shown.append(repr(call))
            assert await result(call.receive()) is None
        shown.append(repr(call))

    run(test)
    prefix = f"<BidiCall{suffix(caller)} test.v1.Echo/Bidi"
    states = ["not begun", "open", "requests ended", "ended"]
    assert shown == [f"{prefix} ({state})>" for state in states]


def test_an_open_call_that_failed_or_was_cancelled_shows_the_code(caller) -> None:
    shown: list[str] = []

    async def test() -> None:
        client = connected(caller)
        async with entered(client.open_bidi()) as call:
            await result(call.send(StringValue(value="stop")))
            with pytest.raises(ConnectError):
                await result(call.receive())
            shown.append(repr(call))
        async with entered(client.open_client()) as call:
            call.cancel()
            shown.append(repr(call))

    run(test)
    assert shown == [
        f"<BidiCall{suffix(caller)} test.v1.Echo/Bidi (ended with unavailable)>",
        f"<ClientStreamCall{suffix(caller)} test.v1.Echo/Client (ended with canceled)>",
    ]


# Contexts and cancellations.


def test_the_context_of_a_call_shows_its_protocol_and_method(caller) -> None:
    shown: list[str] = []

    class Watch:
        async def on_start(self, ctx: Any) -> None:
            shown.append(repr(ctx))

        async def on_end(self, token: Any, ctx: Any, error: Any) -> None: ...

        def on_start_sync(self, ctx: Any) -> None:
            shown.append(repr(ctx))

        def on_end_sync(self, token: Any, ctx: Any, error: Any) -> None: ...

    caller.call("unary", "a", interceptors=[Watch()], headers={"authorization": "secret"})
    assert shown == ["<RequestContext connect POST test.v1.Echo/Unary>"]


def test_the_responses_that_an_interceptor_gets_show_their_method(caller, server) -> None:
    server.handler = server.stream("a")
    shown: list[str] = []

    class Watch:
        async def intercept_server_stream(self, call_next: Any, request: Any, ctx: Any) -> Any:
            responses = call_next(request, ctx)
            shown.append(repr(responses))
            async for response in responses:
                yield response

        def intercept_server_stream_sync(self, call_next: Any, request: Any, ctx: Any) -> Any:
            responses = call_next(request, ctx)
            shown.append(repr(responses))
            yield from responses

    caller.call("server", "secret", interceptors=[Watch()])
    assert shown == [f"<StreamCall{suffix(caller)} test.v1.Echo/Server>"]


def test_a_cancellation_shows_its_state() -> None:
    cancellation = Cancellation()
    assert repr(cancellation) == "<Cancellation not cancelled>"
    cancellation.cancel()
    assert repr(cancellation) == "<Cancellation cancelled>"
