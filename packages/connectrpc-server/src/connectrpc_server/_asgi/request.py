"""One HTTP request over ASGI: accepting it, reading it, watching for a disconnect, draining it."""

import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._asgi import server_quirks
from connectrpc_server._asgi.cancel_scope import Cancelled, move_on_after, shielded
from connectrpc_server._asgi.read_ahead import ReadAhead, ignore
from connectrpc_server._asgi.stepping import FINISHED, write_rest
from connectrpc_server._asgi.types import Event, Receive, Scope, Send
from connectrpc_server._errors import ClientDisconnected, ServerCall, refuse_without_trailers
from connectrpc_server._limits import (
    CANCELLED_GRACE_PERIOD,
    DRAIN_MAX_BYTES,
    DRAIN_MAX_SECONDS,
    LATE_DRAIN_SECONDS,
    UNARY_DRAIN_PAUSE,
    WRITE_GRACE_PERIOD,
)
from connectrpc_server._logging import logger

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call = TypeVar("Call", bound=ServerCall)


def check_trailers(call: Call | HttpResponse, scope: Scope) -> Call | HttpResponse:
    """Return the argument, or a refusal if the call needs trailers and the server sends none."""
    if isinstance(call, HttpResponse) or not call.needs_trailers:
        return call
    if server_quirks.has_trailers(scope):
        return call
    version = scope.get("http_version", "1.1")
    return refuse_without_trailers(call, version, server_quirks.SERVERS_WITH_TRAILERS)


class AsgiRequest:
    """A request that is read event by event.

    `drain_pause` is how long a drain waits for the next event, in seconds. `received` is an event
    that was received before. `has_ended` is true once all of the body has been read.
    `deadline` is the deadline of the call.
    """

    __slots__ = (
        "_drain_pause",
        "_failure",
        "_is_reading",
        "_on_failure",
        "_read_ahead",
        "_receive",
        "_received",
        "deadline",
        "has_ended",
        "scope",
        "send",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        drain_pause: float = UNARY_DRAIN_PAUSE,
        *,
        received: Event | None = None,
        has_ended: bool = False,
        deadline: float | None = None,
    ) -> None:
        self.deadline = deadline
        self.scope = scope
        self.send = send
        self.has_ended = has_ended
        self._receive = receive
        self._received = received
        self._drain_pause = drain_pause
        self._read_ahead: ReadAhead | None = None
        self._failure: Exception | None = None
        self._on_failure: Callable[[Exception], None] = ignore
        self._is_reading = False

    @property
    def has_trailers(self) -> bool:
        """Whether the response may end with HTTP trailers."""
        return server_quirks.has_trailers(self.scope)

    async def read(self) -> bytes:
        """Return the next chunk, which may be empty. `has_ended` becomes true with the last one.

        Raises `ClientDisconnected` if the client disconnected.
        """
        if self._is_reading:
            raise RuntimeError("two tasks read the requests of one call at the same time")
        event, self._received = self._received, None
        if event is None:
            self._is_reading = True
            try:
                event = await shielded(self._receive())
            finally:
                self._is_reading = False
        if event["type"] == "http.disconnect":
            self._failure = ClientDisconnected()
            raise self._failure
        self.has_ended = not event.get("more_body", False)
        chunk: bytes = event.get("body", b"")
        return chunk

    async def read_all(self, call: UnaryServerCall[Req, Res]) -> bytes:
        """Return the whole body of a unary call.

        Raises `ConnectError` (`resource_exhausted`) if it is larger than the limit of the call, and
        `ClientDisconnected` if the client disconnected.
        """
        body = WholeBody(call)
        while not self.has_ended:
            body.add(await self.read())
        return body.data

    def watch(self, on_failure: Callable[[Exception], None]) -> None:
        """Call `on_failure` when the client disconnects. A call uses this before it suspends.

        The first time, a task starts to read ahead, and the call reads from that task. A call that
        is about to wait for its body does not need the task: it receives the disconnect itself.
        """
        self._on_failure = on_failure
        if self._failure is not None:
            on_failure(self._failure)
        elif self._read_ahead is None and not self._is_reading:
            self._read_ahead = ReadAhead(self._receive, self._fail)
            self._receive = self._read_ahead.receive

    def _fail(self, reason: Exception) -> None:
        self._failure = reason
        self._on_failure(reason)

    def stop_watching(self) -> None:
        """End the task that reads ahead."""
        self._on_failure = ignore
        if self._read_ahead is not None:
            self._read_ahead.close()

    async def write_end(
        self, writing: Coroutine[object, object, None], seconds: float | None = None
    ) -> None:
        """Write the end of the response, within the limits of `stepping.write_rest`.

        Without `seconds`, the limit is the deadline and a grace period. The request is not watched
        any more after that.
        """
        try:
            waits_for = next(writing.__await__(), FINISHED)
            if waits_for is not FINISHED:
                await self.write_rest(writing, waits_for, seconds)
        finally:
            self.stop_watching()

    async def write_rest(
        self,
        writing: Coroutine[object, object, None],
        waits_for: object,
        seconds: float | None = None,
    ) -> None:
        """Do as `write_end` after the first step of `writing`, whose result is `waits_for`."""
        if seconds is None and self.deadline is not None:
            seconds = max(0.0, self.deadline - time.monotonic()) + WRITE_GRACE_PERIOD
        try:
            await write_rest(writing, waits_for, seconds, self.watch)
        finally:
            self.stop_watching()

    async def end_cancelled(
        self, exc: Cancelled, method: str, writing: Coroutine[object, object, None]
    ) -> None:
        """Write the end of a call that the server cancelled, then pass the cancellation on.

        The rest of the request is not read: the server may end at any time.
        """
        logger.warning("%s was cancelled, because the server is stopping", method)
        self.has_ended = True
        with suppress(Exception):  # of a server that does not send anything any more
            await self.write_end(writing, CANCELLED_GRACE_PERIOD)
        if not server_quirks.logs_cancellation(exc):
            raise exc

    async def drain(self) -> None:
        """Read the rest of the body and drop it, if the client might lose the response otherwise.

        This must be called before the response ends. It stops at a pause, after a number of bytes
        and after a time, since a client may never end its request; see `_limits`. A response that
        is late does not wait for the request.
        """
        cannot_read = self.has_ended or self._failure is not None or self._is_reading
        if cannot_read or not server_quirks.must_drain(self.scope):
            return
        size, seconds = 0, DRAIN_MAX_SECONDS
        if self.deadline is not None:
            left = max(0.0, self.deadline - time.monotonic())
            seconds = min(seconds, left + LATE_DRAIN_SECONDS)
        pause = server_quirks.drain_pause(self.scope, self._drain_pause)
        with suppress(ClientDisconnected):
            async with move_on_after(seconds) as limit_next:
                while not self.has_ended and size <= DRAIN_MAX_BYTES:
                    limit_next(pause)
                    size += len(await self.read())
