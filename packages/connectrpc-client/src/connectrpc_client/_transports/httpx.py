"""httpx, and httpx2 by the same code: HTTP/1.1 and HTTP/2, half duplex, without trailers."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import TypedDict, cast

import httpx

from connectrpc_client._cancellation import canceled
from connectrpc_client._transports.errors import noting, noting_sync, translated
from connectrpc_client._transports.http_clients import HttpxAsyncClient, HttpxClient
from connectrpc_client._version import __version__
from connectrpc_protocol import Code, ConnectError, RawHeaders
from connectrpc_protocol.http import HttpRequest


class HttpxTransport:
    """See `connectrpc_client.Transport`."""

    has_trailers = False
    is_full_duplex = False

    def __init__(self, client: HttpxAsyncClient, library: ModuleType) -> None:
        self._client = cast("httpx.AsyncClient", client)
        self._library = library
        self._urls = _Urls(library)

    @classmethod
    def make(cls) -> "HttpxTransport":
        """A transport with a client of its own. Calls end at their deadlines, not before."""
        return cls(httpx.AsyncClient(**_own_options()), httpx)

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, timeout: float | None
    ) -> "_Response":
        client = self._client
        failures: list[Exception] = []
        with _translated(self._library, failures):
            outgoing = client.build_request(
                request.method,
                self._urls(request),
                headers=request.headers,
                content=request.body if body is None else noting(body, failures),
                timeout=client.timeout if timeout is None else None,
            )
            return _Response(await client.send(outgoing, stream=True), self._library)

    async def aclose(self) -> None:
        await self._client.aclose()


class HttpxTransportSync:
    """See `PlainTransportSync`."""

    has_trailers = False
    is_full_duplex = False
    hears_ctrl_c = True
    keeps_deadlines = False

    def __init__(self, client: HttpxClient, library: ModuleType) -> None:
        self._client = cast("httpx.Client", client)
        self._library = library
        self._urls = _Urls(library)

    @classmethod
    def make(cls) -> "HttpxTransportSync":
        """A transport with a client of its own. Calls end at their deadlines, not before."""
        return cls(httpx.Client(**_own_options()), httpx)

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, timeout: float | None
    ) -> "_ResponseSync":
        client = self._client
        failures: list[Exception] = []
        with _translated(self._library, failures, has_deadline=timeout is not None):
            outgoing = client.build_request(
                request.method,
                self._urls(request),
                headers=request.headers,
                content=request.body if body is None else noting_sync(body, failures),
                timeout=client.timeout if timeout is None else timeout,
            )
            return _ResponseSync(client.send(outgoing, stream=True), self._library)

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
        with _translated(self._library):
            async for chunk in self._response.aiter_raw():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _ResponseSync:
    """Any thread may close it, also while another one reads.

    A descriptor is closed by the thread that reads from it, never below it: its number may belong
    to another connection right away, and the read would take the bytes of that.
    """

    __slots__ = ("_is_closed", "_is_read", "_library", "_lock", "_response", "headers", "status")

    trailers: RawHeaders = ()

    def __init__(self, response: httpx.Response, library: ModuleType) -> None:
        self._response = response
        self._library = library
        self._lock = threading.RLock()  # `close` may be called by a signal handler
        self._is_read = False  # at this moment
        self._is_closed = False
        self.status = response.status_code
        self.headers = response.headers.raw

    def chunks(self, timeout: float | None) -> Iterator[bytes]:
        if timeout is not None:
            # httpcore looks this up when the body is first read.
            self._response.request.extensions["timeout"]["read"] = timeout
        # Unlike `iter_raw`, this does not give the connection back at the end: it might belong to
        # another call by the time `close` ends it.
        stream = iter(cast("httpx.SyncByteStream", self._response.stream))
        with _translated(self._library):
            while (chunk := self._read(stream)) is not None:
                yield chunk

    def _read(self, stream: Iterator[bytes]) -> bytes | None:
        with self._lock:
            if self._is_closed:
                raise canceled()
            self._is_read = True
        try:
            return next(stream, None)
        finally:
            with self._lock:
                self._is_read = False
                if self._is_closed:
                    self._response.close()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._is_read:
                self._wake_reader()
            else:
                self._response.close()

    def _wake_reader(self) -> None:
        """End a wait in another thread, which closes then; with HTTP/2 that is not possible."""
        connection = self._response.extensions.get("network_stream")
        if connection is None or self._response.http_version == "HTTP/2":
            return
        connected = connection.get_extra_info("socket")
        if connected is not None:
            with suppress(OSError):
                # Not the method of `ssl.SSLSocket`, which makes the reader go on without TLS.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Urls:
    """The parsed URLs of the methods that were called: parsing one costs more than a lookup."""

    __slots__ = ("_known", "_parse")

    def __init__(self, library: ModuleType) -> None:
        self._parse = cast("Callable[[str], httpx.URL]", library.URL)
        self._known: dict[str, httpx.URL] = {}

    def __call__(self, request: HttpRequest) -> httpx.URL:
        if request.method == "GET":
            return self._parse(request.url)
        known = self._known.get(request.url)
        if known is None:
            known = self._known[request.url] = self._parse(request.url)
        return known


class _Options(TypedDict):
    """How clients of our own are made. See `httpx.Client`."""

    cookies: CookieJar
    headers: dict[str, str]
    limits: httpx.Limits
    timeout: httpx.Timeout


def _own_options() -> _Options:
    return {
        # None are kept: what one call was given must not go out with another one.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "headers": {"user-agent": f"connectrpc-client/{__version__} httpx/{httpx.__version__}"},
        # No bound on connections: a call that is cancelled while it waits for a place in the pool
        # of httpx 0.28 leaves its place taken for ever.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
        "timeout": httpx.Timeout(None, connect=10.0),  # seconds
    }


def _translated(
    library: ModuleType, failures: Sequence[Exception] = (), *, has_deadline: bool = False
) -> AbstractContextManager[None]:
    translate = partial(_connect_error, library, has_deadline=has_deadline)
    return translated(library.RequestError, translate, failures)


def _connect_error(library: ModuleType, exc: Exception, *, has_deadline: bool) -> ConnectError:
    if not has_deadline and isinstance(exc, library.ConnectTimeout | library.PoolTimeout):
        return ConnectError(Code.UNAVAILABLE, _text(exc))
    if isinstance(exc, library.TimeoutException):
        return ConnectError(Code.DEADLINE_EXCEEDED, f"time-out: {_text(exc)}")
    if isinstance(exc, library.LocalProtocolError | library.UnsupportedProtocol):
        return ConnectError(Code.INTERNAL, f"bad request: {_text(exc)}")
    return ConnectError(Code.UNAVAILABLE, _text(exc))


def _text(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
