"""The HTTP client objects that `http_client` accepts, without an import of their libraries.

Each type declares just enough members for type checkers to refuse other objects, also the async
client for a sync one and the reverse.
"""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from connectrpc_client._transports.interface import Transport, TransportSync


class HttpxAsyncClient(Protocol):
    """An `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def follow_redirects(self) -> bool: ...
    async def aclose(self) -> None: ...


class HttpxClient(Protocol):
    """An `httpx.Client` or `httpx2.Client`."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def follow_redirects(self) -> bool: ...
    def close(self) -> None: ...


class PyqwestAsyncClient(Protocol):
    """A `pyqwest.Client`."""

    def stream(self, method: str, url: str) -> AbstractAsyncContextManager[object]: ...


class PyqwestClient(Protocol):
    """A `pyqwest.SyncClient`."""

    def stream(self, method: str, url: str) -> AbstractContextManager[object]: ...


AsyncHttpClient = HttpxAsyncClient | PyqwestAsyncClient | Transport
SyncHttpClient = HttpxClient | PyqwestClient | TransportSync
