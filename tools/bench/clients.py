"""Our clients beside the HTTP client they use, in turns against one server."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from connectrpc.eliza.v1.eliza_connect import ELIZA_SERVICE_SAY
from connectrpc.eliza.v1.eliza_connect_client import ElizaServiceClient, ElizaServiceClientSync
from connectrpc.eliza.v1.eliza_pb2 import SayRequest, SayResponse

_HEADERS = {"content-type": "application/proto", "connect-protocol-version": "1"}


def _repeat(call: Callable[[], SayResponse], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return calls / (time.perf_counter() - started)


async def _repeat_async(call: Callable[[], Awaitable[SayResponse]], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        await call()
    return calls / (time.perf_counter() - started)


def sync_ratios(base_url: str, rounds: int, calls: int) -> list[float]:
    """Our calls per second by those of raw `httpx.Client`, once per round."""
    url = base_url + ELIZA_SERVICE_SAY.path
    request = SayRequest(sentence="I feel happy.")
    ratios: list[float] = []
    with (
        httpx.Client() as raw,
        httpx.Client() as http,
        ElizaServiceClientSync(base_url, http_client=http) as client,
    ):

        def raw_call() -> SayResponse:
            response = raw.post(url, content=request.SerializeToString(), headers=_HEADERS)
            return SayResponse.FromString(response.content)

        def our_call() -> SayResponse:
            return client.say(request)

        for _ in range(rounds):
            theirs = _repeat(raw_call, calls)
            ratios.append(_repeat(our_call, calls) / theirs)
    return ratios


async def async_ratios(base_url: str, rounds: int, calls: int) -> list[float]:
    """Our calls per second by those of raw `httpx.AsyncClient`, once per round."""
    url = base_url + ELIZA_SERVICE_SAY.path
    request = SayRequest(sentence="I feel happy.")
    ratios: list[float] = []
    async with (
        httpx.AsyncClient() as raw,
        httpx.AsyncClient() as http,
        ElizaServiceClient(base_url, http_client=http) as client,
    ):

        async def raw_call() -> SayResponse:
            response = await raw.post(url, content=request.SerializeToString(), headers=_HEADERS)
            return SayResponse.FromString(response.content)

        async def our_call() -> SayResponse:
            return await client.say(request)

        for _ in range(rounds):
            theirs = await _repeat_async(raw_call, calls)
            ratios.append(await _repeat_async(our_call, calls) / theirs)
    return ratios


def all_ratios(base_url: str, rounds: int, calls: int) -> dict[str, list[float]]:
    """The ratios of both colours."""
    return {
        "sync": sync_ratios(base_url, rounds, calls),
        "async": asyncio.run(async_ratios(base_url, rounds, calls)),
    }
