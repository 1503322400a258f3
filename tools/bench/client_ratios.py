"""Compare our clients with the HTTP clients that they use, in turns, on one server."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import httpx
import pyqwest

from eliza.v1.eliza_connect import ELIZA_SERVICE_SAY
from eliza.v1.eliza_connect_client import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest, SayResponse

_HEADERS = {"content-type": "application/proto", "connect-protocol-version": "1"}
MAIN_THREAD = "sync, main thread / pyqwest"
"""The name of the ratio of sync calls in the main thread.

There our client makes the call in a worker thread, so that Ctrl-C can interrupt it. Ctrl-C cannot
interrupt raw pyqwest. The thread costs time, so this ratio has a goal of its own.
"""

_REQUEST = SayRequest(sentence="I feel happy.")


class _Library(Protocol):
    """Compares the raw clients of one library with our clients over them, async and sync."""

    def sync(self, base_url: str, rounds: int, calls: int) -> list[float]: ...
    async def asynchronous(self, base_url: str, rounds: int, calls: int) -> list[float]: ...


class _Httpx:
    def sync(self, base_url: str, rounds: int, calls: int) -> list[float]:
        url = base_url + ELIZA_SERVICE_SAY.path
        with (
            httpx.Client() as raw,
            httpx.Client() as http,
            ElizaServiceClientSync(base_url, http_client=http) as client,
        ):

            def raw_call() -> SayResponse:
                content = _REQUEST.SerializeToString()
                response = raw.post(url, content=content, headers=_HEADERS)
                return SayResponse.FromString(response.content)

            return _ratios(raw_call, partial(client.say, _REQUEST), rounds, calls)

    async def asynchronous(self, base_url: str, rounds: int, calls: int) -> list[float]:
        url = base_url + ELIZA_SERVICE_SAY.path
        async with (
            httpx.AsyncClient() as raw,
            httpx.AsyncClient() as http,
            ElizaServiceClient(base_url, http_client=http) as client,
        ):

            async def raw_call() -> SayResponse:
                content = _REQUEST.SerializeToString()
                response = await raw.post(url, content=content, headers=_HEADERS)
                return SayResponse.FromString(response.content)

            return await _ratios_async(raw_call, partial(client.say, _REQUEST), rounds, calls)


class _Pyqwest:
    """The raw calls read the response piece by piece, as our client must to limit its size."""

    def sync(self, base_url: str, rounds: int, calls: int) -> list[float]:
        url = base_url + ELIZA_SERVICE_SAY.path
        with (
            pyqwest.SyncHTTPTransport(enable_gzip=False) as own,
            ElizaServiceClientSync(base_url) as client,
        ):
            raw = pyqwest.SyncClient(own)

            def raw_call() -> SayResponse:
                content = _REQUEST.SerializeToString()
                with raw.stream("POST", url, _HEADERS, content) as response:
                    return SayResponse.FromString(b"".join(response.content))

            return _ratios(raw_call, partial(client.say, _REQUEST), rounds, calls)

    async def asynchronous(self, base_url: str, rounds: int, calls: int) -> list[float]:
        url = base_url + ELIZA_SERVICE_SAY.path
        async with (
            pyqwest.HTTPTransport(enable_gzip=False) as own,
            ElizaServiceClient(base_url) as client,
        ):
            raw = pyqwest.Client(own)

            async def raw_call() -> SayResponse:
                content = _REQUEST.SerializeToString()
                async with raw.stream("POST", url, _HEADERS, content) as response:
                    pieces = [piece async for piece in response.content]
                return SayResponse.FromString(b"".join(pieces))

            return await _ratios_async(raw_call, partial(client.say, _REQUEST), rounds, calls)


def _ratios(
    raw: Callable[[], SayResponse], ours: Callable[[], SayResponse], rounds: int, calls: int
) -> list[float]:
    """Return our calls per second divided by raw calls per second, for each round but the first.

    The first round warms up.
    """
    ratios = [_per_second(ours, calls) / _per_second(raw, calls) for _ in range(rounds + 1)]
    return ratios[1:]


async def _ratios_async(
    raw: Callable[[], Awaitable[SayResponse]],
    ours: Callable[[], Awaitable[SayResponse]],
    rounds: int,
    calls: int,
) -> list[float]:
    ratios = [
        await _per_second_async(ours, calls) / await _per_second_async(raw, calls)
        for _ in range(rounds + 1)
    ]
    return ratios[1:]


def _per_second(call: Callable[[], SayResponse], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return calls / (time.perf_counter() - started)


async def _per_second_async(call: Callable[[], Awaitable[SayResponse]], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        await call()
    return calls / (time.perf_counter() - started)


def all_ratios(base_url: str, rounds: int, calls: int) -> dict[str, list[float]]:
    """Return the ratios of all rounds, by the name of the comparison."""
    found: dict[str, list[float]] = {}
    libraries: dict[str, _Library] = {"httpx": _Httpx(), "pyqwest": _Pyqwest()}
    for name, library in libraries.items():
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(library.sync, base_url, rounds, calls)
            found[f"sync client / raw {name}"] = running.result()
        coroutine = library.asynchronous(base_url, rounds, calls)
        found[f"async client / raw {name}"] = asyncio.run(coroutine)
    found[MAIN_THREAD] = _Pyqwest().sync(base_url, rounds, calls)
    return found
