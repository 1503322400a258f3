"""Refuses the httpx clients that a forked process inherits with their connections.

If two processes used one connection, each might receive the responses of the other. The connections
of a client cannot be replaced from outside, so such a client is refused in the child. A client that
was not used before the fork works there.

httpx and httpx2 do not say whether a client was used, so this module reads private attributes. A
client without these attributes counts as used.
"""

from collections.abc import Iterator
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from connectrpc_client import _fork


class HttpxUse:
    """Whether a client, which several transports may share, can be used in this process."""

    __slots__ = ("__weakref__", "is_inherited")

    def __init__(self, *, is_inherited: bool) -> None:
        self.is_inherited = is_inherited

    def check(self) -> None:
        """Raise `RuntimeError` if the client was used before this process was forked."""
        if self.is_inherited:
            raise RuntimeError(
                "this httpx client was used before this process was forked, and its connections "
                "belong to the parent process: make another one after the fork"
            )


class _WithSocket(Protocol):
    def fileno(self) -> int: ...


_uses: WeakKeyDictionary[object, HttpxUse] = WeakKeyDictionary()


def use_of(client: object) -> HttpxUse:
    """Return the use of a client. All transports over the client get the same one."""
    use = _uses.get(client)
    if use is None:
        use = _uses.setdefault(client, HttpxUse(is_inherited=_has_inherited_socket(client)))
    return use


def _note_fork() -> None:
    """In a child process, find out which clients its parent used."""
    for client, use in list(_uses.items()):
        # Clients may share a transport, so one that was not used may have connections, too.
        use.is_inherited = use.is_inherited or _is_opened(client) or _has_inherited_socket(client)


_fork.call_in_child(_note_fork)


def _is_opened(client: object) -> bool:
    state = getattr(client, "_state", None)
    return getattr(state, "name", None) != "UNOPENED"


def _has_inherited_socket(client: object) -> bool:
    """Return whether a client that this process sees for the first time was used by its parent.

    Another library, or the user's code, may have used it.
    """
    if not _fork.inherited_sockets:
        return False
    return any(
        connected is None or _fork.socket_id(connected.fileno()) in _fork.inherited_sockets
        for connected in _sockets_of(client)
    )


def _sockets_of(client: Any) -> Iterator[_WithSocket | None]:
    """Yield the socket of each connection of a client, and `None` if it cannot be found."""
    mounts = getattr(client, "_mounts", {})
    for pool in _transports_below([getattr(client, "_transport", None), *mounts.values()]):
        for connection in getattr(pool, "connections", ()):
            layer = connection  # a connection through a proxy has several layers
            while (inner := getattr(layer, "_connection", None)) is not None:
                layer = inner
            stream = getattr(layer, "_network_stream", None)
            yield None if stream is None else stream.get_extra_info("socket")


def _transports_below(transports: list[object]) -> Iterator[object]:
    """Yield the transports and, after each, those that it uses: a pool, or what it wraps."""
    seen: set[int] = set()
    while transports:
        transport = transports.pop()
        if id(transport) not in seen:
            seen.add(id(transport))
            yield transport
            transports += filter(_is_transport, getattr(transport, "__dict__", {}).values())


def _is_transport(value: object) -> bool:
    return hasattr(value, "handle_request") or hasattr(value, "handle_async_request")
