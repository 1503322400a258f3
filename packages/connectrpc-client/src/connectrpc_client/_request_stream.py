"""The requests of a stream, as users give them."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Self, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.closing import aclose_iterator, close_iterator

Req = TypeVar("Req", bound=Message)

# Bytes: what of a list is put together at most before any of it is sent.
_PIECE = 64 * 1024


class Listed(Iterator[Req], AsyncIterator[Req]):
    """Requests that are all there already: those of a list or a tuple.

    What an interceptor takes of them is not sent. Sending takes none, so that it may be done again.
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

    def piece(self, encode: Callable[[Req], bytes]) -> "tuple[bytes, Listed[Req] | None]":
        """As many as fill a piece, encoded, and the rest, where there is one.

        All in one piece are a body with a length, which every server and proxy understands.
        """
        rest = Listed(self._requests, self._next)
        encoded: list[bytes] = []
        size = 0
        for request in rest:
            encoded.append(encode(request))
            size += len(encoded[-1])
            if size >= _PIECE:
                break
        return b"".join(encoded), rest if rest._next < len(rest._requests) else None


def iterate(requests: AsyncIterable[Req] | Iterable[Req]) -> AsyncIterator[Req]:
    """Async or plain iterables of requests as one kind."""
    return _listed(requests) or _iterate(requests)


def iterate_sync(requests: Iterable[Req]) -> Iterator[Req]:
    """Iterables of requests as one kind."""
    return _listed(requests) or iter(requests)


def _listed(requests: AsyncIterable[Req] | Iterable[Req]) -> Listed[Req] | None:
    # What inherits from lists may iterate in a way of its own.
    if isinstance(requests, list | tuple) and type(requests) in (list, tuple):
        return Listed(requests)
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
