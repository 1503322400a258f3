"""Closing a client ends its calls in flight. A given HTTP client stays open."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any

import httpx
import httpx2
import pyqwest
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
REQUESTS = [StringValue(value="a")]
SYNC_CLIENTS: dict[str, Callable[[], Any]] = {
    "own": lambda: None,
    "httpx": httpx.Client,
    "httpx2": httpx2.Client,
    "pyqwest": pyqwest.SyncClient,
}
ASYNC_CLIENTS: dict[str, Callable[[], Any]] = {
    "own": lambda: None,
    "httpx": httpx.AsyncClient,
    "httpx2": httpx2.AsyncClient,
    "pyqwest": pyqwest.Client,
}
HTTPX = (httpx.AsyncClient, httpx2.AsyncClient, httpx.Client, httpx2.Client)


def expect_closed(error: BaseException | None) -> None:
    assert isinstance(error, ConnectError), error
    assert (error.code, error.message) == (Code.CANCELED, "the client was closed")


class Through:
    """A stream interceptor that changes nothing."""

    async def intercept_server_stream(self, call_next: Any, request: Any, ctx: Any) -> Any:
        async for message in call_next(request, ctx):
            yield message

    def intercept_server_stream_sync(self, call_next: Any, request: Any, ctx: Any) -> Any:
        yield from call_next(request, ctx)


# Calls that wait. They set `waits` when the caller is about to wait for what never comes.


async def unary(client: Any, waits: asyncio.Event) -> None:
    waits.set()
    await client.call_write("a")


async def unary_with_timeout(client: Any, waits: asyncio.Event) -> None:
    waits.set()
    await client.call_write("a", timeout_ms=60_000)


async def output(client: Any, waits: asyncio.Event) -> None:
    stream = await client.call_server("a")
    await anext(stream)
    waits.set()
    await anext(stream)


async def generator(client: Any, waits: asyncio.Event) -> None:
    async for _ in client.bidi(REQUESTS):
        waits.set()


async def open_client(client: Any, waits: asyncio.Event) -> None:
    async with client.open_client() as call:
        await call.send(StringValue(value="a"))
        waits.set()
        await call.wait_for_headers()


async def open_bidi(client: Any, waits: asyncio.Event) -> None:
    async with client.open_bidi() as call:
        await call.receive()
        waits.set()
        await call.receive()


ASYNC_CALLS = [unary, unary_with_timeout, output, generator, open_client, open_bidi]


async def check(client: Any, call: Any) -> None:
    waits = asyncio.Event()
    waiting = asyncio.ensure_future(call(client, waits))
    await asyncio.wait_for(waits.wait(), STEP_SECONDS)
    for _ in range(20):  # so that the call waits
        await asyncio.sleep(0)
    await client.aclose()
    _, pending = await asyncio.wait([waiting], timeout=STEP_SECONDS)
    assert not pending
    expect_closed(waiting.exception())


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize(
    ("library", "call"),
    [
        (library, call)
        for library in ASYNC_CLIENTS
        for call in ASYNC_CALLS
        if call is not open_bidi or not library.startswith("httpx")  # which is half duplex
    ],
)
def test_async(make_caller, live_server, library, call, interceptors) -> None:

    async def run() -> None:
        http_client = ASYNC_CLIENTS[library]()
        client = make_caller("async").make(
            live_server.url, http_client=http_client, interceptors=interceptors
        )
        await check(client, call)
        if isinstance(http_client, HTTPX):
            assert not http_client.is_closed
            await http_client.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("call", ASYNC_CALLS)
def test_async_in_the_same_process(make_caller, live_server, call) -> None:
    async def run() -> None:
        async with aclosing(ASGITransport(live_server.app)) as transport:
            await check(make_caller("async").make(http_client=transport), call)

    asyncio.run(run())


@pytest.mark.parametrize("library", ASYNC_CLIENTS)
def test_async_output_that_is_not_being_read(make_caller, live_server, library) -> None:
    async def run() -> None:
        http_client = ASYNC_CLIENTS[library]()
        client = make_caller("async").make(live_server.url, http_client=http_client)
        stream = await client.call_server("a")
        await anext(stream)
        await client.aclose()
        assert await asyncio.to_thread(live_server.app.ended.get, timeout=STEP_SECONDS) == "Server"
        with pytest.raises(ConnectError) as caught:
            await anext(stream)
        expect_closed(caught.value)
        if isinstance(http_client, HTTPX):
            await http_client.aclose()

    asyncio.run(run())


def test_async_cancellation_stays(make_caller, live_server) -> None:
    """A task that is cancelled while its client is closed sees both."""

    async def run() -> None:
        client = make_caller("async").make(live_server.url, http_client=None)
        waits = asyncio.Event()
        waiting = asyncio.ensure_future(output(client, waits))
        await asyncio.wait_for(waits.wait(), STEP_SECONDS)
        await asyncio.sleep(0)
        waiting.cancel()
        await client.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def unary_with_timeout_sync(client: Any, waits: threading.Event) -> None:
    waits.set()
    client.call_write("a", timeout_ms=60_000)


def unary_with_cancellation_sync(client: Any, waits: threading.Event) -> None:
    waits.set()
    client.call_write("a", cancellation=Cancellation())


def output_sync(client: Any, waits: threading.Event) -> None:
    stream = client.call_server("a")
    next(stream)
    waits.set()
    next(stream)


def output_with_cancellation_sync(client: Any, waits: threading.Event) -> None:
    stream = client.call_server("a", cancellation=Cancellation())
    next(stream)
    waits.set()
    next(stream)


def generator_sync(client: Any, waits: threading.Event) -> None:
    for _ in client.bidi(REQUESTS):
        waits.set()


def open_client_sync(client: Any, waits: threading.Event) -> None:
    with client.open_client() as call:
        call.send(StringValue(value="a"))
        waits.set()
        call.wait_for_headers()


def open_bidi_sync(client: Any, waits: threading.Event) -> None:
    with client.open_bidi() as call:
        call.receive()
        waits.set()
        call.receive()


SYNC_CALLS = [
    unary_with_cancellation_sync,
    output_sync,
    output_with_cancellation_sync,
    generator_sync,
    open_client_sync,
    open_bidi_sync,
]


def check_sync(client: Any, call: Any) -> None:
    waits = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(call, client, waits)
        assert waits.wait(STEP_SECONDS)
        client.close()
        error = waiting.exception(STEP_SECONDS)
        if not isinstance(error, RuntimeError):  # the client was closed before the call began
            expect_closed(error)


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize(
    ("library", "call"),
    [
        (library, call)
        for library in SYNC_CLIENTS
        for call in SYNC_CALLS
        if call is not open_bidi_sync or not library.startswith("httpx")  # which is half duplex
    ],
)
def test_sync(make_caller, live_server, library, call, interceptors) -> None:
    http_client = SYNC_CLIENTS[library]()
    client = make_caller("sync").make(
        live_server.url, http_client=http_client, interceptors=interceptors
    )
    check_sync(client, call)
    if isinstance(http_client, HTTPX):
        assert not http_client.is_closed
        http_client.close()


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_sync_with_timeout(make_caller, live_server, library) -> None:
    with SYNC_CLIENTS[library]() as http_client:
        client = make_caller("sync").make(live_server.url, http_client=http_client)
        check_sync(client, unary_with_timeout_sync)


@pytest.mark.parametrize("call", [unary_with_timeout_sync, *SYNC_CALLS])
def test_sync_in_the_same_process(make_caller, live_server, call) -> None:
    with closing(ASGITransportSync(live_server.app)) as transport:
        check_sync(make_caller("sync").make(http_client=transport), call)


@pytest.mark.parametrize("library", SYNC_CLIENTS)
def test_sync_output_that_is_not_being_read(make_caller, live_server, library) -> None:
    http_client = SYNC_CLIENTS[library]()
    client = make_caller("sync").make(live_server.url, http_client=http_client)
    stream = client.call_server("a")
    next(stream)
    client.close()
    assert live_server.app.ended.get(timeout=STEP_SECONDS) == "Server"
    with pytest.raises(ConnectError) as caught:
        next(stream)
    expect_closed(caught.value)
    if isinstance(http_client, HTTPX):
        http_client.close()


def test_a_shared_cancellation_is_not_cancelled(make_caller, live_server) -> None:
    cancellation = Cancellation()
    first = make_caller("sync").make(live_server.url, http_client=None)
    second = make_caller("sync").make(live_server.url, http_client=None)
    with second, second.call_server("a", cancellation=cancellation):
        with first.call_server("a", cancellation=cancellation):
            first.close()
        assert not cancellation.is_cancelled
