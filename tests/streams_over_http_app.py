"""Streams that do as they are told, for `test_streams.py`. Run with `uvicorn streams_app:app`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from connectrpc_server import Code, ConnectError, RequestContext
from eliza.v1.eliza_connect import ElizaService, ElizaServiceASGIApplication
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    ConverseResponse,
    IntroduceRequest,
    IntroduceResponse,
    SayRequest,
    SayResponse,
    SummarizeRequest,
    SummarizeResponse,
)


class Obedient(ElizaService):
    """Repeats what it hears, apart from commands.

    `say` answers once a call `waits`, or once one `ended` because of its client.
    """

    def __init__(self) -> None:
        self._seen = {"waits": asyncio.Semaphore(0), "ended": asyncio.Semaphore(0)}

    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        await self._seen[request.sentence].acquire()
        return SayResponse()

    async def summarize(
        self, requests: AsyncIterator[SummarizeRequest], ctx: RequestContext
    ) -> SummarizeResponse:
        number = 0
        with self._watching():
            async for request in requests:
                if await self._is_end(request.sentence):
                    break
                number += 1
        return SummarizeResponse(sentences=number)

    async def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> AsyncIterator[IntroduceResponse]:
        with self._watching():
            yield IntroduceResponse(sentence=request.name)
            await self._is_end("wait")

    async def converse(
        self, requests: AsyncIterator[ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[ConverseResponse]:
        with self._watching():
            async for request in requests:
                if await self._is_end(request.sentence):
                    break
                yield ConverseResponse(sentence=request.sentence)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, ConnectError) and error.code is Code.ABORTED):
                self._seen["ended"].release()
            raise

    async def _is_end(self, command: str) -> bool:
        if command == "fail":
            raise ConnectError(Code.ABORTED, "as you like")
        if command == "wait":
            self._seen["waits"].release()
            await asyncio.Event().wait()
        return command == "end"


app = ElizaServiceASGIApplication(Obedient())
