"""The options of clients and calls, and the errors for bad ones."""

import asyncio

import httpx
import pytest

from connectrpc_client import Headers
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
