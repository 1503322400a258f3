"""Mocks of `unittest.mock`, which users pass as services in tests.

The classes of mocks are found by their names: an import of `unittest.mock` would take time in every
program, and the distribution `mock` has classes of its own. The functions of `inspect` do not help,
because a mock made by `create_autospec` has a code object which is a mock too.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def is_mock(value: object) -> bool:
    """Return whether an object is a mock of any kind."""
    return _has_base(value, "NonCallableMock")


def is_async_mock(value: object) -> bool:
    """Return whether an object is a mock whose calls return a coroutine."""
    return _has_base(value, "AsyncMockMixin")


def iterator_function(function: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]:
    """Return a function that returns an async iterator, also if the given one is a mock.

    A mock returns a `MagicMock`, unless the test says otherwise. This can be iterated, but its
    method `aclose` cannot be awaited.
    """
    if not is_mock(function):
        return function

    async def iterate(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        async for item in function(*args, **kwargs):
            yield item

    return iterate


def _has_base(value: object, name: str) -> bool:
    return any(base.__name__ == name for base in type(value).__mro__)
