"""Running a WSGI application, as a server does in its threads."""

import io
import threading
import time
from collections.abc import Callable
from contextvars import Context
from functools import partial
from types import TracebackType
from wsgiref.types import WSGIApplication, WSGIEnvironment

from connectrpc_client.testing.exchange import GRACE_PERIOD, ClientGoneError, Exchange
from connectrpc_client.testing.request import ConnectionInfo
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.headers import raw_pairs
from connectrpc_protocol.http import HttpRequest

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class WSGIHost:
    """Runs an application for each request, in a thread of its own."""

    def __init__(self, app: WSGIApplication, connection: ConnectionInfo) -> None:
        self._app = app
        self._connection = connection
        self._threads: dict[Exchange, threading.Thread] = {}

    def start(self, exchange: Exchange, request: HttpRequest) -> None:
        """Start the application."""
        environ = self._connection.environ(request, io.BufferedReader(_Body(exchange)))
        # In an empty context: over a network, an application does not see its clients' context.
        thread = threading.Thread(
            target=Context().run, args=(self._run, exchange, environ), daemon=True
        )
        self._threads[exchange] = thread
        thread.start()

    def _run(self, exchange: Exchange, environ: WSGIEnvironment) -> None:
        failure: BaseException | None = None
        try:
            _respond(self._app, environ, exchange)
        except BaseException as exc:
            failure = exc
        exchange.monitor.change(lambda: exchange.application_returned(failure))
        del self._threads[exchange]

    def close(self) -> None:
        """End all exchanges, and wait for the application.

        A thread that does not end within the grace period is left running.
        """
        threads = dict(self._threads)
        for exchange in threads:
            exchange.monitor.change(exchange.disconnect)
        end = time.monotonic() + GRACE_PERIOD
        for thread in threads.values():
            thread.join(max(0.0, end - time.monotonic()))


def _respond(app: WSGIApplication, environ: WSGIEnvironment, exchange: Exchange) -> None:
    response = _Response(exchange)
    environ["wsgi.ext.http.send_trailers"] = response.send_trailers
    chunks = app(environ, response.start_response)
    try:
        for chunk in chunks:
            response.write(chunk)
    finally:
        close_iterator(chunks)
    response.end()


class _Response:
    """The callables that an application gets for one response (PEP 3333)."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._is_head_sent = False
        self._trailers: list[tuple[bytes, bytes]] = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None and exc_info[1] is not None and self._is_head_sent:
            raise exc_info[1]
        if exc_info is None and self._head is not None:
            raise RuntimeError("start_response was called before")
        self._head = int(status.partition(" ")[0]), raw_pairs(headers)
        return self.write

    def write(self, data: bytes) -> None:
        """Send a chunk of the body. The first chunk that is not empty sends the head, too."""
        if data:
            self._send_head()
            self._exchange.monitor.wait(partial(self._exchange.put, data))

    def send_trailers(self, headers: list[tuple[str, str]]) -> None:
        self._trailers += raw_pairs(headers)

    def end(self) -> None:
        self._send_head()
        self._exchange.monitor.change(lambda: self._exchange.end(self._trailers))

    def _send_head(self) -> None:
        if self._head is None:
            raise RuntimeError("start_response was not called")
        if not self._is_head_sent:
            self._is_head_sent = True
            head = self._head
            self._exchange.monitor.change(lambda: self._exchange.start(*head))


class _Body(io.RawIOBase):
    """The request body. Reading it raises `ClientGoneError` if the client has disconnected."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rest = memoryview(b"")
        self._is_read = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        while not self._rest and not self._is_read:
            self._rest = memoryview(self._receive())
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _receive(self) -> bytes:
        received = self._exchange.monitor.wait(self._exchange.receive)
        if received is None:
            raise ClientGoneError
        self._is_read = received.is_last
        return received.data
