"""The checks of handlers, made when an application is built."""

import inspect
from collections.abc import Callable

from google.protobuf.message import Message

from connectrpc_protocol import Method
from connectrpc_protocol.argument_checks import check_parameters
from connectrpc_server._mocks import is_async_mock, is_mock

_HINT_FOR_SYNC = "; a service with sync handlers needs the WSGI application"


def check_coroutine_function(
    method: Method[Message, Message], function: Callable[..., object]
) -> None:
    """Raise `TypeError` for an ASGI handler of one response that cannot be called and awaited.

    It must be `async def`, and take `request` or `requests`, and `ctx`.
    """
    if is_mock(function):
        _check_mock_is_awaited(method, function)
    elif inspect.isroutine(function):
        inner = inspect.unwrap(function)
        if not inspect.iscoroutinefunction(inner):
            hint = "" if inspect.isasyncgenfunction(inner) else _HINT_FOR_SYNC
            raise TypeError(
                f"{method.full_name}: the handler must be an 'async def' without 'yield'{hint}"
            )
    _check_parameters(method, function)


def check_async_iterator(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for an ASGI handler of a stream that cannot be called and iterated.

    It must return an async iterator, and take `request` or `requests`, and `ctx`.
    """
    if is_async_mock(function):
        raise TypeError(
            f"{method.full_name}: the handler must return an async iterator, but an AsyncMock "
            "returns a coroutine: make the mock of the service with create_autospec, from the "
            "generated class"
        )
    is_generator = not is_mock(function) and inspect.isgeneratorfunction(function)
    if is_generator or (not is_mock(function) and inspect.iscoroutinefunction(function)):
        hint = _HINT_FOR_SYNC if is_generator else ""
        raise TypeError(
            f"{method.full_name}: the handler must be an async generator ('async def' with 'yield')"
            f"{hint}"
        )
    _check_parameters(method, function)


def check_sync(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for a WSGI handler that is async or has the wrong parameters."""
    if is_mock(function):
        is_async = is_async_mock(function)
    else:
        is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if is_async:
        raise TypeError(
            f"{method.full_name}: a WSGI application needs a sync handler, not async: write it "
            "with 'def', or use the ASGI application of the service"
        )
    _check_parameters(method, function)


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
