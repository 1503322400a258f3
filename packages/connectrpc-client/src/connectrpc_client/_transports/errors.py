"""What goes wrong below a call: exceptions of an HTTP library, and those of its user."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

from connectrpc_protocol import ConnectError


async def noting(body: AsyncIterator[bytes], failures: list[Exception]) -> AsyncIterator[bytes]:
    """The body; what its iterator raises is noted, so that it passes through as it is."""
    try:
        async for chunk in body:
            yield chunk
    except Exception as exc:
        failures.append(exc)
        raise


def noting_sync(body: Iterator[bytes], failures: list[Exception]) -> Iterator[bytes]:
    """See `noting`."""
    try:
        yield from body
    except Exception as exc:
        failures.append(exc)
        raise


@contextmanager
def translated(
    errors: type[Exception] | tuple[type[Exception], ...],
    translate: Callable[[Exception], ConnectError],
    failures: Sequence[Exception] = (),
) -> Generator[None, None, None]:
    """A library's exceptions as `ConnectError`; those of the request's iterator as they are."""
    try:
        yield
    except errors as exc:
        if failures:
            if failures[0] is exc:
                raise
            raise failures[0] from None
        raise translate(exc) from exc
