"""Default transports: a client makes one for itself, opens it at the first call, and closes it."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from connectrpc_client import _fork
from connectrpc_client._cancellation import Cancellation
from connectrpc_client._transports.interface import (
    Transport,
    TransportResponse,
    TransportResponseSync,
    TransportSync,
)
from connectrpc_protocol.http import HttpRequest

_T = TypeVar("_T", bound=Transport | TransportSync)


class _Lazy(Generic[_T]):
    """Opens a transport at the first call, and another one in a forked process.

    A child must not use the connections of its parent: the parent still reads from them, and the
    threads of the HTTP library do not survive the fork.
    """

    def __init__(self, make: Callable[[], _T], *, has_trailers: bool, is_full_duplex: bool) -> None:
        self.has_trailers = has_trailers
        self.is_full_duplex = is_full_duplex
        self._make = make
        self._current: _T | None = None
        # Kept, because the connections would be closed if they were garbage-collected here.
        self._of_parents: list[_T] = []
        self._lock = threading.Lock()
        _all.add(self)

    def _open(self) -> _T:
        with self._lock:  # several threads may make the first call
            if self._current is None:
                self._current = self._make()
                self.is_full_duplex = self._current.is_full_duplex
            return self._current

    def start_anew(self) -> None:
        """Forget the transport of the parent process."""
        self._lock = threading.Lock()  # a thread of the parent may have held the other one
        if self._current is not None:
            self._of_parents.append(self._current)
            self._current = None


class LazyTransport(_Lazy[Transport]):
    """See `connectrpc_client.Transport`."""

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> TransportResponse:
        return await (self._current or self._open()).send(request, body, deadline)

    async def aclose(self) -> None:
        if self._current is not None:
            await self._current.aclose()


class LazyTransportSync(_Lazy[TransportSync]):
    """See `connectrpc_client.TransportSync`."""

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        return (self._current or self._open()).send(request, body, deadline, cancellation)

    def close(self) -> None:
        if self._current is not None:
            self._current.close()


_all: WeakSet[_Lazy[Any]] = WeakSet()


def _start_all_anew() -> None:
    for transport in _all:
        transport.start_anew()


_fork.call_in_child(_start_all_anew)
