"""The transport that chooses, for each call, how the caller waits."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Protocol

from connectrpc_client._cancellation import Cancellation, Closing
from connectrpc_client._first_value import FirstValue
from connectrpc_client._transports.interface import Transport, TransportResponseSync
from connectrpc_client._transports.interruptible.event_loop import (
    EventLoopReceiver,
    background_loop,
    is_inside_background_loop,
)
from connectrpc_client._transports.interruptible.response_pipe import PipedResponse, Receiver
from connectrpc_client._transports.interruptible.worker_thread import ReferenceCount, WorkerReceiver
from connectrpc_protocol.http import HttpRequest

# Seconds for closing the connections on the background loop. That takes milliseconds, but a loop
# that is blocked must not keep `close` from returning.
_CLOSE_GRACE_PERIOD = 5.0


class BlockingTransport(Protocol):
    """A `TransportSync` without cancellation: only the HTTP library can end a wait."""

    has_trailers: bool
    is_full_duplex: bool
    raises_keyboard_interrupt: bool
    """Whether Ctrl-C ends a wait of the main thread."""
    enforces_deadline: bool
    """Whether the deadline holds for the call as a whole, not only for each wait in it."""

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, deadline: float | None
    ) -> TransportResponseSync: ...

    def close(self) -> None: ...


class InterruptibleTransport:
    """See `connectrpc_client.TransportSync`.

    `make_async` makes the transport for the background event loop. It is `None` if the user passed
    an HTTP client, because that is a sync one.
    """

    def __init__(
        self, blocking: BlockingTransport, make_async: Callable[[], Transport] | None = None
    ) -> None:
        self.has_trailers = blocking.has_trailers
        self.is_full_duplex = blocking.is_full_duplex
        self._blocking = blocking
        self._make_async = make_async
        self._async: FirstValue[Transport] = FirstValue()
        self._lock = threading.RLock()  # reentrant: a finalizer may call `close` inside `close`
        # A worker may still wait when its call is over, and nothing may be closed while it waits.
        self._references = ReferenceCount(on_unused=blocking.close)
        self._is_closed = False

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        must_end = cancellation is not None and not isinstance(cancellation, Closing)
        if not must_end and self._may_wait_directly(deadline):
            return self._blocking.send(request, body, deadline)
        receiver: Receiver
        # Inside the background loop, a call that waits for that loop would never end.
        if not must_end or self._make_async is None or is_inside_background_loop():
            send = partial(self._blocking.send, request, body, deadline)
            receiver = WorkerReceiver(send, self._references)
        else:
            transport = self._async.value or self._async.keep(self._make_async())
            receiver = EventLoopReceiver(transport, request, body, deadline)
        return PipedResponse(receiver).open(deadline, cancellation)

    def _may_wait_directly(self, deadline: float | None) -> bool:
        blocking = self._blocking
        if deadline is not None and not blocking.enforces_deadline:
            return False
        return (
            blocking.raises_keyboard_interrupt
            or threading.current_thread() is not threading.main_thread()
        )

    def close(self) -> None:
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        self._references.release()
        transport = self._async.value
        if transport is not None:
            closing = asyncio.run_coroutine_threadsafe(transport.aclose(), background_loop())
            with suppress(TimeoutError):
                closing.result(_CLOSE_GRACE_PERIOD)
