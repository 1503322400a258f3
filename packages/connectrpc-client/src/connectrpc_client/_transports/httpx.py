"""Transports over httpx and httpx2: HTTP/1.1 and HTTP/2, half duplex, without trailers."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from types import ModuleType
from typing import TypedDict, cast

import httpx

from connectrpc_client._cancellation import canceled
from connectrpc_client._transports.delivery import IDLE_EXPIRY, unavailable
from connectrpc_client._transports.errors import (
    record_errors,
    record_errors_sync,
    translate_errors,
)
from connectrpc_client._transports.http_clients import HttpxAsyncClient, HttpxClient
from connectrpc_client._transports.httpx_delivery import delivery_of
from connectrpc_client._transports.httpx_forks import use_of
from connectrpc_client._version import __version__
from connectrpc_protocol import Code, ConnectError, RawHeaders
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpRequest

# Python imports it at the first look-up of a host name. See `_import_parts_of_connections`.
import_module("encodings.idna")


class HttpxTransport:
    """See `connectrpc_client.Transport`."""

    has_trailers = False
    is_full_duplex = False

    def __init__(self, client: HttpxAsyncClient, library: ModuleType) -> None:
        self._client = cast("httpx.AsyncClient", client)
        self._use = use_of(client)
        self._library = library
        self._urls = _UrlCache(library)
        self._has_responded = False

    @classmethod
    def make(cls) -> "HttpxTransport":
        """Return a transport with an HTTP client of its own."""
        _import_parts_of_connections()
        return cls(httpx.AsyncClient(**_default_options()), httpx)

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> "_Response":
        self._use.check()
        client = self._client
        body_errors: list[Exception] = []
        with _translate_errors(self._library, body_errors, may_reuse=self._has_responded):
            outgoing = client.build_request(
                request.method,
                self._urls(request),
                headers=request.headers,
                content=request.body if body is None else record_errors(body, body_errors),
                timeout=client.timeout if deadline is None else None,
            )
            try:
                response = await client.send(outgoing, stream=True)
            except RuntimeError as exc:
                if exc in body_errors or not _is_of_another_loop(exc):
                    raise
                raise _client_of_another_loop(exc) from exc
        self._has_responded = True
        return _Response(response, self._library)

    async def aclose(self) -> None:
        await self._client.aclose()


class HttpxTransportSync:
    """See `BlockingTransport`."""

    has_trailers = False
    is_full_duplex = False
    raises_keyboard_interrupt = True
    enforces_deadline = False

    def __init__(self, client: HttpxClient, library: ModuleType) -> None:
        self._client = cast("httpx.Client", client)
        self._use = use_of(client)
        self._library = library
        self._urls = _UrlCache(library)
        self._has_responded = False

    @classmethod
    def make(cls) -> "HttpxTransportSync":
        """Return a transport with an HTTP client of its own."""
        return cls(httpx.Client(**_default_options()), httpx)

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, deadline: float | None
    ) -> "_ResponseSync":
        self._use.check()
        client = self._client
        body_errors: list[Exception] = []
        with _translate_errors(
            self._library,
            body_errors,
            has_deadline=deadline is not None,
            may_reuse=self._has_responded,
        ):
            outgoing = client.build_request(
                request.method,
                self._urls(request),
                headers=request.headers,
                content=request.body if body is None else record_errors_sync(body, body_errors),
                timeout=client.timeout if deadline is None else remaining(deadline),
            )
            response = client.send(outgoing, stream=True)
        self._has_responded = True
        return _ResponseSync(response, self._library)

    def close(self) -> None:
        self._client.close()


class _Response:
    __slots__ = ("_library", "_response", "headers", "status")

    trailers: RawHeaders = ()

    def __init__(self, response: httpx.Response, library: ModuleType) -> None:
        self._response = response
        self._library = library
        self.status = response.status_code
        self.headers = response.headers.raw

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            with _translate_errors(self._library):
                async for chunk in self._response.aiter_raw():
                    yield chunk
        except RuntimeError as exc:
            if not _is_of_another_loop(exc):
                raise
            message = f"{exc}: the connection of this call belongs to another event loop"
            raise ConnectError(Code.UNAVAILABLE, message) from exc

    async def aclose(self) -> None:
        try:
            await self._response.aclose()
        except RuntimeError as exc:
            # The connection ends with its event loop, and has ended if that is closed.
            if not _is_of_another_loop(exc):
                raise


class _ResponseSync:
    """A response that any thread may close, also while another thread reads from it.

    Only the reading thread closes the descriptor, after its read. If another thread closed it
    during the read, its number might at once belong to another connection, and the read would take
    the bytes of that connection.
    """

    __slots__ = ("_is_closed", "_is_reading", "_library", "_lock", "_response", "headers", "status")

    trailers: RawHeaders = ()

    def __init__(self, response: httpx.Response, library: ModuleType) -> None:
        self._response = response
        self._library = library
        self._lock = threading.RLock()  # reentrant: a signal handler may call `close`
        self._is_reading = False
        self._is_closed = False
        self.status = response.status_code
        self.headers = response.headers.raw

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        # `deadline` is not used. If a call has one, `InterruptibleTransport` reads in a worker
        # thread, and the caller's wait for that thread ends at the deadline.
        #
        # Unlike `iter_raw`, this does not give the connection back at the end of the body. If it
        # did, `close` might end the connection when another call already uses it.
        stream = iter(cast("httpx.SyncByteStream", self._response.stream))
        with _translate_errors(self._library):
            while (chunk := self._read(stream)) is not None:
                yield chunk

    def _read(self, stream: Iterator[bytes]) -> bytes | None:
        with self._lock:
            if self._is_closed:
                raise canceled()
            self._is_reading = True
        try:
            return next(stream, None)
        finally:
            with self._lock:
                self._is_reading = False
                if self._is_closed:
                    self._response.close()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._is_reading:
                self._wake_reader()
            else:
                self._response.close()

    def _wake_reader(self) -> None:
        """End the read in another thread, which then closes the response.

        Over HTTP/2 this does nothing, because other calls use the same connection.
        """
        connection = self._response.extensions.get("network_stream")
        if connection is None or self._response.http_version == "HTTP/2":
            return
        connected = connection.get_extra_info("socket")
        if connected is not None:
            with suppress(OSError):
                # Not the method of `ssl.SSLSocket`: after that, the reader goes on without TLS.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _UrlCache:
    """The parsed URLs of the methods that were called: parsing costs more than a look-up."""

    __slots__ = ("_parse", "_urls")

    def __init__(self, library: ModuleType) -> None:
        self._parse = cast("Callable[[str], httpx.URL]", library.URL)
        self._urls: dict[str, httpx.URL] = {}

    def __call__(self, request: HttpRequest) -> httpx.URL:
        if request.method == "GET":  # the URL contains the message
            return self._parse(request.url)
        url = self._urls.get(request.url)
        if url is None:
            url = self._urls[request.url] = self._parse(request.url)
        return url


class _Options(TypedDict):
    """The options of default HTTP clients. See `httpx.Client`."""

    cookies: CookieJar
    headers: dict[str, str]
    limits: httpx.Limits
    timeout: httpx.Timeout


def _import_parts_of_connections() -> None:
    """Import what httpx would import when it opens its first connection in an event loop.

    If a finalizer or a signal handler made a call during that import, and waited for another
    thread that needs the same module, both would wait forever. See `select.py`.
    """
    with suppress(ImportError):
        anyio = import_module("anyio")
        import_module("anyio._backends._asyncio")
        for name in ("Lock", "connect_tcp", "fail_after"):
            getattr(anyio, name, None)  # imports the module of this function, in new versions


def _default_options() -> _Options:
    return {
        # No cookies are kept: what one call received must not be sent with another call.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "headers": {"user-agent": f"connectrpc-client/{__version__} httpx/{httpx.__version__}"},
        # Connections are not limited: a call that is cancelled while it waits for a place in the
        # pool of httpx 0.28 never gives the place back. 20 idle connections is httpx's own default.
        "limits": httpx.Limits(
            max_connections=None, max_keepalive_connections=20, keepalive_expiry=IDLE_EXPIRY
        ),
        # Seconds. A server that can be reached accepts in far less than 10; everything else takes
        # as long as the deadline of the call allows.
        "timeout": httpx.Timeout(None, connect=10.0),
    }


def _translate_errors(
    library: ModuleType,
    body_errors: Sequence[Exception] = (),
    *,
    has_deadline: bool = False,
    may_reuse: bool = False,
) -> AbstractContextManager[None]:
    translate = partial(_connect_error, library, has_deadline=has_deadline, may_reuse=may_reuse)
    return translate_errors((library.RequestError, library.StreamConsumed), translate, body_errors)


def _connect_error(
    library: ModuleType, exc: Exception, *, has_deadline: bool, may_reuse: bool
) -> ConnectError:
    if not has_deadline and isinstance(exc, library.ConnectTimeout | library.PoolTimeout):
        return ConnectError(Code.UNAVAILABLE, _text(exc))
    if isinstance(exc, library.TimeoutException):
        return ConnectError(Code.DEADLINE_EXCEEDED, f"timeout: {_text(exc)}")
    if isinstance(exc, library.LocalProtocolError | library.UnsupportedProtocol):
        return ConnectError(Code.INTERNAL, f"bad request: {_text(exc)}")
    return unavailable(_text(exc), delivery_of(library, exc, may_reuse=may_reuse))


def _is_of_another_loop(exc: RuntimeError) -> bool:
    """Return whether asyncio or anyio raised it because a connection belongs to another loop."""
    return "loop" in str(exc)


def _client_of_another_loop(exc: Exception) -> ConnectError:
    """Return the error for a given client whose connections another event loop has opened."""
    return ConnectError(
        Code.UNAVAILABLE,
        f"{exc}: the connections of this httpx client belong to another event loop; without "
        "http_client, a client opens connections for each loop",
    )


def _text(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
