"""Eliza as a service: async for ASGI servers, sync for WSGI servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import eliza
from connectrpc.eliza.v1.eliza_connect import ElizaService, ElizaServiceSync
from connectrpc.eliza.v1.eliza_pb2 import (
    ConverseRequest,
    ConverseResponse,
    IntroduceRequest,
    IntroduceResponse,
    SayRequest,
    SayResponse,
    Suggestion,
    SummarizeRequest,
    SummarizeResponse,
)
from connectrpc_server import Code, ConnectError, RequestContext


class Eliza(ElizaService):
    """For ASGI servers. `pause` is how long she thinks before a sentence of welcome, in seconds."""

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause

    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        return _say(request, ctx)

    async def summarize(
        self, requests: AsyncIterator[SummarizeRequest], ctx: RequestContext
    ) -> SummarizeResponse:
        return _summarize([request.sentence async for request in requests])

    async def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> AsyncIterator[IntroduceResponse]:
        for sentence in eliza.introduction(request.name):
            await asyncio.sleep(self._pause)
            yield IntroduceResponse(sentence=sentence)

    async def converse(
        self, requests: AsyncIterator[ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[ConverseResponse]:
        async for request in requests:
            yield ConverseResponse(sentence=eliza.answer(request.sentence))
            if eliza.is_goodbye(request.sentence):
                break


class ElizaSync(ElizaServiceSync):
    """For WSGI servers. `pause` is how long she thinks before a sentence of welcome, in seconds."""

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause

    def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        return _say(request, ctx)

    def summarize(
        self, requests: Iterator[SummarizeRequest], ctx: RequestContext
    ) -> SummarizeResponse:
        return _summarize([request.sentence for request in requests])

    def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> Iterator[IntroduceResponse]:
        for sentence in eliza.introduction(request.name):
            time.sleep(self._pause)
            yield IntroduceResponse(sentence=sentence)

    def converse(
        self, requests: Iterator[ConverseRequest], ctx: RequestContext
    ) -> Iterator[ConverseResponse]:
        for request in requests:
            yield ConverseResponse(sentence=eliza.answer(request.sentence))
            if eliza.is_goodbye(request.sentence):
                break


def _say(request: SayRequest, ctx: RequestContext) -> SayResponse:
    if not request.sentence:
        raise ConnectError(
            Code.INVALID_ARGUMENT,
            "the sentence is empty",
            details=[Suggestion(sentence="I feel tired")],
        )
    ctx.response_headers["eliza-mood"] = "attentive"
    return SayResponse(sentence=eliza.answer(request.sentence))


def _summarize(sentences: list[str]) -> SummarizeResponse:
    return SummarizeResponse(diagnosis=eliza.diagnosis(sentences), sentences=len(sentences))
