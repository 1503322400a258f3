"""Closing iterators that may or may not be generators."""


async def aclose_iterator(iterator: object) -> None:
    """Close an async iterator that can be closed, such as a generator."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()


def close_iterator(iterator: object) -> None:
    """Close an iterator that can be closed, such as a generator."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
