"""A pipe for one response: one thread receives it, another reads it and can be interrupted."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from connectrpc_client._cancellation import Cancellation, canceled
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.deadline import deadline_exceeded

# Bytes. The receiver pauses at the high-water mark and resumes below the low-water mark: enough to
# keep a fast connection busy, and little enough to hold for every call in flight. The distance
# between the marks keeps the two threads from waking each other for every chunk.
_HIGH_WATER = 256 * 1024
_LOW_WATER = _HIGH_WATER // 2
_CHUNK_OVERHEAD = 128  # bytes of memory per chunk, so that many tiny chunks count, too

# Seconds. CPython misses a signal that arrives just before a thread blocks on a lock, until that
# wait ends. So a long wait has many short parts, and Ctrl-C is late by one part at most.
_LONGEST_WAIT = 0.5


class ResponseHead(NamedTuple):
    """The status and the headers have arrived."""

    status: int
    headers: RawHeaders


class ResponseEnd(NamedTuple):
    """The body has ended."""

    trailers: RawHeaders


Item = ResponseHead | bytes | ResponseEnd | BaseException


class ResponsePipe:
    """A bounded queue with one producer, the receiver, and one consumer, the reader.

    Each side keeps its own byte count, so that they do not need a lock.
    """

    __slots__ = ("_bytes_put", "_bytes_taken", "_is_cancelled", "_items", "_resume")

    def __init__(self) -> None:
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        self._bytes_put = self._bytes_taken = 0
        self._resume: Callable[[], None] | None = None
        self._is_cancelled = False

    # The receiver's side.

    def put(self, item: Item) -> None:
        """Add an item. Never blocks; the receiver has to ask whether the pipe is full."""
        if isinstance(item, bytes):
            self._bytes_put += len(item) + _CHUNK_OVERHEAD
        self._items.put(item)

    @property
    def is_nearly_full(self) -> bool:
        """Whether the receiver must call `is_full` before it puts the next chunk."""
        return self._bytes_put - self._bytes_taken >= _HIGH_WATER

    def is_full(self, resume: Callable[[], None]) -> bool:
        """Return whether to wait until the reader's thread calls `resume`.

        `resume` must be the same each time: the reader may call the one of an earlier time.
        """
        self._resume = resume
        # The reader may have taken everything before it could see `resume`.
        return self._bytes_put - self._bytes_taken >= _LOW_WATER

    # The reader's side.

    def take(self, deadline: float | None) -> Item:
        """Return the next item; raise it if it is an exception.

        Raises `ConnectError`: `canceled` after `cancel`, `deadline_exceeded` at the deadline.
        """
        item = self._wait_for_item(deadline)
        if self._is_cancelled or item is None:
            raise canceled()
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, bytes):
            self._bytes_taken += len(item) + _CHUNK_OVERHEAD
            self._resume_receiver()
        return item

    def _wait_for_item(self, deadline: float | None) -> Item | None:
        while True:
            part = _LONGEST_WAIT
            if deadline is not None:
                part = max(0.0, min(deadline - time.monotonic(), part))
            try:
                return self._items.get(timeout=part)
            except Empty:
                if part < _LONGEST_WAIT:
                    raise deadline_exceeded() from None

    def _resume_receiver(self) -> None:
        resume = self._resume
        if resume is not None and self._bytes_put - self._bytes_taken < _LOW_WATER:
            self._resume = None
            resume()

    # For any thread.

    def cancel(self) -> None:
        """End the reader's wait, and every later one."""
        self._is_cancelled = True
        self._items.put(None)


class Receiver(Protocol):
    """Receives one response outside of the caller's thread."""

    def start(self, pipe: ResponsePipe) -> None:
        """Begin to receive the response into the pipe."""
        ...

    def stop(self) -> None:
        """Stop receiving. Any thread may call this, also after the end of the response."""
        ...


class PipedResponse:
    """See `connectrpc_client.TransportResponseSync`. The exchange begins with `open`."""

    __slots__ = ("_pipe", "_receiver", "_registration", "headers", "status", "trailers")

    headers: RawHeaders
    status: int

    def __init__(self, receiver: Receiver) -> None:
        self.trailers: RawHeaders = ()
        self._receiver = receiver
        self._pipe = ResponsePipe()
        self._registration: AbstractContextManager[None] | None = None

    def open(self, deadline: float | None, cancellation: Cancellation | None) -> "PipedResponse":
        """Begin the exchange, and wait for the response head."""
        if cancellation is not None:
            registration = cancellation.calling(self._cancel)
            registration.__enter__()
            self._registration = registration
        try:
            self._receiver.start(self._pipe)
            head = self._pipe.take(deadline)
        except BaseException:
            self.close()
            raise
        assert isinstance(head, ResponseHead)
        self.status, self.headers = head
        return self

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        while True:
            item = self._pipe.take(deadline)
            if isinstance(item, bytes):
                yield item
            elif isinstance(item, ResponseEnd):
                self.trailers = item.trailers
                return

    def close(self) -> None:
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.__exit__(None, None, None)
        self._cancel()

    def _cancel(self) -> None:
        self._pipe.cancel()
        self._receiver.stop()
