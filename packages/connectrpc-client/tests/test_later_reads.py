"""Reads of a stream after a read that failed: they must not look like the end of the stream."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, closing
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
REQUESTS = [StringValue(value="a")]
STREAMS = [("server", "a"), ("bidi", REQUESTS)]


class Waiting:
    """An application that sends one response message, and waits until the client disconnects."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/connect+proto")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"\0\0\0\0\3\n\1a"
        await send({"type": "http.response.body", "body": body, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


class Through:
    """A stream interceptor that changes nothing."""

    async def intercept_server_stream(self, call_next: Any, request: Any, ctx: Any) -> Any:
        async for message in call_next(request, ctx):
            yield message

    async def intercept_bidi_stream(self, call_next: Any, requests: Any, ctx: Any) -> Any:
        async for message in call_next(requests, ctx):
            yield message

    def intercept_server_stream_sync(self, call_next: Any, request: Any, ctx: Any) -> Any:
        yield from call_next(request, ctx)

    def intercept_bidi_stream_sync(self, call_next: Any, requests: Any, ctx: Any) -> Any:
        yield from call_next(requests, ctx)


class CutsReads:
    """An async stream interceptor that cuts off its own read, and reads again."""

    async def intercept_server_stream(self, call_next: Any, request: Any, ctx: Any) -> Any:
        stream = call_next(request, ctx)
        yield await anext(stream)
        await cut(stream)
        async for message in stream:
            yield message


async def cut(stream: Any) -> None:
    """Cancel a read while it waits."""
    read = asyncio.ensure_future(anext(stream))
    for _ in range(20):  # so that the read waits
        await asyncio.sleep(0)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize("prefix", ["call_", ""])
@pytest.mark.parametrize(("name", "argument"), STREAMS)
def test_after_a_cancelled_read(make_caller, prefix, name, argument, interceptors) -> None:
    async def check() -> None:
        transport = ASGITransport(Waiting())
        client = make_caller("async").make(http_client=transport, interceptors=interceptors)
        output = getattr(client, prefix + name)(argument)
        output = await output if prefix else output
        assert (await anext(output)).value == "a"
        await cut(output)
        for _ in range(2):
            with pytest.raises(ConnectError) as caught:
                await asyncio.wait_for(anext(output), STEP_SECONDS)
            assert caught.value.code is Code.CANCELED
        await output.aclose()
        await transport.aclose()

    asyncio.run(check())


def test_after_a_cancelled_read_of_an_interceptor(make_caller) -> None:
    async def check() -> None:
        async with aclosing(ASGITransport(Waiting())) as transport:
            client = make_caller("async").make(http_client=transport, interceptors=[CutsReads()])
            output = await client.call_server("a")
            assert (await anext(output)).value == "a"
            with pytest.raises(ConnectError) as caught:
                await asyncio.wait_for(anext(output), STEP_SECONDS)
            assert caught.value.code is Code.CANCELED

    asyncio.run(check())


class Interrupted:
    """A sync transport whose second read raises an error."""

    has_trailers = is_full_duplex = True
    status = 200
    headers = ((b"content-type", b"application/connect+proto"),)
    trailers = ()

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def send(self, request: Any, body: Any, deadline: Any, cancellation: Any = None) -> Any:
        return self

    def chunks(self, deadline: Any) -> Iterator[bytes]:
        yield b"\0\0\0\0\3\n\1a"
        raise self.error

    def close(self) -> None: ...


@pytest.mark.parametrize("interceptors", [(), (Through(),)])
@pytest.mark.parametrize("prefix", ["call_", ""])
@pytest.mark.parametrize(("name", "argument"), STREAMS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), Code.CANCELED),
        (ConnectError(Code.UNAVAILABLE, "lost"), Code.UNAVAILABLE),
    ],
)
def test_after_a_failed_read_of_a_sync_client(
    make_caller, prefix, name, argument, error, code, interceptors
) -> None:
    transport = Interrupted(error)
    client = make_caller("sync").make(http_client=transport, interceptors=interceptors)
    output = getattr(client, prefix + name)(argument)
    assert next(output).value == "a"
    with pytest.raises(type(error)):
        next(output)
    for _ in range(2):
        with pytest.raises(ConnectError) as caught:
            next(output)
        assert caught.value.code is code
    output.close()


@pytest.mark.parametrize("prefix", ["call_", ""])
def test_after_the_deadline_of_a_sync_client(make_caller, prefix) -> None:
    with closing(ASGITransportSync(Waiting())) as transport:
        client = make_caller("sync").make(http_client=transport)
        output = getattr(client, prefix + "server")("a", timeout_ms=300)
        assert next(output).value == "a"
        for _ in range(2):
            with pytest.raises(ConnectError) as caught:
                next(output)
            assert caught.value.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize("prefix", ["call_", ""])
def test_closed_generators_and_outputs_have_ended(make_caller, prefix) -> None:
    transport = Interrupted(KeyboardInterrupt())
    output = getattr(make_caller("sync").make(http_client=transport), prefix + "server")("a")
    assert next(output).value == "a"
    output.close()
    with pytest.raises(StopIteration):
        next(output)
