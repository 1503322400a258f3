"""Transports that a client makes for itself, and closes."""

import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._transports.interface import (
    Transport,
    TransportResponse,
    TransportResponseSync,
    TransportSync,
)
from connectrpc_protocol.http import HttpRequest

_T = TypeVar("_T", bound=Transport | TransportSync)


class _Own(Generic[_T]):
    """Opens the HTTP library at the first call, and once more in a process that was forked.

    The connections of a parent are of no use there: it still reads from them, and threads do not
    survive a fork.
    """

    def __init__(self, make: Callable[[], _T], *, has_trailers: bool, is_full_duplex: bool) -> None:
        self.has_trailers = has_trailers
        self.is_full_duplex = is_full_duplex
        self._make = make
        self._current: _T | None = None
        self._of_parents: list[_T] = []  # kept, so that nothing closes them here
        self._lock = threading.Lock()
        _all.add(self)

    def _open(self) -> _T:
        with self._lock:  # the first calls may come in several threads
            if self._current is None:
                self._current = self._make()
                self.is_full_duplex = self._current.is_full_duplex
            return self._current

    def forked(self) -> None:
        """The process is a child of the one that opened the library."""
        self._lock = threading.Lock()  # a thread that is not here may hold the other one
        if self._current is not None:
            self._of_parents.append(self._current)
            self._current = None


class OwnTransport(_Own[Transport]):
    """See `connectrpc_client.Transport`."""

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, timeout: float | None
    ) -> TransportResponse:
        return await (self._current or self._open()).send(request, body, timeout)

    async def aclose(self) -> None:
        if self._current is not None:
            await self._current.aclose()


class OwnTransportSync(_Own[TransportSync]):
    """See `connectrpc_client.TransportSync`."""

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        timeout: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        return (self._current or self._open()).send(request, body, timeout, cancellation)

    def close(self) -> None:
        if self._current is not None:
            self._current.close()


_all: WeakSet[_Own[Any]] = WeakSet()


def _forked() -> None:
    for transport in _all:
        transport.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
