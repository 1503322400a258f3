"""Default transports: a client makes one for itself, opens it at the first call, and closes it."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from connectrpc_client import _fork
from connectrpc_client._cancellation import Cancellation
from connectrpc_client._first_value import FirstValue
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
        self._opened: FirstValue[_T] = FirstValue()
        # Kept, because the connections would be closed if they were garbage-collected here.
        self._of_parents: list[_T] = []
        _all.add(self)

    def _open(self) -> _T:
        transport = self._opened.keep(self._make())
        self.is_full_duplex = transport.is_full_duplex
        return transport

    def start_anew(self) -> None:
        """Forget the transport of the parent process."""
        transport = self._opened.take()
        if transport is not None:
            self._of_parents.append(transport)


class LazyTransport(_Lazy[Transport]):
    """See `connectrpc_client.Transport`."""

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> TransportResponse:
        return await (self._opened.value or self._open()).send(request, body, deadline)

    async def aclose(self) -> None:
        if self._opened.value is not None:
            await self._opened.value.aclose()


class LazyTransportSync(_Lazy[TransportSync]):
    """See `connectrpc_client.TransportSync`."""

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        return (self._opened.value or self._open()).send(request, body, deadline, cancellation)

    def close(self) -> None:
        if self._opened.value is not None:
            self._opened.value.close()


_all: WeakSet[_Lazy[Any]] = WeakSet()


def _start_all_anew() -> None:
    for transport in _all:
        transport.start_anew()


_fork.call_in_child(_start_all_anew)
