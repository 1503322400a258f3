"""The requests of a stream: lists, iterables and async iterables, all as one kind of iterator."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.closing import aclose_iterator, close_iterator

Req = TypeVar("Req", bound=Message)
T = TypeVar("T")

# Requests of a list are encoded together up to this size, in bytes, before any of them is sent.
# So a short list becomes a body of known length, and a long one does not take twice its memory.
_FIRST_CHUNK_SIZE = 64 * 1024


class RequestList(Iterator[Req], AsyncIterator[Req]):
    """Requests that are all known when the call begins: those of a list or a tuple.

    Requests that an interceptor takes from it are not sent. `encode_first_chunk` does not take any,
    so that it may be called again.
    """

    def __init__(self, requests: list[Req] | tuple[Req, ...], start: int = 0) -> None:
        self._requests = requests
        self._next = start

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Req:
        if self._next >= len(self._requests):
            raise StopIteration
        self._next += 1
        return self._requests[self._next - 1]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Req:
        for request in self:
            return request
        raise StopAsyncIteration

    def encode_first_chunk(
        self, encode: Callable[[Req], bytes]
    ) -> "tuple[bytes, RequestList[Req] | None]":
        """Return as many encoded requests as fill a chunk, and the other requests, if any.

        If one chunk holds all requests, they are sent as a body with a length, which every server
        and proxy understands.
        """
        rest = RequestList(self._requests, self._next)
        encoded: list[bytes] = []
        size = 0
        for request in rest:
            encoded.append(encode(request))
            size += len(encoded[-1])
            if size >= _FIRST_CHUNK_SIZE:
                break
        return b"".join(encoded), rest if rest._next < len(rest._requests) else None


class Untaken(Generic[T]):
    """The iterator of a stream's requests, until the body of an HTTP request takes it.

    If that HTTP request fails, the client takes the iterator back, for another one. Only the first
    to take it gets it, also if they run in two threads.
    """

    __slots__ = ("_iterators",)

    def __init__(self, iterator: T) -> None:
        self._iterators = [iterator]

    def take(self) -> T:
        """Return the iterator. Raises `LookupError` if it was taken or taken back."""
        return self._iterators.pop()

    def take_back(self) -> bool:
        """Return whether the iterator was not taken. If so, it cannot be taken any more."""
        try:
            self._iterators.pop()
        except LookupError:
            return False
        return True


def iterate(requests: AsyncIterable[Req] | Iterable[Req]) -> AsyncIterator[Req]:
    """Return an async iterator over the requests of an async or a sync iterable."""
    return _request_list(requests) or _iterate(requests)


def iterate_sync(requests: Iterable[Req]) -> Iterator[Req]:
    """Return an iterator over the requests of an iterable."""
    return _request_list(requests) or iter(requests)


def _request_list(requests: AsyncIterable[Req] | Iterable[Req]) -> RequestList[Req] | None:
    # A subclass of list or tuple may define an iteration of its own.
    if isinstance(requests, list | tuple) and type(requests) in (list, tuple):
        return RequestList(requests)
    return None


async def _iterate(requests: AsyncIterable[Req] | Iterable[Req]) -> AsyncIterator[Req]:
    if isinstance(requests, AsyncIterable):
        try:
            async for request in requests:
                yield request
        finally:
            await aclose_iterator(requests)
    else:
        iterator = iter(requests)
        try:
            for request in iterator:
                yield request
        finally:
            close_iterator(iterator)
