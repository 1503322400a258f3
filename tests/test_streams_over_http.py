"""Stream calls over HTTP between our clients and uvicorn: how they run, end and are cancelled."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from connectrpc_client import BidiCall, BidiCallSync, Cancellation, Code, ConnectError
from eliza.v1.eliza_connect import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    ConverseResponse,
    IntroduceRequest,
    SayRequest,
    SummarizeRequest,
)

TESTS = Path(__file__).parent
TIMEOUT = {"timeout_ms": 60_000}
PROTOCOLS = ["connect", "grpc", "grpc-web"]
COMMAND = ("uvicorn", "--port", "0", "--http", "zttp", "--http2", "streams_over_http_app:app")


def turn(sentence: str) -> ConverseRequest:
    return ConverseRequest(sentence=sentence)


def note(sentence: str) -> SummarizeRequest:
    return SummarizeRequest(sentence=sentence)


@pytest.fixture
def url(serve: Callable[..., Any]) -> str:
    address: str = serve(*COMMAND, cwd=TESTS).url()
    return address


def code_of(function: Callable[[], object]) -> Code:
    with pytest.raises(ConnectError) as caught:
        function()
    return caught.value.code


async def exchange_async(client: ElizaServiceClient) -> None:
    """Client and server take turns: open calls, and an iterator that waits for responses."""
    async with client.open_converse(**TIMEOUT) as call:
        for sentence in ("a", "b"):
            await call.send(turn(sentence))
            received = await call.receive()
            assert received is not None
            assert received.sentence == sentence
        await call.close_send()
        assert await call.receive() is None
    async with client.open_summarize(**TIMEOUT) as collecting:
        await collecting.send(note("a"))
        await collecting.send(note("b"))
        assert (await collecting.close_and_receive()).sentences == 2

    first_received = asyncio.Event()

    async def requests() -> AsyncIterator[ConverseRequest]:
        yield turn("a")
        await first_received.wait()
        yield turn("b")

    sentences: list[str] = []
    async for response in client.converse(requests(), **TIMEOUT):
        sentences.append(response.sentence)
        first_received.set()
    assert sentences == ["a", "b"]


async def end_by_server_async(client: ElizaServiceClient) -> None:
    """The server ends a call while requests are still being sent."""
    for command in ("end", "fail"):
        closed = asyncio.Event()

        async def requests(command: str, closed: asyncio.Event) -> AsyncIterator[ConverseRequest]:
            try:
                yield turn(command)
                await asyncio.Event().wait()
            finally:
                closed.set()

        stream = client.converse(requests(command, closed), **TIMEOUT)
        if command == "end":
            assert [each async for each in stream] == []
        else:
            with pytest.raises(ConnectError, match="as requested"):
                await anext(stream)
        await closed.wait()
        async with client.open_converse(**TIMEOUT) as call:
            await call.send(turn(command))
            with pytest.raises(EOFError if command == "end" else ConnectError):
                await send_until_refused(call)

    async def failing() -> AsyncIterator[ConverseRequest]:
        yield turn("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async for _ in client.converse(failing(), **TIMEOUT):
            pass
    with pytest.raises(ZeroDivisionError):
        await client.summarize((note(str(1 // number)) for number in (1, 0)), **TIMEOUT)


async def send_until_refused(call: BidiCall[ConverseRequest, ConverseResponse]) -> None:
    while True:
        await call.send(turn("more"))


async def end_by_client_async(client: ElizaServiceClient) -> None:
    """The server notices the end of a call, in every phase and for every cause."""

    async def stream() -> None:
        async for _ in client.introduce(IntroduceRequest(name="a")):
            pass

    async def converse(*sentences: str) -> None:
        async for _ in client.converse(turn(each) for each in sentences):
            pass

    async def summarize() -> None:
        await client.summarize([note("wait")])

    async def open_call() -> None:
        async with client.open_converse() as call:
            await call.send(turn("wait"))
            await call.receive()

    for call in (stream, converse("a", "wait"), converse("wait"), summarize, open_call):
        task = asyncio.ensure_future(call() if callable(call) else call)
        await client.say(SayRequest(sentence="waits"), **TIMEOUT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.say(SayRequest(sentence="ended"), **TIMEOUT)
    async with client.open_converse() as left:
        await left.send(turn("a"))
        await left.receive()
    await client.say(SayRequest(sentence="ended"), **TIMEOUT)


def exchange_sync(client: ElizaServiceClientSync) -> None:
    """Client and server take turns: open calls, and an iterator that waits for responses."""
    with client.open_converse(**TIMEOUT) as call:
        for sentence in ("a", "b"):
            call.send(turn(sentence))
            received = call.receive()
            assert received is not None
            assert received.sentence == sentence
        call.close_send()
        assert call.receive() is None
    with client.open_summarize(**TIMEOUT) as collecting:
        collecting.send(note("a"))
        collecting.send(note("b"))
        assert collecting.close_and_receive().sentences == 2

    first_received = threading.Event()

    def requests() -> Iterator[ConverseRequest]:
        yield turn("a")
        assert first_received.wait(60)
        yield turn("b")

    sentences: list[str] = []
    for response in client.converse(requests(), **TIMEOUT):
        sentences.append(response.sentence)
        first_received.set()
    assert sentences == ["a", "b"]


def end_by_server_sync(client: ElizaServiceClientSync) -> None:
    """The server ends a call while requests are still being sent."""
    for command in ("end", "fail"):
        continue_sending, closed = threading.Event(), threading.Event()

        def requests(
            command: str, continue_sending: threading.Event, closed: threading.Event
        ) -> Iterator[ConverseRequest]:
            try:
                yield turn(command)
                continue_sending.wait(60)
                while True:
                    yield turn("more")
            finally:
                closed.set()

        stream = client.converse(requests(command, continue_sending, closed), **TIMEOUT)
        if command == "end":
            assert list(stream) == []
        else:
            with pytest.raises(ConnectError, match="as requested"):
                next(stream)
        continue_sending.set()
        assert closed.wait(60)
        with client.open_converse(**TIMEOUT) as call:
            call.send(turn(command))
            with pytest.raises(EOFError if command == "end" else ConnectError):
                send_until_refused_sync(call)

    with pytest.raises(ZeroDivisionError):
        list(client.converse((turn(str(1 // number)) for number in (1, 0)), **TIMEOUT))
    with pytest.raises(ZeroDivisionError):
        client.summarize((note(str(1 // number)) for number in (1, 0)), **TIMEOUT)


def send_until_refused_sync(call: BidiCallSync[ConverseRequest, ConverseResponse]) -> None:
    while True:
        call.send(turn("more"))


@contextmanager
def ended_while_waiting(client: ElizaServiceClientSync, end: Callable[[], None]) -> Iterator[None]:
    """Run the block; another thread calls `end` after the server has begun to wait."""

    def run() -> None:
        client.say(SayRequest(sentence="waits"), **TIMEOUT)
        end()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()


def end_by_client_sync(client: ElizaServiceClientSync) -> None:
    """The server notices the end of a call, in every phase and for every cause."""

    def open_call(cancellation: Cancellation) -> None:
        with client.open_converse(cancellation=cancellation) as call:
            call.send(turn("wait"))
            call.receive()

    calls: list[Callable[[Cancellation], object]] = [
        lambda it: list(client.introduce(IntroduceRequest(name="a"), cancellation=it)),
        lambda it: list(client.converse([turn("a"), turn("wait")], cancellation=it)),
        lambda it: list(client.converse([turn("wait")], cancellation=it)),
        lambda it: client.summarize([note("wait")], cancellation=it),
        open_call,
    ]
    for call in calls:
        cancellation = Cancellation()
        with ended_while_waiting(client, cancellation.cancel):
            assert code_of(lambda call=call, it=cancellation: call(it)) is Code.CANCELED
        client.say(SayRequest(sentence="ended"), **TIMEOUT)
    with client.open_converse() as left:
        left.send(turn("a"))
        left.receive()
    client.say(SayRequest(sentence="ended"), **TIMEOUT)
    output = client.call_introduce(IntroduceRequest(name="a"))
    with ended_while_waiting(client, output.close):
        assert code_of(lambda: list(output)) is Code.CANCELED
    client.say(SayRequest(sentence="ended"), **TIMEOUT)


every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@every_protocol
@pytest.mark.parametrize("scenario", [exchange_async, end_by_server_async, end_by_client_async])
def test_async_client(
    url: str, protocol: str, scenario: Callable[[ElizaServiceClient], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with asyncio.timeout(300), ElizaServiceClient(url, protocol=protocol) as client:
            await scenario(client)

    asyncio.run(run())


@every_protocol
@pytest.mark.parametrize("scenario", [exchange_sync, end_by_server_sync, end_by_client_sync])
def test_sync_client(
    url: str, protocol: str, scenario: Callable[[ElizaServiceClientSync], None]
) -> None:
    with ElizaServiceClientSync(url, protocol=protocol) as client:
        scenario(client)
