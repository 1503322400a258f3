"""The service under test, async and sync; `server.responses` says what it responds."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from connectrpc.conformance.v1 import service_pb2 as pb
from connectrpc.conformance.v1.service_connect_server import (
    ConformanceService,
    ConformanceServiceSync,
)

from connectrpc_server import RequestContext
from server.responses import StreamResponses, TimedPayload, respond_once


class Service(ConformanceService):
    """The service of the ASGI application. It leaves `Unimplemented` as generated."""

    async def unary(self, request: pb.UnaryRequest, ctx: RequestContext) -> pb.UnaryResponse:
        timed = respond_once(request.response_definition, [request], ctx)
        return pb.UnaryResponse(payload=await _payload(timed))

    async def idempotent_unary(
        self, request: pb.IdempotentUnaryRequest, ctx: RequestContext
    ) -> pb.IdempotentUnaryResponse:
        timed = respond_once(request.response_definition, [request], ctx)
        return pb.IdempotentUnaryResponse(payload=await _payload(timed))

    async def client_stream(
        self, requests: AsyncIterator[pb.ClientStreamRequest], ctx: RequestContext
    ) -> pb.ClientStreamResponse:
        received = [request async for request in requests]
        timed = respond_once(_definition(received), received, ctx)
        return pb.ClientStreamResponse(payload=await _payload(timed))

    async def server_stream(
        self, request: pb.ServerStreamRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.ServerStreamResponse]:
        responses = StreamResponses(ctx)
        for batch in (responses.receive(request), responses.finish()):
            for timed in batch:
                yield pb.ServerStreamResponse(payload=await _payload(timed))

    async def bidi_stream(
        self, requests: AsyncIterator[pb.BidiStreamRequest], ctx: RequestContext
    ) -> AsyncIterator[pb.BidiStreamResponse]:
        responses = StreamResponses(ctx)
        async for request in requests:
            for timed in responses.receive(request):
                yield pb.BidiStreamResponse(payload=await _payload(timed))
            if responses.is_complete:
                break
        for timed in responses.finish():
            yield pb.BidiStreamResponse(payload=await _payload(timed))


class ServiceSync(ConformanceServiceSync):
    """The service of the WSGI application. It leaves `Unimplemented` as generated."""

    def unary(self, request: pb.UnaryRequest, ctx: RequestContext) -> pb.UnaryResponse:
        timed = respond_once(request.response_definition, [request], ctx)
        return pb.UnaryResponse(payload=_payload_sync(timed))

    def idempotent_unary(
        self, request: pb.IdempotentUnaryRequest, ctx: RequestContext
    ) -> pb.IdempotentUnaryResponse:
        timed = respond_once(request.response_definition, [request], ctx)
        return pb.IdempotentUnaryResponse(payload=_payload_sync(timed))

    def client_stream(
        self, requests: Iterator[pb.ClientStreamRequest], ctx: RequestContext
    ) -> pb.ClientStreamResponse:
        received = list(requests)
        timed = respond_once(_definition(received), received, ctx)
        return pb.ClientStreamResponse(payload=_payload_sync(timed))

    def server_stream(
        self, request: pb.ServerStreamRequest, ctx: RequestContext
    ) -> Iterator[pb.ServerStreamResponse]:
        responses = StreamResponses(ctx)
        for batch in (responses.receive(request), responses.finish()):
            for timed in batch:
                yield pb.ServerStreamResponse(payload=_payload_sync(timed))

    def bidi_stream(
        self, requests: Iterator[pb.BidiStreamRequest], ctx: RequestContext
    ) -> Iterator[pb.BidiStreamResponse]:
        responses = StreamResponses(ctx)
        for request in requests:
            for timed in responses.receive(request):
                yield pb.BidiStreamResponse(payload=_payload_sync(timed))
            if responses.is_complete:
                break
        for timed in responses.finish():
            yield pb.BidiStreamResponse(payload=_payload_sync(timed))


def _definition(received: list[pb.ClientStreamRequest]) -> pb.UnaryResponseDefinition:
    """Return the definition in the first request; other requests do not have one."""
    return received[0].response_definition if received else pb.UnaryResponseDefinition()


async def _payload(timed: TimedPayload) -> pb.ConformancePayload:
    if timed.delay:
        await asyncio.sleep(timed.delay)
    return timed.payload


def _payload_sync(timed: TimedPayload) -> pb.ConformancePayload:
    if timed.delay:
        time.sleep(timed.delay)
    return timed.payload
