"""Answers that one thread receives and another one reads, so that the reader can be interrupted."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from connectrpc_client._cancellation import Cancellation, canceled
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.deadline import deadline_exceeded

_HIGH_WATER = 256 * 1024  # bytes that are received ahead of the reader, about
_LOW_WATER = _HIGH_WATER // 2
_OVERHEAD = 128  # bytes that a small piece takes besides its own


class AnswerHead(NamedTuple):
    """The status and the headers have arrived."""

    status: int
    headers: RawHeaders


class AnswerEnd(NamedTuple):
    """The body has ended."""

    trailers: RawHeaders


Item = AnswerHead | bytes | AnswerEnd | BaseException


class Relay:
    """From the receiver to the reader. Each counts for itself, so that they need no lock."""

    __slots__ = ("_bytes_put", "_bytes_taken", "_is_cancelled", "_items", "_resume")

    def __init__(self) -> None:
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        self._bytes_put = self._bytes_taken = 0
        self._resume: Callable[[], None] | None = None
        self._is_cancelled = False

    # The receiver's side.

    def put(self, item: Item) -> None:
        """Hand something over."""
        if isinstance(item, bytes):
            self._bytes_put += len(item) + _OVERHEAD
        self._items.put(item)

    @property
    def is_nearly_full(self) -> bool:
        """Whether to ask `is_full` before the next piece."""
        return self._bytes_put - self._bytes_taken >= _HIGH_WATER

    def is_full(self, resume: Callable[[], None]) -> bool:
        """Whether to wait until `resume` is called, by the reader's thread.

        It must be the same each time, since one from an earlier time may be called instead.
        """
        self._resume = resume
        # The reader may have taken everything before it could see that.
        return self._bytes_put - self._bytes_taken >= _LOW_WATER

    # The reader's side.

    def take(self, deadline: float | None) -> Item:
        """What comes next, an exception raised.

        Raises `ConnectError`: `canceled` after `cancel`, `deadline_exceeded` at the deadline.
        """
        try:
            if deadline is None:
                item = self._items.get()
            else:
                item = self._items.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise deadline_exceeded() from None
        if self._is_cancelled or item is None:
            raise canceled()
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, bytes):
            self._bytes_taken += len(item) + _OVERHEAD
            self._let_go_on()
        return item

    def _let_go_on(self) -> None:
        resume = self._resume
        if resume is not None and self._bytes_put - self._bytes_taken < _LOW_WATER:
            self._resume = None
            resume()

    # Any thread's.

    def cancel(self) -> None:
        """End the reader's wait, and all later ones."""
        self._is_cancelled = True
        self._items.put(None)


class Receiver(Protocol):
    """Receives one answer, in a thread of its own."""

    def start(self, relay: Relay) -> None:
        """Begin; the answer goes to the relay."""
        ...

    def stop(self) -> None:
        """The answer is not wanted any longer. Called from any thread, also when all is over."""
        ...


class RelayedResponse:
    """See `connectrpc_client.TransportResponseSync`. It begins with `open`."""

    __slots__ = ("_receiver", "_registration", "_relay", "headers", "status", "trailers")

    headers: RawHeaders
    status: int

    def __init__(self, receiver: Receiver) -> None:
        self.trailers: RawHeaders = ()
        self._receiver = receiver
        self._relay = Relay()
        self._registration: AbstractContextManager[None] | None = None

    def open(self, timeout: float | None, cancellation: Cancellation | None) -> "RelayedResponse":
        """Begin, and wait for the head."""
        if cancellation is not None:
            registration = cancellation.calling(self._cancel)
            registration.__enter__()
            self._registration = registration
        try:
            self._receiver.start(self._relay)
            head = self._relay.take(_deadline_in(timeout))
        except BaseException:
            self.close()
            raise
        assert isinstance(head, AnswerHead)
        self.status, self.headers = head
        return self

    def chunks(self, timeout: float | None) -> Iterator[bytes]:
        deadline = _deadline_in(timeout)
        while True:
            item = self._relay.take(deadline)
            if isinstance(item, bytes):
                yield item
            elif isinstance(item, AnswerEnd):
                self.trailers = item.trailers
                return

    def close(self) -> None:
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.__exit__(None, None, None)
        self._cancel()

    def _cancel(self) -> None:
        self._relay.cancel()
        self._receiver.stop()


def _deadline_in(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
