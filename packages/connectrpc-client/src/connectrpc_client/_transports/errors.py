"""Raises a library's exceptions as `ConnectError`, and those of the request's iterator unchanged.

The iterator may raise an exception of the same HTTP library, from another call, and the library may
replace the iterator's exception by one of its own. So `record_errors` keeps what the iterator
raises, and `translate_errors` prefers it.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

from connectrpc_protocol import ConnectError


async def record_errors(
    body: AsyncIterator[bytes], errors: list[Exception]
) -> AsyncIterator[bytes]:
    """Yield the chunks of the body; append what its iterator raises to `errors`."""
    try:
        async for chunk in body:
            yield chunk
    except Exception as exc:
        errors.append(exc)
        raise


def record_errors_sync(body: Iterator[bytes], errors: list[Exception]) -> Iterator[bytes]:
    """Yield the chunks of the body; append what its iterator raises to `errors`."""
    try:
        yield from body
    except Exception as exc:
        errors.append(exc)
        raise


@contextmanager
def translate_errors(
    library_errors: type[Exception] | tuple[type[Exception], ...],
    translate: Callable[[Exception], ConnectError],
    body_errors: Sequence[Exception] = (),
) -> Generator[None, None, None]:
    """Raise `translate(exc)` for an exception of the library.

    If the request body has recorded an exception, this raises the first recorded one instead.
    """
    try:
        yield
    except library_errors as exc:
        if body_errors:
            if body_errors[0] is exc:
                raise
            raise body_errors[0] from None
        raise translate(exc) from exc
