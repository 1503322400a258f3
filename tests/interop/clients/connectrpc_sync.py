"""Our sync client over gRPC."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from google.protobuf.message import Message

from clients.connectrpc_common import (
    call_error,
    client_class,
    headers,
    milliseconds,
    options,
    received,
    snake_case,
)
from clients.interface import STEP_SECONDS, CallError, Metadata, Response, collected
from connectrpc_client import Cancellation, ConnectError


class ConnectrpcSync:
    """Calls with the generated sync client."""

    def __init__(self, url: str, *, gzip: bool = False) -> None:
        self._clients = {
            service: client_class(service, "ClientSync")(url, **options(gzip=gzip))
            for service in ("InteropService", "ImpatientService", "AbsentService")
        }
        self._threads = ThreadPoolExecutor(200)

    def _method(self, prefix: str, rpc: str, service: str = "InteropService") -> object:
        return getattr(self._clients[service], prefix + snake_case(rpc))

    def unary(
        self,
        rpc: str,
        request: Message,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,
        service: str = "InteropService",
    ) -> Response:
        method = self._method("call_", rpc, service)
        with failing():
            output = method(request, headers=headers(metadata), timeout_ms=milliseconds(timeout))
        return Response([output.message], received(output.headers), received(output.trailers))

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Response:
        with failing():
            output = self._method("call_", rpc)(requests, headers=headers(metadata))
        return Response([output.message], received(output.headers), received(output.trailers))

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Response:
        with failing():
            output = self._method("call_", rpc)(
                request, headers=headers(metadata), timeout_ms=milliseconds(timeout)
            )
        messages = collected(iter(_Stream(output).receive, None))
        return Response(messages, received(output.headers), received(output.trailers))

    def unary_concurrently(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        with failing():
            return list(self._threads.map(self._method("", rpc), requests, timeout=STEP_SECONDS))

    def start_unary(self, rpc: str, request: Message) -> "_PendingCall":
        cancellation = Cancellation()
        method = self._method("", rpc)
        return _PendingCall(
            self._threads.submit(method, request, cancellation=cancellation), cancellation
        )

    def start_server_stream(self, rpc: str, request: Message) -> "_Stream":
        with failing():
            return _Stream(self._method("call_", rpc)(request))

    def open_bidi_stream(self, rpc: str) -> "_OpenStream":
        return _OpenStream(self._method("open_", rpc)())

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._threads.shutdown()


class _PendingCall:
    def __init__(self, future: Future[Message], cancellation: Cancellation) -> None:
        self._future = future
        self._cancellation = cancellation

    def cancel(self) -> str:
        self._cancellation.cancel()
        try:
            with failing():
                self._future.result(STEP_SECONDS)
        except CallError as error:
            return error.code
        raise AssertionError("the call was not cancelled")


class _Stream:
    def __init__(self, output: object) -> None:
        self._output = output

    def receive(self) -> Message | None:
        with failing():
            return next(self._output, None)

    def cancel(self) -> None:
        self._output.close()


class _OpenStream:
    def __init__(self, call: object) -> None:
        self._call = call.__enter__()

    def send(self, message: Message) -> None:
        with failing():
            self._call.send(message)

    def half_close(self) -> None:
        self._call.close_send()

    def receive(self) -> Message | None:
        with failing():
            return self._call.receive()

    def cancel(self) -> None:
        self._call.__exit__(None, None, None)


@contextmanager
def failing() -> Iterator[None]:
    try:
        yield
    except ConnectError as error:
        raise call_error(error) from error
