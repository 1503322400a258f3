"""Transports for async clients."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self
from wsgiref.types import WSGIApplication

from connectrpc_client.testing.asgi_host import ASGIHost
from connectrpc_client.testing.client_side import Response
from connectrpc_client.testing.event_loop import run_in_thread
from connectrpc_client.testing.exchange import Exchange
from connectrpc_client.testing.request import CLIENT, HTTP_VERSION, connection_info
from connectrpc_client.testing.types import ASGIApp
from connectrpc_client.testing.wsgi_host import WSGIHost
from connectrpc_protocol.http import HttpRequest


class _AsyncTransport(ABC):
    has_trailers = True
    is_full_duplex = True

    def __init__(self) -> None:
        self._is_closed = False

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> Response:
        """See `connectrpc_client.Transport`."""
        if self._is_closed:
            raise RuntimeError("this transport is closed")
        exchange = Exchange(request.body if body is None else None)
        self._start(exchange, request)
        response = Response(exchange)
        await response.open(body)
        return response

    @abstractmethod
    def _start(self, exchange: Exchange, request: HttpRequest) -> None: ...

    async def aclose(self) -> None:
        """End the calls in flight, and wait until the application has ended them."""
        self._is_closed = True
        await self._end()

    @abstractmethod
    async def _end(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class ASGITransport(_AsyncTransport):
    """Lets async clients call an ASGI application in their own event loop.

    `async with` runs the application's lifespan; without `async with` it does not run. `aclose`
    ends the calls in flight, and after five seconds it cancels those that the application has not
    ended.

    - `root_path`: where the application is mounted; the base URL of clients must end with it.
    - `client`: the address and port that the application sees as its client's.
    - `http_version`: `"1.1"`, `"2"` or `"3"`, which the application sees. With `"1.1"`, a
      request body of unknown length has the header `transfer-encoding: chunked`.

    Raises `ValueError` for a bad option.
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

    def _start(self, exchange: Exchange, request: HttpRequest) -> None:
        self._host.prepare(exchange, request)()

    async def _end(self) -> None:
        await self._host.aclose()

    async def __aenter__(self) -> Self:
        await self._host.startup()
        return self


class WSGITransportAsync(_AsyncTransport):
    """Lets async clients call a WSGI application, each call in a thread of its own.

    For the options see `ASGITransport`. `aclose` waits five seconds for the application to end its
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

    async def _end(self) -> None:
        await run_in_thread(self._host.close)
