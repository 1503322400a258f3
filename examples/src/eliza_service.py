"""Eliza as a service: async for ASGI servers, sync for WSGI servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import eliza_replies
from connectrpc_server import Code, ConnectError, RequestContext
from eliza.v1.eliza_connect import ElizaService, ElizaServiceSync
from eliza.v1.eliza_pb2 import (
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


class Eliza(ElizaService):
    """For ASGI servers. Eliza waits `pause` seconds before each sentence of `introduce`."""

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
        for sentence in eliza_replies.introduction(request.name):
            await asyncio.sleep(self._pause)
            yield IntroduceResponse(sentence=sentence)

    async def converse(
        self, requests: AsyncIterator[ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[ConverseResponse]:
        async for request in requests:
            yield ConverseResponse(sentence=eliza_replies.reply_to(request.sentence))
            if eliza_replies.is_goodbye(request.sentence):
                break


class ElizaSync(ElizaServiceSync):
    """For WSGI servers. Eliza waits `pause` seconds before each sentence of `introduce`."""

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
        for sentence in eliza_replies.introduction(request.name):
            time.sleep(self._pause)
            yield IntroduceResponse(sentence=sentence)

    def converse(
        self, requests: Iterator[ConverseRequest], ctx: RequestContext
    ) -> Iterator[ConverseResponse]:
        for request in requests:
            yield ConverseResponse(sentence=eliza_replies.reply_to(request.sentence))
            if eliza_replies.is_goodbye(request.sentence):
                break


def _say(request: SayRequest, ctx: RequestContext) -> SayResponse:
    if not request.sentence:
        raise ConnectError(
            Code.INVALID_ARGUMENT,
            "the sentence is empty",
            details=[Suggestion(sentence="I feel tired")],
        )
    ctx.response_headers["eliza-mood"] = "attentive"
    return SayResponse(sentence=eliza_replies.reply_to(request.sentence))


def _summarize(sentences: list[str]) -> SummarizeResponse:
    return SummarizeResponse(diagnosis=eliza_replies.diagnosis(sentences), sentences=len(sentences))
