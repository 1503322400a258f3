"""The requests of a stream, as users give them."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Self, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.chain import aclose_iterator, close_iterator

Req = TypeVar("Req", bound=Message)

# Bytes. The flow control of HTTP/2 lets about as much through before the server answers.
_SHORT = 64 * 1024


class Listed(Iterator[Req], AsyncIterator[Req]):
    """Requests that are all there already: those of a list or a tuple."""

    def __init__(self, requests: list[Req] | tuple[Req, ...]) -> None:
        self._requests = requests
        self._taken = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Req:
        if self._taken >= len(self._requests):
            raise StopIteration
        self._taken += 1
        return self._requests[self._taken - 1]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Req:
        for request in self:
            return request
        raise StopAsyncIteration

    def body(self, encode: Callable[[Req], bytes]) -> bytes | None:
        """What is left of them as one body, unless that is long and better sent in pieces.

        Such a body has a length, which every server and proxy understands, and leaves at once.
        """
        encoded: list[bytes] = []
        size = 0
        for request in islice(self._requests, self._taken, None):
            if size > _SHORT:
                return None
            encoded.append(encode(request))
            size += len(encoded[-1])
        return b"".join(encoded)


def iterate(requests: AsyncIterable[Req] | Iterable[Req]) -> AsyncIterator[Req]:
    """Async or plain iterables of requests as one kind."""
    return Listed(requests) if isinstance(requests, list | tuple) else _iterate(requests)


def iterate_sync(requests: Iterable[Req]) -> Iterator[Req]:
    """Iterables of requests as one kind."""
    return Listed(requests) if isinstance(requests, list | tuple) else iter(requests)


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
