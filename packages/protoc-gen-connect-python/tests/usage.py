"""A user's code that uses the modules generated from `eliza.proto`; type checkers accept it."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import assert_type

from acme.eliza.v1 import eliza_pb2 as pb
from acme.eliza.v1.eliza_connect import (
    ELIZA_SERVICE_SAY,
    ElizaService,
    ElizaServiceASGIApplication,
    ElizaServiceClient,
    ElizaServiceClientSync,
    ElizaServiceSync,
    ElizaServiceWSGIApplication,
)

from connectrpc_client import (
    BidiCall,
    BidiCallSync,
    Cancellation,
    ClientStreamCall,
    ClientStreamCallSync,
    StreamOutput,
    StreamOutputSync,
    UnaryOutput,
)
from connectrpc_protocol import Method
from connectrpc_server import RequestContext


class Eliza(ElizaService):
    async def say(self, request: pb.SayRequest, ctx: RequestContext) -> pb.SayResponse:
        return pb.SayResponse(sentence=request.sentence)

    async def collect(
        self, requests: AsyncIterator[pb.SayRequest], ctx: RequestContext
    ) -> pb.SayResponse:
        return pb.SayResponse(sentence=" ".join([request.sentence async for request in requests]))

    async def introduce(
        self, request: pb.IntroduceRequest, ctx: RequestContext
    ) -> AsyncIterator[pb.IntroduceResponse]:
        yield pb.IntroduceResponse(sentence=f"Hi {request.name}.")
        yield pb.IntroduceResponse(sentence="I am Eliza.")

    async def converse(
        self, requests: AsyncIterator[pb.ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[pb.ConverseResponse]:
        async for request in requests:
            yield pb.ConverseResponse(sentence=request.sentence)


class ElizaSync(ElizaServiceSync):
    def say(self, request: pb.SayRequest, ctx: RequestContext) -> pb.SayResponse:
        return pb.SayResponse(sentence=request.sentence)

    def collect(self, requests: Iterator[pb.SayRequest], ctx: RequestContext) -> pb.SayResponse:
        return pb.SayResponse(sentence=" ".join(request.sentence for request in requests))

    def introduce(
        self, request: pb.IntroduceRequest, ctx: RequestContext
    ) -> Iterator[pb.IntroduceResponse]:
        yield pb.IntroduceResponse(sentence=f"Hi {request.name}.")
        yield pb.IntroduceResponse(sentence="I am Eliza.")


asgi = ElizaServiceASGIApplication(Eliza())
wsgi = ElizaServiceWSGIApplication(ElizaSync())
assert_type(ELIZA_SERVICE_SAY, Method[pb.SayRequest, pb.SayResponse])


async def use(client: ElizaServiceClient) -> None:
    request = pb.SayRequest(sentence="hi")
    assert_type(await client.say(request, headers={"a": "b"}, use_get=True), pb.SayResponse)
    assert_type(await client.call_say(request, timeout_ms=5), UnaryOutput[pb.SayResponse])
    assert_type(await client.collect([request]), pb.SayResponse)
    responses = client.introduce(pb.IntroduceRequest(name="Ada"))
    assert_type(responses, AsyncGenerator[pb.IntroduceResponse])
    async for response in responses:
        assert_type(response, pb.IntroduceResponse)
    output = await client.call_converse([pb.ConverseRequest()])
    assert_type(output, StreamOutput[pb.ConverseResponse])
    async with client.open_collect(headers={"a": "b"}) as collecting:
        assert_type(collecting, ClientStreamCall[pb.SayRequest, pb.SayResponse])
        await collecting.send(request)
        assert_type(await collecting.close_and_receive(), pb.SayResponse)
    async with client.open_converse(timeout_ms=5) as call:
        assert_type(call, BidiCall[pb.ConverseRequest, pb.ConverseResponse])
        await call.send(pb.ConverseRequest())
        await call.close_send()
        assert_type(await call.receive(), pb.ConverseResponse | None)
        async for message in call:
            assert_type(message, pb.ConverseResponse)


def use_sync(client: ElizaServiceClientSync) -> None:
    request = pb.SayRequest(sentence="hi")
    cancellation = Cancellation()
    assert_type(client.say(request, cancellation=cancellation, use_get=True), pb.SayResponse)
    assert_type(client.call_collect(iter([request])), UnaryOutput[pb.SayResponse])
    responses = client.converse([pb.ConverseRequest()])
    assert_type(responses, Generator[pb.ConverseResponse])
    output = client.call_introduce(pb.IntroduceRequest())
    assert_type(output, StreamOutputSync[pb.IntroduceResponse])
    with client.open_collect(cancellation=cancellation) as collecting:
        assert_type(collecting, ClientStreamCallSync[pb.SayRequest, pb.SayResponse])
        collecting.send(request)
        assert_type(collecting.close_and_receive(), pb.SayResponse)
    with client.open_converse(timeout_ms=5, cancellation=cancellation) as call:
        assert_type(call, BidiCallSync[pb.ConverseRequest, pb.ConverseResponse])
        call.send(pb.ConverseRequest())
        call.close_send()
        assert_type(call.receive(), pb.ConverseResponse | None)
        for message in call:
            assert_type(message, pb.ConverseResponse)
