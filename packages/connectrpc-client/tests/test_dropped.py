"""Outputs and open calls that the caller drops: the garbage collector ends them."""

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


@pytest.mark.parametrize("options", [{}, {"cancellation": Cancellation()}])
def test_open_calls_sync(make_caller, live_server, options) -> None:
    with make_caller("sync").make(live_server.url, http_client=None) as client:
        call = client.open_bidi(**options).__enter__()
        assert call.receive().value == "a"
        del call
        gc.collect()
        assert live_server.app.ended.get(timeout=STEP_SECONDS)


def test_open_calls_async(make_caller, live_server) -> None:
    async def check() -> None:
        async with make_caller("async").make(live_server.url, http_client=None) as client:
            call = await client.open_bidi().__aenter__()
            assert (await call.receive()).value == "a"
            del call
            gc.collect()
            assert await asyncio.to_thread(live_server.app.ended.get, timeout=STEP_SECONDS)

    asyncio.run(check())


def test_open_calls_that_wait_are_not_dropped(make_caller, live_server) -> None:
    async def receive(client: Any) -> None:
        call = await client.open_bidi().__aenter__()
        assert (await call.receive()).value == "a"
        await call.receive()

    async def check() -> None:
        async with make_caller("async").make(live_server.url, http_client=None) as client:
            waiting = asyncio.ensure_future(receive(client))
            await asyncio.to_thread(live_server.app.begun.get, timeout=STEP_SECONDS)
            gc.collect()
            done, _ = await asyncio.wait([waiting], timeout=0.2)
            assert not done
            waiting.cancel()
            await asyncio.wait([waiting])

    asyncio.run(check())


@pytest.mark.parametrize("prefix", ["call_", ""])
@pytest.mark.parametrize("library", [None, httpx.AsyncClient])
def test_an_async_output_in_a_cycle_with_its_interceptor(
    make_caller, live_server, library, prefix
) -> None:
    """The event loop closes the generator of the interceptor, too, and neither of them fails."""
    failures: list[Any] = []

    async def drop(client: Any) -> None:
        stream = getattr(client, f"{prefix}server")("a")
        if prefix:
            stream = await stream
        await anext(stream)
        cycle = [stream]
        cycle.append(cycle)

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: failures.append(context)
        )
        http_client = library and library()
        notes = Notes()
        client = make_caller("async").make(
            live_server.url, http_client=http_client, interceptors=(notes, Through())
        )
        await drop(client)
        gc.collect()
        assert await asyncio.to_thread(notes.has_ended.wait, STEP_SECONDS)
        assert await asyncio.to_thread(live_server.app.ended.get, timeout=STEP_SECONDS)
        await client.aclose()
        if http_client is not None:
            await http_client.aclose()

    asyncio.run(run())
    gc.collect()  # asyncio reports the failures of tasks that are garbage-collected
    assert not failures


def test_an_async_output_may_outlive_its_event_loop(make_caller, live_server) -> None:
    async def call() -> Any:
        client = make_caller("async").make(live_server.url, http_client=None)
        return await client.call_server("a")

    output = asyncio.run(call())
    del output
    gc.collect()
