"""ConformanceService, async and sync."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from connectrpc.conformance.v1 import service_pb2 as pb
from connectrpc.conformance.v1.service_connect_server import (
    ConformanceService,
    ConformanceServiceSync,
)

from connectrpc_server import RequestContext
from server.responses import Step, StreamAnswer, answer_one


class Service(ConformanceService):
    """What the ASGI applications serve. `Unimplemented` stays as it is generated."""

    async def unary(self, request: pb.UnaryRequest, ctx: RequestContext) -> pb.UnaryResponse:
        step = answer_one(request.response_definition, [request], ctx)
        return pb.UnaryResponse(payload=await _later(step))

    async def idempotent_unary(
        self, request: pb.IdempotentUnaryRequest, ctx: RequestContext
    ) -> pb.IdempotentUnaryResponse:
        step = answer_one(request.response_definition, [request], ctx)
        return pb.IdempotentUnaryResponse(payload=await _later(step))

    async def client_stream(
        self, requests: AsyncIterator[pb.ClientStreamRequest], ctx: RequestContext
    ) -> pb.ClientStreamResponse:
        received = [request async for request in requests]
        step = answer_one(_definition(received), received, ctx)
        return pb.ClientStreamResponse(payload=await _later(step))

    async def server_stream(
        self, request: pb.ServerStreamRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.ServerStreamResponse]:
        answer = StreamAnswer(ctx)
        for steps in (answer.receive(request), answer.finish()):
            for step in steps:
                yield pb.ServerStreamResponse(payload=await _later(step))

    async def bidi_stream(
        self, requests: AsyncIterator[pb.BidiStreamRequest], ctx: RequestContext
    ) -> AsyncIterator[pb.BidiStreamResponse]:
        answer = StreamAnswer(ctx)
        async for request in requests:
            for step in answer.receive(request):
                yield pb.BidiStreamResponse(payload=await _later(step))
            if answer.is_over:
                break
        for step in answer.finish():
            yield pb.BidiStreamResponse(payload=await _later(step))


class ServiceSync(ConformanceServiceSync):
    """What the WSGI applications serve. `Unimplemented` stays as it is generated."""

    def unary(self, request: pb.UnaryRequest, ctx: RequestContext) -> pb.UnaryResponse:
        step = answer_one(request.response_definition, [request], ctx)
        return pb.UnaryResponse(payload=_later_sync(step))

    def idempotent_unary(
        self, request: pb.IdempotentUnaryRequest, ctx: RequestContext
    ) -> pb.IdempotentUnaryResponse:
        step = answer_one(request.response_definition, [request], ctx)
        return pb.IdempotentUnaryResponse(payload=_later_sync(step))

    def client_stream(
        self, requests: Iterator[pb.ClientStreamRequest], ctx: RequestContext
    ) -> pb.ClientStreamResponse:
        received = list(requests)
        step = answer_one(_definition(received), received, ctx)
        return pb.ClientStreamResponse(payload=_later_sync(step))

    def server_stream(
        self, request: pb.ServerStreamRequest, ctx: RequestContext
    ) -> Iterator[pb.ServerStreamResponse]:
        answer = StreamAnswer(ctx)
        for steps in (answer.receive(request), answer.finish()):
            for step in steps:
                yield pb.ServerStreamResponse(payload=_later_sync(step))

    def bidi_stream(
        self, requests: Iterator[pb.BidiStreamRequest], ctx: RequestContext
    ) -> Iterator[pb.BidiStreamResponse]:
        answer = StreamAnswer(ctx)
        for request in requests:
            for step in answer.receive(request):
                yield pb.BidiStreamResponse(payload=_later_sync(step))
            if answer.is_over:
                break
        for step in answer.finish():
            yield pb.BidiStreamResponse(payload=_later_sync(step))


def _definition(received: list[pb.ClientStreamRequest]) -> pb.UnaryResponseDefinition:
    """Only the first request says what to answer; without one, nothing is asked for."""
    return received[0].response_definition if received else pb.UnaryResponseDefinition()


async def _later(step: Step) -> pb.ConformancePayload:
    if step.delay:
        await asyncio.sleep(step.delay)
    return step.payload


def _later_sync(step: Step) -> pb.ConformancePayload:
    if step.delay:
        time.sleep(step.delay)
    return step.payload
