"""grpcio's sync client."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

import grpc
from google.protobuf.message import Message

from callers.face import PATIENCE, Answer, Metadata, collected
from callers.grpcio_common import OPTIONS, code, compression, failure, received, stub, target


class GrpcioSync:
    """Calls through `grpc.insecure_channel`."""

    def __init__(self, url: str, *, gzip: bool = False) -> None:
        self._channel = grpc.insecure_channel(
            target(url), OPTIONS, compression=compression(gzip=gzip)
        )

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
        with failing():
            message, call = method.with_call(request, timeout=timeout, metadata=metadata)
        return answer([message], call)

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Answer:
        method = getattr(stub(self._channel), rpc)
        with failing():
            message, call = method.with_call(iter(requests), metadata=metadata)
        return answer([message], call)

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Answer:
        method = getattr(stub(self._channel), rpc)
        call = method(request, metadata=metadata, timeout=timeout)
        return answer(collected(messages(call)), call)

    def together(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        method = getattr(stub(self._channel), rpc)
        futures = [method.future(request) for request in requests]
        with failing():
            return [future.result(PATIENCE) for future in futures]

    def start(self, rpc: str, request: Message) -> "_Running":
        return _Running(getattr(stub(self._channel), rpc).future(request))

    def start_stream(self, rpc: str, request: Message) -> "_Talk":
        return _Talk(getattr(stub(self._channel), rpc)(request))

    def talk(self, rpc: str) -> "_Talk":
        requests: SimpleQueue[Message | None] = SimpleQueue()
        return _Talk(getattr(stub(self._channel), rpc)(iter(requests.get, None)), requests)

    def close(self) -> None:
        self._channel.close()


class _Running:
    def __init__(self, future: grpc.Future) -> None:
        self._future = future

    def cancel(self) -> str:
        self._future.cancel()
        return code(self._future.code())


class _Talk:
    def __init__(self, call: grpc.Call, requests: SimpleQueue[Message | None] | None = None):
        self._call = call
        self._requests = requests

    def send(self, message: Message) -> None:
        self._requests.put(message)

    def half_close(self) -> None:
        self._requests.put(None)

    def receive(self) -> Message | None:
        with failing():
            return next(self._call, None)

    def cancel(self) -> None:
        self._call.cancel()


@contextmanager
def failing() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise failure(error) from error


def messages(call: Iterator[Message]) -> Iterator[Message]:
    with failing():
        yield from call


def answer(messages: list[Message], call: grpc.Call) -> Answer:
    return Answer(messages, received(call.initial_metadata()), received(call.trailing_metadata()))
