import asyncio
from collections.abc import AsyncIterator, Iterator

from connectrpc_protocol.closing import aclose_iterator, close_iterator


def test_close_iterator_closes_a_generator() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    generator = numbers()
    close_iterator(generator)
    assert list(generator) == []


def test_close_iterator_accepts_an_iterator_without_close() -> None:
    iterator = iter([1])
    close_iterator(iterator)
    assert list(iterator) == [1]


def test_aclose_iterator_closes_an_async_generator() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    async def close_and_read() -> list[int]:
        generator = numbers()
        await aclose_iterator(generator)
        return [number async for number in generator]

    assert asyncio.run(close_and_read()) == []


def test_aclose_iterator_accepts_an_iterator_without_aclose() -> None:
    asyncio.run(aclose_iterator(iter([1])))
