"""grpcio's async client."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager

import grpc
from google.protobuf.message import Message

from callers.face import Answer, Metadata, collected
from callers.grpcio_common import OPTIONS, compression, failure, received, stub, target
from callers.loop import Loop


class GrpcioAsync:
    """Calls through `grpc.aio.insecure_channel`."""

    def __init__(self, url: str, *, gzip: bool = False) -> None:
        self._loop = Loop()
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
    ) -> Answer:
        method = getattr(stub(self._channel, service), rpc)

        async def call() -> Answer:
            call = method(request, timeout=timeout, metadata=metadata)
            return await answer([await call], call)

        return self._run(call())

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Answer:
        async def call() -> Answer:
            call = getattr(stub(self._channel), rpc)(iter(requests), metadata=metadata)
            return await answer([await call], call)

        return self._run(call())

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Answer:
        talk = self._start(rpc, request, metadata=metadata, timeout=timeout)
        return self._run(answer(collected(iter(talk.receive, None)), talk.call))

    def together(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        async def call() -> list[Message]:
            method = getattr(stub(self._channel), rpc)
            return list(await asyncio.gather(*(method(request) for request in requests)))

        return self._run(call())

    def start(self, rpc: str, request: Message) -> "_Running":
        return _Running(self._loop, self._loop.run(self._begin(rpc, request)))

    def start_stream(self, rpc: str, request: Message) -> "_Talk":
        return self._start(rpc, request)

    def talk(self, rpc: str) -> "_Talk":
        return self._start(rpc)

    def _start(self, rpc: str, *arguments: Message, **options: object) -> "_Talk":
        return _Talk(self._loop, self._loop.run(self._begin(rpc, *arguments, **options)))

    async def _begin(self, rpc: str, *arguments: Message, **options: object) -> grpc.aio.Call:
        return getattr(stub(self._channel), rpc)(*arguments, **options)

    def _run(self, coroutine: object) -> object:
        with failing():
            return self._loop.run(coroutine)

    def close(self) -> None:
        self._loop.run(self._channel.close())
        self._loop.close()


class _Running:
    def __init__(self, loop: Loop, call: grpc.aio.Call) -> None:
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
        raise AssertionError("the call went on")


class _Talk:
    def __init__(self, loop: Loop, call: grpc.aio.Call) -> None:
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
        raise failure(error) from error


async def answer(messages: list[Message], call: grpc.aio.Call) -> Answer:
    headers, trailers = await call.initial_metadata(), await call.trailing_metadata()
    return Answer(messages, received(headers), received(trailers))
