"""The options of clients and calls, and the errors for bad ones."""

import asyncio
import sys

import httpx
import pytest

from connectrpc_client import Code, ConnectError, Headers
from connectrpc_protocol.header_names import RESERVED


@pytest.mark.parametrize("base_url", ["", "test", "ftp://test", "http://", "http://t/?a=b"])
def test_base_url(caller, base_url):
    with pytest.raises(ValueError, match="base URL"):
        caller.make(base_url)


@pytest.mark.parametrize("option", ["protocol", "codec", "send_compression"])
def test_unknown_name(caller, option):
    with pytest.raises(ValueError, match="unknown"):
        caller.make(**{option: "nonsense"})


@pytest.mark.parametrize("option", ["timeout_ms", "read_max_bytes", "compress_min_bytes"])
def test_negative_number(caller, option):
    with pytest.raises(ValueError, match=f"{option} must not be negative"):
        caller.make(**{option: -1})


@pytest.mark.parametrize("value", [0.5, 5.0, True, "5"])
def test_timeout_that_is_not_an_integer(caller, server, value):
    text = "timeout_ms must be an integer, in milliseconds, not seconds: "
    with pytest.raises(TypeError, match=text):
        caller.make(timeout_ms=value)
    for name in ("unary", "write", "server"):
        with pytest.raises(TypeError, match=text):
            caller.call(name, "hi", timeout_ms=value)
    for name in ("client", "bidi"):
        with pytest.raises(TypeError, match=text):
            caller.call(name, [], timeout_ms=value)
        with pytest.raises(TypeError, match=text):
            getattr(caller.make(), f"open_{name}")(timeout_ms=value)
    assert server.requests == []


class Five:
    """An integer of another library, such as numpy."""

    def __index__(self):
        return 5000


@pytest.mark.parametrize("timeout_ms", [5000, Five()])
def test_timeout_that_is_an_integer(caller, server, timeout_ms):
    for options in ({"timeout_ms": timeout_ms}, {"client": caller.make(timeout_ms=timeout_ms)}):
        caller.call("unary", "hi", **options)
        sent = server.requests[-1].headers["connect-timeout-ms"]
        assert 0 < int(sent) <= 5000


@pytest.mark.parametrize("timeout_ms", [10**10, 10**13, 10**19, 10**30, 10**400])
@pytest.mark.parametrize("library", ["httpx", "pyqwest"])
def test_timeout_that_is_too_long_becomes_the_longest(
    caller, live_server, monkeypatch, library, timeout_ms
):
    """The operating system and the HTTP libraries cannot wait for so long."""
    if library == "httpx":
        monkeypatch.setitem(sys.modules, "pyqwest", None)
    seen = []

    class Record:
        async def on_start(self, ctx):
            self.on_start_sync(ctx)

        async def on_end(self, token, ctx, error): ...

        def on_start_sync(self, ctx):
            seen.append(ctx.timeout_ms)

        def on_end_sync(self, token, ctx, error): ...

    options = {"http_client": None, "interceptors": [Record()]}
    for of_client, of_call in ((timeout_ms, None), (None, timeout_ms)):
        client = caller.make(live_server.url, timeout_ms=of_client, **options)
        if caller.is_async:

            async def call(client, timeout_ms):
                async with client:
                    return await client.call_client([], timeout_ms=timeout_ms)

            output = asyncio.run(call(client, of_call))
        else:
            with client:
                output = client.call_client([], timeout_ms=of_call)
        assert output.message.value == "a"
    assert [9_990_000_000 < each <= 9_999_999_999 for each in seen] == [True, True]


def test_timeout_of_zero_has_passed(caller, server):
    for options in ({"timeout_ms": 0}, {"client": caller.make(timeout_ms=0)}):
        with pytest.raises(ConnectError) as caught:
            caller.call("unary", "hi", **options)
        assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert server.requests == []


def test_negative_timeout_of_a_call(caller):
    with pytest.raises(ValueError, match="timeout_ms must not be negative"):
        caller.call("unary", "hi", timeout_ms=-1)


@pytest.mark.parametrize("option", ["accept_compression", "headers"])
def test_value_of_a_wrong_type(caller, option):
    with pytest.raises(TypeError):
        caller.call("unary", "hi", **{option: "gzip" if "c" in option else {"a": 1}})


def test_one_value_instead_of_a_list(caller):
    class Guard: ...

    for given in (Guard(), Guard):
        with pytest.raises(TypeError, match=r"interceptors must be a list: interceptors=\[Guard\("):
            caller.make(interceptors=given)
    text = r"accept_compression must be a list: accept_compression=\['gzip'\]"
    with pytest.raises(TypeError, match=text):
        caller.make(accept_compression="gzip")


def test_header_that_http_cannot_carry(caller):
    with pytest.raises(ValueError, match="header"):
        caller.call("unary", "hi", headers={"x-in": "a\r\nx-injected: b"})


@pytest.mark.parametrize("protocol", ["connect", "grpc-web"])
@pytest.mark.parametrize("name", sorted(RESERVED))
def test_header_that_the_client_sets_itself(caller, server, protocol, name):
    for headers in (
        {name.upper(): "aaaa"},
        [("x-a", "1"), (name, "aaaa")],
        Headers({name: "aaaa"}),
    ):
        with pytest.raises(ValueError, match=f"the header '{name}' cannot be set: "):
            caller.call("unary", "hi", headers=headers, protocol=protocol)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("content-type", "use the client's options protocol and codec"),
        ("connect-protocol-version", "use the client's option protocol"),
        ("grpc-timeout", "use timeout_ms"),
        ("connect-timeout-ms", "use timeout_ms"),
        ("accept-encoding", "use the client's option accept_compression"),
        ("grpc-encoding", "use the client's option send_compression"),
        ("host", "use the client's base_url"),
        ("transfer-encoding", "the HTTP client sets it; use options of your own http_client"),
        ("grpc-status", "only responses have it; use a name of your own"),
    ],
)
def test_what_to_use_instead_of_a_header(caller, name, instead):
    with pytest.raises(ValueError, match=f"cannot be set: {instead};"):
        caller.call("unary", "hi", headers={name: "1"})


@pytest.mark.parametrize("name", ["open_client", "open_bidi", "call_bidi", "bidi"])
def test_header_that_the_client_sets_itself_in_a_stream(caller, name):
    client = caller.make(http_client=None)
    arguments = [] if name.startswith("open") else [[]]

    async def call():
        result = getattr(client, name)(*arguments, headers={"host": "a"})
        await (anext(result) if name == "bidi" else result)

    def call_sync():
        next(getattr(client, name)(*arguments, headers={"host": "a"}))

    with pytest.raises(ValueError, match="'host' cannot be set"):
        asyncio.run(call()) if caller.is_async else call_sync()


def test_headers_of_another_call_can_be_forwarded(caller, server):
    received = Headers({"host": "a", "content-type": "text/plain", "x-in": "1"})
    caller.call("unary", "hi", headers=received.metadata())
    assert server.requests[0].headers["x-in"] == "1"


def test_http_client_of_the_other_side(caller):
    wrong = httpx.Client() if caller.is_async else httpx.AsyncClient()
    with pytest.raises(TypeError, match=r"must be a httpx\."):
        caller.make(http_client=wrong)


def test_http_client_that_is_not_one(caller):
    with pytest.raises(TypeError, match="http_client"):
        caller.make(http_client=object())
