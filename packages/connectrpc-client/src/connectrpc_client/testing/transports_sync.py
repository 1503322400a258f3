"""Transports for sync clients."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from wsgiref.types import WSGIApplication

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._first_value import FirstValue
from connectrpc_client.testing.asgi_host import ASGIHost
from connectrpc_client.testing.client_side import ResponseSync
from connectrpc_client.testing.event_loop import BackgroundLoop
from connectrpc_client.testing.exchange import Exchange
from connectrpc_client.testing.request import CLIENT, HTTP_VERSION, connection_info
from connectrpc_client.testing.types import ASGIApp
from connectrpc_client.testing.wsgi_host import WSGIHost
from connectrpc_protocol.http import HttpRequest


class _SyncTransport(ABC):
    has_trailers = True
    is_full_duplex = True

    def __init__(self) -> None:
        self._is_closed = False

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
        cancellation: Cancellation | None = None,
    ) -> ResponseSync:
        """See `connectrpc_client.TransportSync`."""
        if self._is_closed:
            raise RuntimeError("this transport is closed")
        exchange = Exchange(request.body if body is None else None)
        response = ResponseSync(exchange, cancellation)
        try:
            self._start(exchange, request)
            response.open(body, deadline)
        except BaseException:
            response.close()
            raise
        return response

    @abstractmethod
    def _start(self, exchange: Exchange, request: HttpRequest) -> None: ...

    def close(self) -> None:
        """End the calls in flight, and wait until the application has ended them."""
        self._is_closed = True
        self._end()

    @abstractmethod
    def _end(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class WSGITransport(_SyncTransport):
    """Lets sync clients call a WSGI application, each call in a thread of its own.

    For the options see `ASGITransport`. `close` waits five seconds for the application to end its
    calls; a thread cannot be cancelled.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        root_path: str = "",
        client: tuple[str, int] = CLIENT,
        http_version: str = HTTP_VERSION,
    ) -> None:
        super().__init__()
        self._host = WSGIHost(app, connection_info(root_path, client, http_version))

    def _start(self, exchange: Exchange, request: HttpRequest) -> None:
        self._host.start(exchange, request)

    def _end(self) -> None:
        self._host.close()


class ASGITransportSync(_SyncTransport):
    """Lets sync clients call an ASGI application, in an event loop that runs in a thread.

    For the options see `ASGITransport`. `with` runs the application's lifespan. Without `with` the
    lifespan does not run, and you must call `close`, which ends the thread.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_path: str = "",
        client: tuple[str, int] = CLIENT,
        http_version: str = HTTP_VERSION,
    ) -> None:
        super().__init__()
        self._host = ASGIHost(app, connection_info(root_path, client, http_version))
        self._loop: FirstValue[BackgroundLoop] = FirstValue()

    def _start(self, exchange: Exchange, request: HttpRequest) -> None:
        self._running_loop().call(self._host.prepare(exchange, request))

    def _running_loop(self) -> BackgroundLoop:
        return self._loop.value or self._start_loop()

    def _start_loop(self) -> BackgroundLoop:
        loop = BackgroundLoop()
        kept = self._loop.keep(loop)
        if kept is not loop:
            loop.close()
        return kept

    def _end(self) -> None:
        loop = self._loop.take()
        if loop is not None:
            try:
                loop.run(self._host.aclose)
            finally:
                loop.close()

    def __enter__(self) -> Self:
        try:
            self._running_loop().run(self._host.startup)
        except BaseException:
            self.close()
            raise
        return self
