"""The service of `test_streams_over_http.py`: its requests are commands.

Run it with `uvicorn streams_over_http_app:app`.
"""

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


class CommandedService(ElizaService):
    """Returns the sentences that it receives, unless they are commands.

    "end" ends a call, "fail" raises an error, and "wait" waits until the client ends the call.
    `say` returns after a call has begun to wait ("waits"), or after a client ended a call
    ("ended").
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
        with self._recording_end():
            async for request in requests:
                if await self._is_end(request.sentence):
                    break
                number += 1
        return SummarizeResponse(sentences=number)

    async def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> AsyncIterator[IntroduceResponse]:
        with self._recording_end():
            yield IntroduceResponse(sentence=request.name)
            await self._is_end("wait")

    async def converse(
        self, requests: AsyncIterator[ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[ConverseResponse]:
        with self._recording_end():
            async for request in requests:
                if await self._is_end(request.sentence):
                    break
                yield ConverseResponse(sentence=request.sentence)

    @contextmanager
    def _recording_end(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, ConnectError) and error.code is Code.ABORTED):
                self._seen["ended"].release()
            raise

    async def _is_end(self, command: str) -> bool:
        if command == "fail":
            raise ConnectError(Code.ABORTED, "as requested")
        if command == "wait":
            self._seen["waits"].release()
            await asyncio.Event().wait()
        return command == "end"


app = ElizaServiceASGIApplication(CommandedService())
