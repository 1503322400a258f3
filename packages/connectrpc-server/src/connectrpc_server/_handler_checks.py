"""The checks of handlers, made when an application is built."""

import inspect
from collections.abc import Callable

from google.protobuf.message import Message

from connectrpc_protocol import Method
from connectrpc_protocol.argument_checks import (
    check_parameters,
    function_of,
    is_coroutine_function,
    without_partial,
)
from connectrpc_server._mocks import is_async_mock, is_mock

_HINT_FOR_SYNC = "; a service with sync handlers needs the WSGI application"


def check_coroutine_function(
    method: Method[Message, Message], function: Callable[..., object]
) -> None:
    """Raise `TypeError` for an ASGI handler of one response that cannot be called and awaited.

    It must be `async def`, and take `request` or `requests`, and `ctx`.
    """
    _check_is_callable(method, function)
    if is_mock(function):
        _check_mock_is_awaited(method, function)
    elif not is_coroutine_function(function):
        inner = _unwrapped(function)
        is_generator = inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner)
        # A plain `__call__` of an object may return a coroutine.
        is_plain = inspect.isroutine(without_partial(function))
        if is_generator or (is_plain and not inspect.iscoroutinefunction(inner)):
            hint = "" if inspect.isasyncgenfunction(inner) else _HINT_FOR_SYNC
            raise TypeError(
                f"{method.full_name}: the handler must be an 'async def' without 'yield'{hint}"
            )
    _check_parameters(method, function)


def check_async_iterator(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for an ASGI handler of a stream that cannot be called and iterated.

    It must return an async iterator, and take `request` or `requests`, and `ctx`.
    """
    _check_is_callable(method, function)
    if is_async_mock(function):
        raise TypeError(
            f"{method.full_name}: the handler must return an async iterator, but an AsyncMock "
            "returns a coroutine: make the mock of the service with create_autospec, from the "
            "generated class"
        )
    is_generator = not is_mock(function) and inspect.isgeneratorfunction(function_of(function))
    if is_generator or (not is_mock(function) and is_coroutine_function(function)):
        hint = _HINT_FOR_SYNC if is_generator else ""
        raise TypeError(
            f"{method.full_name}: the handler must be an async generator ('async def' with 'yield')"
            f"{hint}"
        )
    _check_parameters(method, function)


def check_sync(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for a WSGI handler that cannot be called.

    It must not be async, nor a generator if it returns one response, and must take `request` or
    `requests`, and `ctx`.
    """
    _check_is_callable(method, function)
    if is_mock(function):
        is_async, is_generator = is_async_mock(function), False
    else:
        code = function_of(function)
        is_async = is_coroutine_function(function) or inspect.isasyncgenfunction(code)
        is_generator = inspect.isgeneratorfunction(code)
    if is_async:
        raise TypeError(
            f"{method.full_name}: a WSGI application needs a sync handler, not async: write it "
            "with 'def', or use the ASGI application of the service"
        )
    if is_generator and method.kind.one_response:
        raise TypeError(
            f"{method.full_name}: the handler must return the response: write it without 'yield'"
        )
    _check_parameters(method, function)


def _check_is_callable(method: Method[Message, Message], function: object) -> None:
    if not callable(function):
        raise TypeError(f"{method.full_name}: the handler is not callable: {function!r}")


def _unwrapped(function: Callable[..., object]) -> object:
    """Return the function inside decorators, which may be the one that is async."""
    code = function_of(function)
    return inspect.unwrap(code) if callable(code) else code


def _check_mock_is_awaited(method: Method[Message, Message], mock: Callable[..., object]) -> None:
    # A mock with a side effect returns what the side effect returns, which may be awaitable.
    if not is_async_mock(mock) and getattr(mock, "side_effect", None) is None:
        raise TypeError(
            f"{method.full_name}: the handler must be an 'async def', but the calls of a "
            f"{type(mock).__name__} cannot be awaited: make the mock of the service with "
            "create_autospec, from the generated class"
        )


def _check_parameters(method: Method[Message, Message], function: Callable[..., object]) -> None:
    request = "request" if method.kind.one_request else "requests"
    check_parameters(f"{method.full_name}: the handler", function, (request, "ctx"))
