"""The service on `grpc.aio`, with the code that grpcio's plugin generates."""

# ruff: noqa: N802 -- the generated base class has these names

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
import responses
from grpcio_common import CODES, compress, pairs, remaining, set_trailers
from interop.v1 import interop_pb2 as pb
from interop.v1 import interop_pb2_grpc

Context = grpc.aio.ServicerContext


class Interop(interop_pb2_grpc.InteropServiceServicer):
    def __init__(self) -> None:
        self._events: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self._guests: defaultdict[str, int] = defaultdict(int)

    async def Echo(self, request: pb.EchoRequest, context: Context) -> pb.EchoResponse:
        await return_metadata(context)
        return responses.echo(request)

    async def Collect(
        self, requests: AsyncIterator[pb.EchoRequest], context: Context
    ) -> pb.EchoResponse:
        await return_metadata(context)
        return responses.collect([request async for request in requests])

    async def Repeat(
        self, request: pb.RepeatRequest, context: Context
    ) -> AsyncIterator[pb.EchoResponse]:
        await return_metadata(context)
        for response in responses.repeat(request):
            yield response

    async def Chat(
        self, requests: AsyncIterator[pb.EchoRequest], context: Context
    ) -> AsyncIterator[pb.EchoResponse]:
        await return_metadata(context)
        async for request in requests:
            yield responses.echo(request)
            if responses.is_goodbye(request):
                break

    async def Fail(self, request: pb.FailRequest, context: Context) -> pb.EchoResponse:
        set_trailers(context, request)
        await context.abort(CODES[request.code], request.message)

    async def FailLate(
        self, request: pb.FailRequest, context: Context
    ) -> AsyncIterator[pb.EchoResponse]:
        yield pb.EchoResponse(text="so far")
        set_trailers(context, request)
        await context.abort(CODES[request.code], request.message)

    async def Remaining(
        self, request: pb.RemainingRequest, context: Context
    ) -> pb.RemainingResponse:
        return remaining(context)

    async def Wait(self, request: pb.WaitRequest, context: Context) -> pb.WaitResponse:
        self._events[request.key, "started"].set()
        try:
            await asyncio.sleep(responses.PONDERING)
        except asyncio.CancelledError:
            self._events[request.key, "canceled"].set()
            raise
        return pb.WaitResponse()

    async def Tick(
        self, request: pb.WaitRequest, context: Context
    ) -> AsyncIterator[pb.WaitResponse]:
        try:
            while True:
                yield pb.WaitResponse()
                await asyncio.sleep(0.01)
        finally:
            self._events[request.key, "canceled"].set()

    async def Meet(self, request: pb.MeetRequest, context: Context) -> pb.MeetResponse:
        self._guests[request.key] += 1
        if self._guests[request.key] == request.guests:
            self._events[request.key, "all there"].set()
        await self._events[request.key, "all there"].wait()
        return pb.MeetResponse()

    async def Observe(self, request: pb.ObserveRequest, context: Context) -> pb.ObserveResponse:
        event = self._events[request.key, request.event]
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), responses.OBSERVATION)
        return pb.ObserveResponse(happened=event.is_set())


async def return_metadata(context: Context) -> None:
    compress(context)
    await context.send_initial_metadata(responses.headers(pairs(context)))
    set_trailers(context)


async def main() -> None:
    """Serve until SIGTERM."""
    server = grpc.aio.server()
    interop_pb2_grpc.add_InteropServiceServicer_to_server(Interop(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
