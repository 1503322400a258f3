"""Our clients call HTTP servers, and applications in process.

Every kind of call, both codecs and every compression.
"""

import asyncio
import importlib
import queue
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from asgi_server import app as asgi_app
from connectrpc_client import Code, ConnectError
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
)
from eliza.v1.eliza_connect import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    ConverseResponse,
    IntroduceRequest,
    SayRequest,
    Suggestion,
    SummarizeRequest,
)
from wsgi_server import app as wsgi_app

SERVERS = {
    "uvicorn-httptools": ("uvicorn", "--port", "0", "--http", "httptools", "asgi_server:app"),
    "uvicorn-h11": ("uvicorn", "--port", "0", "--http", "h11", "asgi_server:app"),
    "gunicorn": ("gunicorn", "--bind", "127.0.0.1:0", "--threads", "4", "wsgi_server:app"),
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"codec": "json"},
    *(
        {"send_compression": name, "accept_compression": [name], "compress_min_bytes": 0}
        for name in ("gzip", "br", "zstd")
    ),
]
LONG = "I feel sad. " * 1000
SENTENCES = ("hello", "I need a break", "bye")


def call_sync(client: ElizaServiceClientSync) -> None:
    """Make every kind of call."""
    output = client.call_say(SayRequest(sentence=LONG))
    assert output.message.sentence
    assert output.headers["eliza-mood"] == "attentive"
    assert client.say(SayRequest(sentence="hi"), use_get=True, timeout_ms=60_000).sentence
    sentences = [SummarizeRequest(sentence=LONG)] * 3
    assert client.summarize(sentences, timeout_ms=60_000).sentences == 3
    assert len(list(client.introduce(IntroduceRequest(name="Ada")))) > 1
    turns = [ConverseRequest(sentence=LONG)] * 3
    assert len(list(client.converse(turns))) == 3
    with pytest.raises(ConnectError) as caught:
        client.say(SayRequest())
    check_error(caught.value)
    with pytest.raises(ConnectError) as caught:
        list(client.introduce(IntroduceRequest(name="Ada"), timeout_ms=30))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


async def call_async(client: ElizaServiceClient) -> None:
    """Make every kind of call."""
    output = await client.call_say(SayRequest(sentence=LONG))
    assert output.message.sentence
    assert output.headers["eliza-mood"] == "attentive"
    got = await client.say(SayRequest(sentence="hi"), use_get=True, timeout_ms=60_000)
    assert got.sentence
    sentences = [SummarizeRequest(sentence=LONG)] * 3
    assert (await client.summarize(sentences, timeout_ms=60_000)).sentences == 3
    assert len([each async for each in client.introduce(IntroduceRequest(name="Ada"))]) > 1
    turns = [ConverseRequest(sentence=LONG)] * 3
    assert len([each async for each in client.converse(turns)]) == 3
    with pytest.raises(ConnectError) as caught:
        await client.say(SayRequest())
    check_error(caught.value)
    with pytest.raises(ConnectError) as caught:
        await last(client)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    calls = (client.say(SayRequest(sentence=f"{number}")) for number in range(50))
    assert all(reply.sentence for reply in await asyncio.gather(*calls))


async def last(client: ElizaServiceClient) -> None:
    async for _ in client.introduce(IntroduceRequest(name="Ada"), timeout_ms=30):
        pass


def check_error(error: ConnectError) -> None:
    assert error.code is Code.INVALID_ARGUMENT
    (detail,) = error.details
    assert detail.unpack(Suggestion).sentence


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("server", SERVERS)
def test_sync_client(serve: Callable[..., Any], server: str, library: str) -> None:
    url = serve(*SERVERS[server]).url()
    http = importlib.import_module(library)
    for options in OPTIONS:
        with (
            http.Client(timeout=60) as http_client,
            ElizaServiceClientSync(url, http_client=http_client, **options) as client,
        ):
            call_sync(client)


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("server", SERVERS)
def test_async_client(serve: Callable[..., Any], server: str, library: str) -> None:
    url = serve(*SERVERS[server]).url()
    http = importlib.import_module(library)

    async def use(call: Callable[[ElizaServiceClient], Awaitable[None]]) -> None:
        for options in OPTIONS:
            async with (
                http.AsyncClient(timeout=60) as http_client,
                ElizaServiceClient(url, http_client=http_client, **options) as client,
            ):
                await call(client)

    asyncio.run(use(call_async))


@pytest.mark.parametrize("server", SERVERS)
def test_default_http_client(serve: Callable[..., Any], server: str) -> None:
    url = serve(*SERVERS[server]).url()
    with ElizaServiceClientSync(url) as client:
        call_sync(client)

    async def use() -> None:
        async with ElizaServiceClient(url) as client:
            await call_async(client)

    asyncio.run(use())


protocols = pytest.mark.parametrize("protocol", ["connect", "grpc", "grpc-web"])


@protocols
@pytest.mark.parametrize(
    "transport", [(WSGITransport, wsgi_app), (ASGITransportSync, asgi_app)], ids=["wsgi", "asgi"]
)
def test_sync_client_in_process(transport: tuple[Any, Any], protocol: str) -> None:
    make, app = transport
    with make(app) as http_client:
        for options in OPTIONS:
            with ElizaServiceClientSync(
                "http://test", http_client=http_client, protocol=protocol, **options
            ) as client:
                call_sync(client)
                converse_in_turns_sync(client)


@protocols
@pytest.mark.parametrize(
    "transport", [(ASGITransport, asgi_app), (WSGITransportAsync, wsgi_app)], ids=["asgi", "wsgi"]
)
def test_async_client_in_process(transport: tuple[Any, Any], protocol: str) -> None:
    make, app = transport

    async def use() -> None:
        async with make(app) as http_client, asyncio.timeout(60):
            for options in OPTIONS:
                async with ElizaServiceClient(
                    "http://test", http_client=http_client, protocol=protocol, **options
                ) as client:
                    await call_async(client)
                    await converse_in_turns_async(client)

    asyncio.run(use())


def converse_in_turns_sync(client: ElizaServiceClientSync) -> None:
    """Send each sentence after the response to the one before."""
    responses: queue.Queue[ConverseResponse] = queue.Queue()

    def turns() -> Iterator[ConverseRequest]:
        for sentence in SENTENCES:
            yield ConverseRequest(sentence=sentence)
            assert responses.get(timeout=60).sentence

    count = 0
    for response in client.converse(turns()):
        responses.put(response)
        count += 1
    assert count == len(SENTENCES)


async def converse_in_turns_async(client: ElizaServiceClient) -> None:
    """Send each sentence after the response to the one before."""
    responses: asyncio.Queue[ConverseResponse] = asyncio.Queue()

    async def turns() -> AsyncIterator[ConverseRequest]:
        for sentence in SENTENCES:
            yield ConverseRequest(sentence=sentence)
            assert (await responses.get()).sentence

    count = 0
    async for response in client.converse(turns()):
        responses.put_nowait(response)
        count += 1
    assert count == len(SENTENCES)
