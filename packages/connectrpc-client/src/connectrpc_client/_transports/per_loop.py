"""A transport with connections of its own for each event loop.

The connections of httpx work only in the event loop that opened them. A client may be used in
several loops: one `asyncio.run` after the other, or loops in several threads.

A connection refers to its loop. So the loop holds the connections, and not the client, which would
keep the loop alive. They end when the loop ends, when the client is closed, or when the client is
garbage-collected.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary, ref

from connectrpc_client._transports.interface import Transport, TransportResponse
from connectrpc_protocol.http import HttpRequest

_ATTRIBUTE = "_connectrpc_client_connections"  # of an event loop


class _Key:
    """Stands for a client in the loops. They refer to it weakly."""

    __slots__ = ("__weakref__",)


class _Connections(NamedTuple):
    transport: Transport
    keeper: AsyncGenerator[None, None]


_ConnectionsOfLoop = WeakKeyDictionary[_Key, _Connections]


class PerLoopTransport:
    """See `connectrpc_client.Transport`. `make` makes the transport for the running loop."""

    def __init__(
        self, make: Callable[[], Transport], *, has_trailers: bool, is_full_duplex: bool
    ) -> None:
        self.has_trailers = has_trailers
        self.is_full_duplex = is_full_duplex
        self._make = make
        self._key = _Key()

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> TransportResponse:
        connections = _connections_of_running_loop().get(self._key) or await self._open()
        return await connections.transport.send(request, body, deadline)

    async def _open(self) -> _Connections:
        """Make the transport of the running loop. This does not wait."""
        transport = self._make()
        of_loop = _connections_of_running_loop()
        keeper = _close_at_end(transport, of_loop, ref(self._key))
        await anext(keeper)
        connections = of_loop[self._key] = _Connections(transport, keeper)
        return connections

    async def aclose(self) -> None:
        """Close the connections of the running loop, and have the other loops close theirs.

        A loop that does not run any more only forgets its connections.
        """
        connections = _connections_of_running_loop().pop(self._key, None)
        self._key = _Key()  # without the key, the other loops finalize their generators
        if connections is not None:
            await connections.keeper.aclose()


def _connections_of_running_loop() -> _ConnectionsOfLoop:
    loop = asyncio.get_running_loop()
    of_loop: _ConnectionsOfLoop | None = getattr(loop, _ATTRIBUTE, None)
    if of_loop is None:
        of_loop = WeakKeyDictionary()
        setattr(loop, _ATTRIBUTE, of_loop)
    return of_loop


async def _close_at_end(
    transport: Transport, of_loop: _ConnectionsOfLoop, key: ref[_Key]
) -> AsyncGenerator[None, None]:
    """Close the transport when this generator is closed.

    An event loop closes its async generators when they are garbage-collected, and when it ends.
    `asyncio.run` does the latter before it closes the loop, by `loop.shutdown_asyncgens`.
    """
    try:
        yield
    finally:
        client = key()
        if client is not None:
            of_loop.pop(client, None)
        await transport.aclose()
