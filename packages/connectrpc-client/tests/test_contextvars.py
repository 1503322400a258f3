"""The iterator of requests runs in the context of the caller, whichever thread iterates."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any

import httpx
import httpx2
import pyqwest
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
VAR: ContextVar[str] = ContextVar("VAR", default="lost")
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


class Requests:
    """An iterable of requests that notes the value of `VAR` at each step."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __iter__(self) -> Iterator[StringValue]:
        try:
            for _ in range(2):
                self.seen.append(VAR.get())
                yield StringValue(value="a")
        finally:
            self.seen.append(VAR.get())


class Wraps:
    """An interceptor that wraps the requests."""

    def intercept_client_stream_sync(self, call_next: Any, requests: Any, ctx: Any) -> Any:
        return call_next((request for request in requests), ctx)


@pytest.mark.parametrize("interceptors", [(), (Wraps(),)])
@pytest.mark.parametrize("options", [{}, {"timeout_ms": 60_000}, {"cancellation": True}])
@pytest.mark.parametrize("is_main_thread", [True, False])
@pytest.mark.parametrize("library", SYNC_CLIENTS)
def test_sync(make_caller, live_server, library, is_main_thread, options, interceptors) -> None:
    requests = Requests()
    options = options | ({"cancellation": Cancellation()} if "cancellation" in options else {})

    def call() -> None:
        VAR.set("caller")
        http_client = SYNC_CLIENTS[library]()
        client = make_caller("sync").make(
            live_server.url, http_client=http_client, interceptors=interceptors
        )
        with client:
            assert client.call_client(requests, **options).message.value == "a"
        if isinstance(http_client, httpx.Client | httpx2.Client):
            http_client.close()

    if is_main_thread:
        copy_context().run(call)
    else:
        with ThreadPoolExecutor(1) as executor:
            executor.submit(call).result(STEP_SECONDS)
    assert requests.seen == ["caller"] * 3


@pytest.mark.parametrize("library", ASYNC_CLIENTS)
def test_async(make_caller, live_server, library) -> None:
    requests = Requests()

    async def call() -> None:
        VAR.set("caller")
        http_client = ASYNC_CLIENTS[library]()
        async with make_caller("async").make(live_server.url, http_client=http_client) as client:
            assert (await client.call_client(requests)).message.value == "a"
        if isinstance(http_client, httpx.AsyncClient | httpx2.AsyncClient):
            await http_client.aclose()

    asyncio.run(call())
    assert requests.seen == ["caller"] * 3
