"""grpcio's async client."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager

import grpc
from google.protobuf.message import Message

from clients.event_loop import EventLoop
from clients.grpcio_common import OPTIONS, call_error, compression, received, stub, target
from clients.interface import Metadata, Response, collected


class GrpcioAsync:
    """Calls with `grpc.aio.insecure_channel`."""

    def __init__(self, url: str, *, gzip: bool = False) -> None:
        self._loop = EventLoop()
        self._channel = self._loop.run(self._open(url, gzip=gzip))

    async def _open(self, url: str, *, gzip: bool) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(target(url), OPTIONS, compression=compression(gzip=gzip))

    def unary(
        self,
        rpc: str,
        request: Message,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,
        service: str = "InteropService",
    ) -> Response:
        method = getattr(stub(self._channel, service), rpc)

        async def call() -> Response:
            call = method(request, timeout=timeout, metadata=metadata)
            return await response([await call], call)

        return self._run(call())

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Response:
        async def call() -> Response:
            call = getattr(stub(self._channel), rpc)(iter(requests), metadata=metadata)
            return await response([await call], call)

        return self._run(call())

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Response:
        stream = self._start(rpc, request, metadata=metadata, timeout=timeout)
        return self._run(response(collected(iter(stream.receive, None)), stream.call))

    def unary_concurrently(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        async def call() -> list[Message]:
            method = getattr(stub(self._channel), rpc)
            return list(await asyncio.gather(*(method(request) for request in requests)))

        return self._run(call())

    def start_unary(self, rpc: str, request: Message) -> "_PendingCall":
        return _PendingCall(self._loop, self._loop.run(self._begin(rpc, request)))

    def start_server_stream(self, rpc: str, request: Message) -> "_OpenStream":
        return self._start(rpc, request)

    def open_bidi_stream(self, rpc: str) -> "_OpenStream":
        return self._start(rpc)

    def _start(self, rpc: str, *arguments: Message, **options: object) -> "_OpenStream":
        return _OpenStream(self._loop, self._loop.run(self._begin(rpc, *arguments, **options)))

    async def _begin(self, rpc: str, *arguments: Message, **options: object) -> grpc.aio.Call:
        return getattr(stub(self._channel), rpc)(*arguments, **options)

    def _run(self, coroutine: object) -> object:
        with failing():
            return self._loop.run(coroutine)

    def close(self) -> None:
        self._loop.run(self._channel.close())
        self._loop.close()


class _PendingCall:
    def __init__(self, loop: EventLoop, call: grpc.aio.Call) -> None:
        self._loop = loop
        self._call = call

    def cancel(self) -> str:
        async def cancel() -> object:
            self._call.cancel()
            return await self._call

        try:
            self._loop.run(cancel())
        except CancelledError:
            return "canceled"
        raise AssertionError("the call was not cancelled")


class _OpenStream:
    def __init__(self, loop: EventLoop, call: grpc.aio.Call) -> None:
        self._loop = loop
        self.call = call

    def send(self, message: Message) -> None:
        with failing():
            self._loop.run(self.call.write(message))

    def half_close(self) -> None:
        self._loop.run(self.call.done_writing())

    def receive(self) -> Message | None:
        with failing():
            message = self._loop.run(self.call.read())
        return None if message is grpc.aio.EOF else message

    def cancel(self) -> None:
        async def cancel() -> None:
            self.call.cancel()

        self._loop.run(cancel())


@contextmanager
def failing() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise call_error(error) from error


async def response(messages: list[Message], call: grpc.aio.Call) -> Response:
    headers, trailers = await call.initial_metadata(), await call.trailing_metadata()
    return Response(messages, received(headers), received(trailers))
