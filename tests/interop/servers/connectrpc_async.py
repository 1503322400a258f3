"""The service in our async API: `app` is an ASGI application."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress

import responses
from interop.v1 import interop_pb2 as pb
from interop.v1.interop_connect import (
    ImpatientService,
    ImpatientServiceASGIApplication,
    InteropService,
    InteropServiceASGIApplication,
)

from connectrpc_server import Code, ConnectError, Headers, RequestContext, combine


class Interop(InteropService):
    def __init__(self) -> None:
        self._events: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self._guests: defaultdict[str, int] = defaultdict(int)

    async def echo(self, request: pb.EchoRequest, ctx: RequestContext) -> pb.EchoResponse:
        return_metadata(ctx)
        return responses.echo(request)

    async def collect(
        self, requests: AsyncIterator[pb.EchoRequest], ctx: RequestContext
    ) -> pb.EchoResponse:
        return_metadata(ctx)
        return responses.collect([request async for request in requests])

    async def repeat(
        self, request: pb.RepeatRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.EchoResponse]:
        return_metadata(ctx)
        for response in responses.repeat(request):
            yield response

    async def chat(
        self, requests: AsyncIterator[pb.EchoRequest], ctx: RequestContext
    ) -> AsyncIterator[pb.EchoResponse]:
        return_metadata(ctx)
        async for request in requests:
            yield responses.echo(request)
            if responses.is_goodbye(request):
                break

    async def fail(self, request: pb.FailRequest, ctx: RequestContext) -> pb.EchoResponse:
        raise failure(request, ctx)

    async def fail_late(
        self, request: pb.FailRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.EchoResponse]:
        yield pb.EchoResponse(text="so far")
        raise failure(request, ctx)

    async def remaining(
        self, request: pb.RemainingRequest, ctx: RequestContext
    ) -> pb.RemainingResponse:
        return responses.remaining(ctx.timeout_ms)

    async def wait(self, request: pb.WaitRequest, ctx: RequestContext) -> pb.WaitResponse:
        self._events[request.key, "started"].set()
        try:
            await asyncio.sleep(responses.PONDERING)
        except asyncio.CancelledError:
            self._events[request.key, "canceled"].set()
            raise
        return pb.WaitResponse()

    async def tick(
        self, request: pb.WaitRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.WaitResponse]:
        try:
            while True:
                yield pb.WaitResponse()
                await asyncio.sleep(0.01)
        finally:
            self._events[request.key, "canceled"].set()

    async def meet(self, request: pb.MeetRequest, ctx: RequestContext) -> pb.MeetResponse:
        self._guests[request.key] += 1
        if self._guests[request.key] == request.guests:
            self._events[request.key, "all there"].set()
        await self._events[request.key, "all there"].wait()
        return pb.MeetResponse()

    async def observe(self, request: pb.ObserveRequest, ctx: RequestContext) -> pb.ObserveResponse:
        event = self._events[request.key, request.event]
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), responses.OBSERVATION)
        return pb.ObserveResponse(happened=event.is_set())


class Impatient(ImpatientService):
    async def ponder(self, request: pb.WaitRequest, ctx: RequestContext) -> pb.WaitResponse:
        await asyncio.sleep(responses.PONDERING)
        return pb.WaitResponse()


def return_metadata(ctx: RequestContext) -> None:
    """Send the metadata of the request back as headers and trailers."""
    pairs = list(ctx.request_headers.multi_items())
    for name, value in responses.headers(pairs):
        ctx.response_headers.add(name, value)
    for name, value in responses.trailers(pairs):
        ctx.response_trailers.add(name, value)


def failure(request: pb.FailRequest, ctx: RequestContext) -> ConnectError:
    code = next(code for code in Code if code.grpc == request.code)
    metadata = Headers(responses.trailers(ctx.request_headers.multi_items()))
    return ConnectError(code, request.message, details=request.details, metadata=metadata)


app = combine(
    InteropServiceASGIApplication(Interop()),
    ImpatientServiceASGIApplication(Impatient(), default_timeout_ms=responses.IMPATIENCE),
)
