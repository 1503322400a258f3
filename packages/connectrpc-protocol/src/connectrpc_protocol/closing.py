"""Closing an iterator that may be a generator."""


async def aclose_iterator(iterator: object) -> None:
    """Close an async iterator if it can be closed, as a generator can."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()


def close_iterator(iterator: object) -> None:
    """Close an iterator if it can be closed, as a generator can."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
