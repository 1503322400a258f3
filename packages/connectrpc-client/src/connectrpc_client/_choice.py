"""Which transport a client gets for its `http_client` and its protocol.

The HTTP libraries are imported here and only when they are needed: they take longer to import than
everything else together.
"""

import sys
from types import ModuleType
from typing import Protocol, cast

from connectrpc_client._transport import Transport, TransportSync
from connectrpc_protocol.client import ClientProtocol


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


def transport_for(
    http_client: HttpxAsyncClient | Transport | None, protocol: ClientProtocol
) -> Transport:
    """The transport of an async client.

    Raises `TypeError` for an object that cannot be used and `ValueError` where the protocol needs
    more of HTTP than the transport has.
    """
    from connectrpc_client._httpx import HttpxTransport

    if http_client is None:
        return HttpxTransport.make()
    library = _library_of(http_client)
    if library is None:
        if not hasattr(http_client, "send"):
            raise TypeError(f"http_client cannot be used here: {http_client!r}")
        return cast("Transport", http_client)
    if not isinstance(http_client, library.AsyncClient):
        raise TypeError(f"this client needs an {library.__name__}.AsyncClient, not {http_client!r}")
    return HttpxTransport(cast("HttpxAsyncClient", http_client), library)


def transport_sync_for(
    http_client: HttpxClient | TransportSync | None, protocol: ClientProtocol
) -> TransportSync:
    """The transport of a sync client. Raises like `transport_for`."""
    from connectrpc_client._httpx import HttpxTransportSync

    if http_client is None:
        return HttpxTransportSync.make()
    library = _library_of(http_client)
    if library is None:
        if not hasattr(http_client, "send"):
            raise TypeError(f"http_client cannot be used here: {http_client!r}")
        return cast("TransportSync", http_client)
    if not isinstance(http_client, library.Client):
        raise TypeError(f"this client needs an {library.__name__}.Client, not {http_client!r}")
    return HttpxTransportSync(cast("HttpxClient", http_client), library)


def _library_of(client: object) -> ModuleType | None:
    """The library that a client, perhaps of a subclass, comes from; `None` for other objects."""
    for base in type(client).__mro__:
        name = base.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    return None
