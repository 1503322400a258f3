"""Our async client over gRPC."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
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
from clients.event_loop import EventLoop
from clients.interface import STEP_SECONDS, Metadata, Response, collected
from connectrpc_client import ConnectError


class ConnectrpcAsync:
    """Calls with the generated async client."""

    def __init__(self, url: str, *, gzip: bool = False) -> None:
        self._loop = EventLoop()
        self._clients = {
            service: client_class(service, "Client")(url, **options(gzip=gzip))
            for service in ("InteropService", "ImpatientService", "AbsentService")
        }

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
        output = self._run(
            method(request, headers=headers(metadata), timeout_ms=milliseconds(timeout))
        )
        return Response([output.message], received(output.headers), received(output.trailers))

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Response:
        output = self._run(self._method("call_", rpc)(requests, headers=headers(metadata)))
        return Response([output.message], received(output.headers), received(output.trailers))

    def server_stream(
        self, rpc: str, request: Message, *, metadata: Metadata = (), timeout: float | None = None
    ) -> Response:
        call = self._method("call_", rpc)(
            request, headers=headers(metadata), timeout_ms=milliseconds(timeout)
        )
        output = self._run(call)
        messages = collected(iter(_Stream(self._loop, output).receive, None))
        return Response(messages, received(output.headers), received(output.trailers))

    def unary_concurrently(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        async def calls() -> list[Message]:
            method = self._method("", rpc)
            return list(await asyncio.gather(*(method(request) for request in requests)))

        return self._run(calls())

    def start_unary(self, rpc: str, request: Message) -> "_PendingCall":
        return _PendingCall(self._loop.start(self._method("", rpc)(request)))

    def start_server_stream(self, rpc: str, request: Message) -> "_Stream":
        return _Stream(self._loop, self._run(self._method("call_", rpc)(request)))

    def open_bidi_stream(self, rpc: str) -> "_OpenStream":
        return _OpenStream(self._loop, self._method("open_", rpc)())

    def _run(self, coroutine: object) -> object:
        with failing():
            return self._loop.run(coroutine)

    def close(self) -> None:
        for client in self._clients.values():
            self._loop.run(client.aclose())
        self._loop.close()


class _PendingCall:
    def __init__(self, future: Future[Message]) -> None:
        self._future = future

    def cancel(self) -> str:
        self._future.cancel()
        try:
            self._future.result(STEP_SECONDS)
        except CancelledError:
            return "canceled"
        raise AssertionError("the call was not cancelled")


class _Stream:
    def __init__(self, loop: EventLoop, output: object) -> None:
        self._loop = loop
        self._output = output

    def receive(self) -> Message | None:
        async def receive() -> Message | None:
            return await anext(self._output, None)

        with failing():
            return self._loop.run(receive())

    def cancel(self) -> None:
        self._loop.run(self._output.aclose())


class _OpenStream:
    def __init__(self, loop: EventLoop, call: object) -> None:
        self._loop = loop
        self._call = loop.run(call.__aenter__())

    def send(self, message: Message) -> None:
        with failing():
            self._loop.run(self._call.send(message))

    def half_close(self) -> None:
        self._loop.run(self._call.close_send())

    def receive(self) -> Message | None:
        with failing():
            return self._loop.run(self._call.receive())

    def cancel(self) -> None:
        self._loop.run(self._call.__aexit__(None, None, None))


@contextmanager
def failing() -> Iterator[None]:
    try:
        yield
    except ConnectError as error:
        raise call_error(error) from error
