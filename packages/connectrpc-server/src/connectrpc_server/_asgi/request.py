"""The body of a request over ASGI."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_server._asgi.cancel_scope import ReadAhead, patience, uncancelled
from connectrpc_server._asgi.server_quirks import is_hypercorn, may_drop
from connectrpc_server._asgi.types import Event, Receive, Scope
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._limits import DRAIN_MAX_BYTES, DRAIN_MAX_MS

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

REQUEST_PAUSE = 1.0
"""One request is under way as a whole: its client waits for nothing."""

STREAM_PAUSE = 0.2
"""A client may leave its stream open until it sees our end; what was on its way comes at once."""

HYPERCORN_PAUSE = 1.0
"""What is late costs all calls of its connection there, even of a busy machine; see `may_drop`."""


class Body:
    """Reads a body event by event, and can watch for the client to go away meanwhile."""

    __slots__ = ("_ahead", "_is_gone", "_is_reading", "_pause", "_receive", "_scope", "is_ended")

    def __init__(
        self, scope: Scope, receive: Receive, pause: float, *, is_ended: bool = False
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._pause = pause
        self._ahead: ReadAhead | None = None
        self._is_gone = False
        self._is_reading = False
        self.is_ended = is_ended

    async def read(self) -> bytes:
        """The next chunk, perhaps an empty one; with the last, `is_ended` becomes true.

        Raises `ClientDisconnected`.
        """
        if self._is_reading:
            raise RuntimeError("two tasks read the requests of one call at the same time")
        self._is_reading = True
        try:
            event = await uncancelled(self._receive())
        finally:
            self._is_reading = False
        return self._take(event)

    def _take(self, event: Event) -> bytes:
        if event["type"] == "http.disconnect":
            self._is_gone = True
            raise ClientDisconnected
        self.is_ended = not event.get("more_body", False)
        chunk: bytes = event.get("body", b"")
        return chunk

    async def read_all(self, call: UnaryServerCall[Req, Res], first: Event | None = None) -> bytes:
        """The whole body of a call, of which an event may have been received.

        Raises `ConnectError` (`resource_exhausted`) once it is beyond the limit.
        """
        body = WholeBody(call)
        if first is not None:
            body.add(self._take(first))
        while not self.is_ended:
            body.add(await self.read())
        return body.data

    def watch(self, end: Callable[[Exception], None]) -> None:
        """The call waits: unless it waits for the body, see to it that a disconnect ends it.

        From the first time on, a task receives a little ahead of the call. Who waits for nothing
        but the body of one request does without, and sees there that the client is gone.
        """
        if self._ahead is None and not self._is_reading:

            def gone(reason: Exception) -> None:
                self._is_gone = True
                end(reason)

            self._ahead = ReadAhead(self._receive, gone)
            self._receive = self._ahead.receive

    async def drain(self) -> None:
        """Before an answer ends, read what the call did not want, if the server needs that.

        As far as it comes without a longer pause, within the bound of WSGI and one of time, for a
        client may never end its request. It comes before all of the end: a client that sees an
        error in a message breaks off its request, which Hypercorn takes for a broken connection.
        """
        is_over = self.is_ended or self._is_gone or self._is_reading
        if is_over or not may_drop(self._scope):
            return
        size = 0
        pause = max(self._pause, HYPERCORN_PAUSE) if is_hypercorn(self._scope) else self._pause
        with suppress(ClientDisconnected):
            async with patience(DRAIN_MAX_MS / 1000) as wait_for:
                while not self.is_ended and size <= DRAIN_MAX_BYTES:
                    wait_for(pause)
                    size += len(await self.read())

    def close(self) -> None:
        """Stop watching."""
        if self._ahead is not None:
            self._ahead.close()
