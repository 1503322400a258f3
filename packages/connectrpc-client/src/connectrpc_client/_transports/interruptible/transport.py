"""Sync calls whose waits end when they should: at the deadline, by a cancellation, by Ctrl-C.

No HTTP library ends a wait of another thread before the head of the answer is there. So a call
waits

- in place, where nobody may end it, or the library does so itself: nothing is faster;
- while a worker of ours waits in place for it, else;
- while an event loop in the background waits for it, where there is a cancellation and an async
  transport: nothing is left running then, and the server sees the end.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Protocol

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._transports.interface import Transport, TransportResponseSync
from connectrpc_client._transports.interruptible.event_loop import (
    BackgroundReceiver,
    background_loop,
)
from connectrpc_client._transports.interruptible.response_pipe import Receiver, RelayedResponse
from connectrpc_client._transports.interruptible.worker_thread import Uses, WorkerReceiver
from connectrpc_protocol.http import HttpRequest

_PATIENCE = 5.0  # seconds for closing connections in the background


class PlainTransportSync(Protocol):
    """A `TransportSync` without cancellation."""

    has_trailers: bool
    is_full_duplex: bool
    hears_ctrl_c: bool
    """Whether a wait of the main thread ends with Ctrl-C."""
    keeps_deadlines: bool
    """Whether `timeout` holds for all of a call, not for each wait in it."""

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, timeout: float | None
    ) -> TransportResponseSync: ...

    def close(self) -> None: ...


class InterruptibleTransport:
    """See `connectrpc_client.TransportSync`."""

    def __init__(
        self, plain: PlainTransportSync, make_async: Callable[[], Transport] | None = None
    ) -> None:
        self.has_trailers = plain.has_trailers
        self.is_full_duplex = plain.is_full_duplex
        self._plain = plain
        self._make_async = make_async
        self._async: Transport | None = None
        self._lock = threading.Lock()
        # A worker may still wait when its call is over, and nothing must be closed below it.
        self._uses = Uses(plain.close)
        self._is_closed = False

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        timeout: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        if cancellation is None and self._may_wait_in_place(timeout):
            return self._plain.send(request, body, timeout)
        receiver: Receiver
        if cancellation is None or self._make_async is None:
            receiver = WorkerReceiver(partial(self._plain.send, request, body, timeout), self._uses)
        else:
            transport = self._background(self._make_async)
            receiver = BackgroundReceiver(transport, request, body, timeout)
        return RelayedResponse(receiver).open(timeout, cancellation)

    def _may_wait_in_place(self, timeout: float | None) -> bool:
        plain = self._plain
        if timeout is not None and not plain.keeps_deadlines:
            return False
        return plain.hears_ctrl_c or threading.current_thread() is not threading.main_thread()

    def _background(self, make: Callable[[], Transport]) -> Transport:
        with self._lock:
            self._async = self._async or make()
            return self._async

    def close(self) -> None:
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        self._uses.end()
        if self._async is not None:
            closing = asyncio.run_coroutine_threadsafe(self._async.aclose(), background_loop())
            with suppress(TimeoutError):
                closing.result(_PATIENCE)
