"""grpcio's sync client."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

import grpc
from google.protobuf.message import Message

from clients.grpcio_common import OPTIONS, call_error, code, compression, received, stub, target
from clients.interface import STEP_SECONDS, Metadata, Response, collected


class GrpcioSync:
    """Calls with `grpc.insecure_channel`."""

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
    ) -> Response:
        method = getattr(stub(self._channel, service), rpc)
        with failing():
            message, call = method.with_call(request, timeout=timeout, metadata=metadata)
        return response([message], call)

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Response:
        method = getattr(stub(self._channel), rpc)
        with failing():
            message, call = method.with_call(iter(requests), metadata=metadata)
        return response([message], call)

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Response:
        method = getattr(stub(self._channel), rpc)
        call = method(request, metadata=metadata, timeout=timeout)
        return response(collected(messages(call)), call)

    def unary_concurrently(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        method = getattr(stub(self._channel), rpc)
        futures = [method.future(request) for request in requests]
        with failing():
            return [future.result(STEP_SECONDS) for future in futures]

    def start_unary(self, rpc: str, request: Message) -> "_PendingCall":
        return _PendingCall(getattr(stub(self._channel), rpc).future(request))

    def start_server_stream(self, rpc: str, request: Message) -> "_OpenStream":
        return _OpenStream(getattr(stub(self._channel), rpc)(request))

    def open_bidi_stream(self, rpc: str) -> "_OpenStream":
        requests: SimpleQueue[Message | None] = SimpleQueue()
        return _OpenStream(getattr(stub(self._channel), rpc)(iter(requests.get, None)), requests)

    def close(self) -> None:
        self._channel.close()


class _PendingCall:
    def __init__(self, future: grpc.Future) -> None:
        self._future = future

    def cancel(self) -> str:
        self._future.cancel()
        return code(self._future.code())


class _OpenStream:
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
        raise call_error(error) from error


def messages(call: Iterator[Message]) -> Iterator[Message]:
    with failing():
        yield from call


def response(messages: list[Message], call: grpc.Call) -> Response:
    return Response(messages, received(call.initial_metadata()), received(call.trailing_metadata()))
