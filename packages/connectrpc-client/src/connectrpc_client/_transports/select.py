"""Which transport a client gets for its `http_client` and its protocol.

The HTTP libraries are imported here and only when they are needed: they take longer to import than
everything else together.
"""

import inspect
import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import cast

from connectrpc_client._transports.http_clients import (
    AsyncHttpClient,
    HttpxAsyncClient,
    HttpxClient,
    PyqwestAsyncClient,
    PyqwestClient,
    SyncHttpClient,
)
from connectrpc_client._transports.interface import Transport, TransportSync
from connectrpc_client._transports.interruptible.transport import InterruptibleTransport
from connectrpc_client._transports.lazy import OwnTransport, OwnTransportSync
from connectrpc_protocol.protocols import WireProtocol


def transport_for(http_client: AsyncHttpClient | None, protocol: WireProtocol) -> Transport:
    """The transport of an async client.

    Raises `TypeError` for an object that cannot be used and `ValueError` where the protocol needs
    more of HTTP than the transport has.
    """
    transport = _transport(http_client, protocol)
    _check_trailers(http_client, transport, protocol)
    return transport


def transport_sync_for(http_client: SyncHttpClient | None, protocol: WireProtocol) -> TransportSync:
    """The transport of a sync client. Raises like `transport_for`."""
    transport = _transport_sync(http_client, protocol)
    _check_trailers(http_client, transport, protocol)
    return transport


def _transport(http_client: AsyncHttpClient | None, protocol: WireProtocol) -> Transport:
    library = _library_of(http_client)
    if http_client is None:
        return _own_transport(http2=protocol.needs_trailers)
    if library == "pyqwest":
        from connectrpc_client._transports.pyqwest.async_ import PyqwestTransport

        _check(http_client, sys.modules[library], "Client")
        return PyqwestTransport(cast("PyqwestAsyncClient", http_client))
    if library:
        from connectrpc_client._transports.httpx import HttpxTransport

        module = _check(http_client, sys.modules[library], "AsyncClient")
        return HttpxTransport(cast("HttpxAsyncClient", http_client), module)
    _check_transport(http_client, "Transport", "aclose", is_async=True)
    return cast("Transport", http_client)


def _transport_sync(http_client: SyncHttpClient | None, protocol: WireProtocol) -> TransportSync:
    library = _library_of(http_client)
    if http_client is None:
        return _own_transport_sync(http2=protocol.needs_trailers)
    if library == "pyqwest":
        from connectrpc_client._transports.pyqwest.sync import PyqwestTransportSync

        _check(http_client, sys.modules[library], "SyncClient")
        return InterruptibleTransport(PyqwestTransportSync(cast("PyqwestClient", http_client)))
    if library:
        from connectrpc_client._transports.httpx import HttpxTransportSync

        module = _check(http_client, sys.modules[library], "Client")
        return InterruptibleTransport(HttpxTransportSync(cast("HttpxClient", http_client), module))
    _check_transport(http_client, "TransportSync", "close", is_async=False)
    return cast("TransportSync", http_client)


def _own_transport(*, http2: bool) -> OwnTransport:
    has_pyqwest = _has_pyqwest()
    make = partial(_make, has_pyqwest=has_pyqwest, http2=http2)
    return OwnTransport(make, has_trailers=has_pyqwest, is_full_duplex=has_pyqwest)


def _own_transport_sync(*, http2: bool) -> OwnTransportSync:
    has_pyqwest = _has_pyqwest()
    make = partial(_make_sync, has_pyqwest=has_pyqwest, http2=http2)
    return OwnTransportSync(make, has_trailers=has_pyqwest, is_full_duplex=has_pyqwest)


def _make(*, has_pyqwest: bool, http2: bool) -> Transport:
    if has_pyqwest and _can_use_pyqwest(http2=http2):
        from connectrpc_client._transports.pyqwest.async_ import PyqwestTransport

        return PyqwestTransport.make(http2=http2)
    from connectrpc_client._transports.httpx import HttpxTransport

    return HttpxTransport.make()


def _make_sync(*, has_pyqwest: bool, http2: bool) -> TransportSync:
    make_async = partial(_make, has_pyqwest=has_pyqwest, http2=http2)
    if has_pyqwest and _can_use_pyqwest(http2=http2):
        from connectrpc_client._transports.pyqwest.sync import PyqwestTransportSync

        return InterruptibleTransport(PyqwestTransportSync.make(http2=http2), make_async)
    from connectrpc_client._transports.httpx import HttpxTransportSync

    return InterruptibleTransport(HttpxTransportSync.make(), make_async)


def _has_pyqwest() -> bool:
    try:
        import_module("pyqwest")
    except ImportError:
        return False
    return True


def _can_use_pyqwest(*, http2: bool) -> bool:
    """Whether pyqwest works in this process, or nothing else would do."""
    from connectrpc_client._transports.pyqwest.common import runtime

    return http2 or not runtime.is_lost


def _library_of(client: object) -> str | None:
    """The library that a client, perhaps of a subclass, comes from; `None` for other objects."""
    for base in type(client).__mro__:
        name = base.__module__.partition(".")[0].lstrip("_")
        if name in ("httpx", "httpx2", "pyqwest"):
            return name
    return None


def _check(client: object, library: ModuleType, name: str) -> ModuleType:
    """The library, if the client is the one of its clients that has the right colour."""
    if not isinstance(client, getattr(library, name)):
        raise TypeError(f"this client needs {library.__name__}.{name}, not {client!r}")
    return library


def _check_transport(client: object, wanted: str, close: str, *, is_async: bool) -> None:
    """Raises `TypeError` for what is no transport of that colour."""
    if isinstance(client, type):
        raise TypeError(f"http_client {client.__qualname__} is a class; pass an instance of it")
    kind = type(client).__qualname__
    needed = ("send", close, "has_trailers", "is_full_duplex")
    missing = [name for name in needed if not hasattr(client, name)]
    if missing:
        raise TypeError(
            f"http_client cannot be a {kind}: as a {wanted} it lacks {', '.join(missing)}"
        )
    # What is no `async def` may still return something to await; the reverse is not possible.
    awaited = [
        name for name in ("send", close) if inspect.iscoroutinefunction(getattr(client, name))
    ]
    if awaited and not is_async:
        raise TypeError(f"http_client {kind} is no {wanted}: {awaited[0]} must not be async")


def _check_trailers(
    client: object, transport: Transport | TransportSync, protocol: WireProtocol
) -> None:
    """Raises `ValueError` where the protocol needs trailers and the transport has none."""
    if not protocol.needs_trailers or transport.has_trailers:
        return
    name = "httpx" if client is None else _library_of(client) or type(client).__qualname__
    raise ValueError(
        f"{protocol.name} needs HTTP trailers, which {name} has not: "
        "pip install 'connectrpc-client[pyqwest]', or pass a pyqwest client as http_client"
    )
