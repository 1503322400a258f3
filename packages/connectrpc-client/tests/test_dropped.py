"""Outputs that the caller drops without closing them: the garbage collector ends their calls."""

import asyncio
import gc
import threading
from typing import Any

import httpx
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
REQUESTS = [StringValue(value="a")]
STREAMS = [("server", "a"), ("bidi", REQUESTS)]


class Notes:
    """An interceptor that notes the end of calls."""

    def __init__(self) -> None:
        self.has_ended = threading.Event()

    async def on_start(self, ctx: Any) -> None: ...

    async def on_end(self, token: None, ctx: Any, error: BaseException | None) -> None:
        self.has_ended.set()

    def on_start_sync(self, ctx: Any) -> None: ...

    def on_end_sync(self, token: None, ctx: Any, error: BaseException | None) -> None:
        self.has_ended.set()


class Through:
    """A stream interceptor that changes nothing."""

    async def intercept_server_stream(self, call_next: Any, request: Any, ctx: Any) -> Any:
        async for message in call_next(request, ctx):
            yield message

    def intercept_server_stream_sync(self, call_next: Any, request: Any, ctx: Any) -> Any:
        yield from call_next(request, ctx)


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize("options", [{}, {"timeout_ms": 60_000}, {"cancellation": Cancellation()}])
@pytest.mark.parametrize("prefix", ["call_", ""])
@pytest.mark.parametrize(("name", "argument"), STREAMS)
@pytest.mark.parametrize("library", [None, httpx.Client])
def test_sync(
    make_caller, live_server, library, prefix, name, argument, options, interceptors
) -> None:
    http_client = library and library()
    notes = Notes()
    client = make_caller("sync").make(
        live_server.url, http_client=http_client, interceptors=(notes, *interceptors)
    )
    with client:
        output = getattr(client, prefix + name)(argument, **options)
        assert next(output).value == "a"
        del output
        gc.collect()
        assert live_server.app.ended.get(timeout=STEP_SECONDS)
        assert notes.has_ended.wait(STEP_SECONDS)
    if http_client is not None:
        http_client.close()


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize("prefix", ["call_", ""])
@pytest.mark.parametrize(("name", "argument"), STREAMS)
@pytest.mark.parametrize("library", [None, httpx.AsyncClient])
def test_async(make_caller, live_server, library, prefix, name, argument, interceptors) -> None:
    async def check() -> None:
        http_client = library and library()
        notes = Notes()
        client = make_caller("async").make(
            live_server.url, http_client=http_client, interceptors=(notes, *interceptors)
        )
        async with client:
            output = getattr(client, prefix + name)(argument)
            output = await output if prefix else output
            assert (await anext(output)).value == "a"
            del output
            gc.collect()
            assert await asyncio.to_thread(live_server.app.ended.get, timeout=STEP_SECONDS)
        if http_client is not None:
            await http_client.aclose()
        assert notes.has_ended.is_set()

    asyncio.run(check())


def test_an_async_output_may_outlive_its_event_loop(make_caller, live_server) -> None:
    async def call() -> Any:
        client = make_caller("async").make(live_server.url, http_client=None)
        return await client.call_server("a")

    output = asyncio.run(call())
    del output
    gc.collect()
