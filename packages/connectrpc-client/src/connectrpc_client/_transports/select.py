"""Selects the transport of a client, the given one or the default, and checks that it is suitable.

The HTTP libraries are imported in the functions that need them, because importing one takes longer
than importing everything else together.
"""

import inspect
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import cast

from connectrpc_client import _fork
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
from connectrpc_client._transports.lazy import LazyTransport, LazyTransportSync
from connectrpc_client._transports.per_loop import PerLoopTransport
from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.protocols import WireProtocol

_threads_in_make: set[int] = set()
_fork.call_in_child(_threads_in_make.clear)


def select_transport(http_client: AsyncHttpClient | None, protocol: WireProtocol) -> Transport:
    """Return the transport of an async client.

    Raises `TypeError` if `http_client` cannot be used, and `ValueError` if it does not support
    trailers and the protocol needs them.
    """
    transport = _transport(http_client, protocol)
    _check_trailers(http_client, transport, protocol)
    return transport


def select_transport_sync(
    http_client: SyncHttpClient | None, protocol: WireProtocol
) -> TransportSync:
    """Return the transport of a sync client. Raises the same errors as `select_transport`."""
    transport = _transport_sync(http_client, protocol)
    _check_trailers(http_client, transport, protocol)
    return transport


def transport_name(http_client: object) -> str:
    """Return the name of the HTTP library that sends requests, or of the class of a `Transport`.

    `http_client` is what the user passed. For `None`, this is the library of the default transport.
    """
    if http_client is None:
        return "pyqwest" if _has_pyqwest() else "httpx"
    return _library_of(http_client) or type(http_client).__qualname__


def _transport(http_client: AsyncHttpClient | None, protocol: WireProtocol) -> Transport:
    library = _library_of(http_client)
    if http_client is None:
        return _default_transport(http2=protocol.needs_trailers)
    if library == "pyqwest":
        from connectrpc_client._transports.pyqwest.async_ import PyqwestTransport

        _check_class(http_client, sys.modules[library], "Client")
        return PyqwestTransport(cast("PyqwestAsyncClient", http_client))
    if library:
        from connectrpc_client._transports.httpx import HttpxTransport

        module = _check_class(http_client, sys.modules[library], "AsyncClient")
        return HttpxTransport(cast("HttpxAsyncClient", http_client), module)
    _check_transport(http_client, "Transport", "aclose", is_async=True)
    return cast("Transport", http_client)


def _transport_sync(http_client: SyncHttpClient | None, protocol: WireProtocol) -> TransportSync:
    library = _library_of(http_client)
    if http_client is None:
        return _default_transport_sync(http2=protocol.needs_trailers)
    if library == "pyqwest":
        from connectrpc_client._transports.pyqwest.sync import PyqwestTransportSync

        _check_class(http_client, sys.modules[library], "SyncClient")
        return InterruptibleTransport(PyqwestTransportSync(cast("PyqwestClient", http_client)))
    if library:
        from connectrpc_client._transports.httpx import HttpxTransportSync

        module = _check_class(http_client, sys.modules[library], "Client")
        return InterruptibleTransport(HttpxTransportSync(cast("HttpxClient", http_client), module))
    _check_transport(http_client, "TransportSync", "close", is_async=False)
    return cast("TransportSync", http_client)


def _default_transport(*, http2: bool) -> LazyTransport:
    has_pyqwest = _has_pyqwest()
    make = partial(_make, has_pyqwest=has_pyqwest, http2=http2)
    return LazyTransport(make, has_trailers=has_pyqwest, is_full_duplex=has_pyqwest)


def _default_transport_sync(*, http2: bool) -> LazyTransportSync:
    has_pyqwest = _has_pyqwest()
    make = partial(_make_sync, has_pyqwest=has_pyqwest, http2=http2)
    return LazyTransportSync(make, has_trailers=has_pyqwest, is_full_duplex=has_pyqwest)


@contextmanager
def _refusing_calls_inside() -> Generator[None, None, None]:
    """Raise `ConnectError` (`unavailable`) if this thread is inside such a block already.

    A finalizer or a signal handler may make a call at any time. While this thread imports an HTTP
    library, that call finds an incomplete module. And if it waits for another thread which needs
    that module, that thread waits for the import, and both wait forever.
    """
    thread = threading.get_ident()
    if thread in _threads_in_make:
        raise ConnectError(
            Code.UNAVAILABLE,
            "a finalizer or a signal handler made this call while the same thread was importing "
            "the HTTP library for another call",
        )
    _threads_in_make.add(thread)
    try:
        yield
    finally:
        _threads_in_make.discard(thread)


def _make(*, has_pyqwest: bool, http2: bool) -> Transport:
    """Return a transport for any number of event loops."""
    if has_pyqwest and _can_use_pyqwest(http2=http2):
        return _make_pyqwest(http2=http2)
    return PerLoopTransport(_make_httpx, has_trailers=False, is_full_duplex=False)


def _make_for_one_loop(*, has_pyqwest: bool, http2: bool) -> Transport:
    if has_pyqwest and _can_use_pyqwest(http2=http2):
        return _make_pyqwest(http2=http2)
    return _make_httpx()


@_refusing_calls_inside()
def _make_httpx() -> Transport:
    from connectrpc_client._transports.httpx import HttpxTransport

    return HttpxTransport.make()


@_refusing_calls_inside()
def _make_pyqwest(*, http2: bool) -> Transport:
    from connectrpc_client._transports.pyqwest.async_ import PyqwestTransport

    return PyqwestTransport.make(http2=http2)


@_refusing_calls_inside()
def _make_sync(*, has_pyqwest: bool, http2: bool) -> TransportSync:
    make_async = partial(_make_for_one_loop, has_pyqwest=has_pyqwest, http2=http2)
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
    """Return whether to use pyqwest, which does not work in a child if the parent used it.

    It is also used there if only pyqwest could make the calls: it raises an error with the reason.
    """
    from connectrpc_client._transports.pyqwest.runtime import runtime

    return http2 or not runtime.is_lost


def _library_of(client: object) -> str | None:
    """Return the HTTP library that defines the client's class or one of its bases, if any does."""
    for base in type(client).__mro__:
        name = base.__module__.partition(".")[0].lstrip("_")
        if name in ("httpx", "httpx2", "pyqwest"):
            return name
    return None


def _check_class(client: object, library: ModuleType, name: str) -> ModuleType:
    """Return the library. Raises `TypeError` unless the client is of its class of that name."""
    if not isinstance(client, getattr(library, name)):
        raise TypeError(f"http_client must be a {library.__name__}.{name}, not {client!r}")
    return library


def _check_transport(client: object, wanted: str, close: str, *, is_async: bool) -> None:
    """Raise `TypeError` unless the object has the members of the wanted transport."""
    if isinstance(client, type):
        raise TypeError(f"http_client {client.__qualname__} is a class; pass an instance of it")
    kind = type(client).__qualname__
    needed = ("send", close, "has_trailers", "is_full_duplex")
    missing = [name for name in needed if not hasattr(client, name)]
    if missing:
        raise TypeError(
            f"http_client must be a {wanted}: {kind} does not have {', '.join(missing)}"
        )
    # A plain function may return an awaitable, so only a sync transport can be checked.
    awaited = [
        name for name in ("send", close) if inspect.iscoroutinefunction(getattr(client, name))
    ]
    if awaited and not is_async:
        raise TypeError(f"http_client must be a {wanted}: {kind}.{awaited[0]} must not be async")


def _check_trailers(
    client: object, transport: Transport | TransportSync, protocol: WireProtocol
) -> None:
    """Raise `ValueError` if the protocol needs trailers and the transport does not support them."""
    if not protocol.needs_trailers or transport.has_trailers:
        return
    name = transport_name(client)
    raise ValueError(
        f"{protocol.name} needs HTTP trailers, and {name} does not support HTTP trailers: "
        "pip install 'connectrpc-client[pyqwest]', or pass a pyqwest client as http_client"
    )
