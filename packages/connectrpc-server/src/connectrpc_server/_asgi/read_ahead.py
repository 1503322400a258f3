"""Receiving a request in a task of its own, a little ahead of its reader."""

import asyncio
from collections import deque
from collections.abc import Callable

from connectrpc_server._asgi.cancel_scope import shielded
from connectrpc_server._asgi.types import Event, Receive
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._limits import READ_AHEAD_BYTES, READ_AHEAD_EVENTS, REPEATED_END_INTERVAL


class ReadAhead:
    """Receives the events of a request before the handler asks for them, within limits.

    As soon as the client disconnects, it calls `on_failure` with `ClientDisconnected`. If `receive`
    raises, it calls `on_failure` with that exception. So the handler does not have to read.
    """

    __slots__ = (
        "_arrived",
        "_events",
        "_is_closed",
        "_is_complete",
        "_on_failure",
        "_receive",
        "_size",
        "_task",
    )

    def __init__(self, receive: Receive, on_failure: Callable[[Exception], None]) -> None:
        self._receive = receive
        self._on_failure = on_failure
        self._events: deque[Event] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._is_complete = False
        self._is_closed = False
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            while self._has_room():
                event = await shielded(self._receive())
                if event["type"] == "http.disconnect":
                    raise ClientDisconnected
                if self._is_complete:  # some servers repeat the end; see `server_quirks`
                    await asyncio.sleep(REPEATED_END_INTERVAL)
                    continue
                self._is_complete = not event.get("more_body", False)
                self._size += len(event.get("body", b""))
                self._events.append(event)
                self._arrived.set()
        except Exception as exc:
            self._on_failure(exc)
            self._is_closed = True
            self._arrived.set()

    def _has_room(self) -> bool:
        return self._size < READ_AHEAD_BYTES and len(self._events) < READ_AHEAD_EVENTS

    async def receive(self) -> Event:
        """Return the next event, as `receive` of the server would."""
        while not self._events:
            if self._is_closed:
                return {"type": "http.disconnect"}
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        self._size -= len(event.get("body", b""))
        if self._task.done() and not self._is_closed and self._has_room():
            self._task = asyncio.ensure_future(self._run())
        return event

    def close(self) -> None:
        """Stop receiving. A reader still gets the events that have arrived, then a disconnect."""
        self._is_closed = True
        self._arrived.set()
        self._task.cancel()
        self._on_failure = ignore  # breaks a reference cycle, so the garbage collector need not


def ignore(reason: Exception) -> None:
    """Do nothing if a request fails."""
