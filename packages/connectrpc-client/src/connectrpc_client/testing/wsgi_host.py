"""Running a WSGI application, as a server does in its threads."""

import io
import threading
import time
from collections.abc import Callable
from contextvars import Context
from functools import partial
from types import TracebackType
from wsgiref.types import WSGIApplication, WSGIEnvironment

from connectrpc_client.testing.exchange import PATIENCE, ClientGoneError, Exchange
from connectrpc_client.testing.request import Site
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.headers import raw_pairs
from connectrpc_protocol.http import HttpRequest

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class WSGIHost:
    """Answers requests by an application, each in a thread of its own."""

    def __init__(self, app: WSGIApplication, site: Site) -> None:
        self._app = app
        self._site = site
        self._threads: dict[Exchange, threading.Thread] = {}

    def start(self, exchange: Exchange, request: HttpRequest) -> None:
        """Begin to answer a request."""
        environ = self._site.environ(request, io.BufferedReader(_Body(exchange)))
        # There is a network between an application and the context of its clients.
        thread = threading.Thread(
            target=Context().run, args=(self._run, exchange, environ), daemon=True
        )
        self._threads[exchange] = thread
        thread.start()

    def _run(self, exchange: Exchange, environ: WSGIEnvironment) -> None:
        failure: BaseException | None = None
        try:
            _answer(self._app, environ, exchange)
        except BaseException as exc:
            failure = exc
        exchange.signal.change(lambda: exchange.returned(failure))
        del self._threads[exchange]

    def close(self) -> None:
        """End all exchanges, and wait for the application; nothing ends it that does not return."""
        threads = dict(self._threads)
        for exchange in threads:
            exchange.signal.change(exchange.leave)
        end = time.monotonic() + PATIENCE
        for thread in threads.values():
            thread.join(max(0.0, end - time.monotonic()))


def _answer(app: WSGIApplication, environ: WSGIEnvironment, exchange: Exchange) -> None:
    answer = _Answer(exchange)
    environ["wsgi.ext.http.send_trailers"] = answer.send_trailers
    chunks = app(environ, answer.start_response)
    try:
        for chunk in chunks:
            answer.write(chunk)
    finally:
        close_iterator(chunks)
    answer.end()


class _Answer:
    """What `start_response` and its like of one request lead to (PEP 3333)."""

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
        """Send a piece of the body. The head goes with the first that is not empty."""
        if data:
            self._send_head()
            self._exchange.signal.wait(partial(self._exchange.put, data))

    def send_trailers(self, headers: list[tuple[str, str]]) -> None:
        self._trailers += raw_pairs(headers)

    def end(self) -> None:
        self._send_head()
        self._exchange.signal.change(lambda: self._exchange.end(self._trailers))

    def _send_head(self) -> None:
        if self._head is None:
            raise RuntimeError("start_response was not called")
        if not self._is_head_sent:
            self._is_head_sent = True
            head = self._head
            self._exchange.signal.change(lambda: self._exchange.start(*head))


class _Body(io.RawIOBase):
    """The body of a request; reading it raises `ClientGoneError` once the client is gone."""

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
        received = self._exchange.signal.wait(self._exchange.receive)
        if received is None:
            raise ClientGoneError
        self._is_read = received.is_last
        return received.data
