"""The checks of services and handlers, made when an application is built."""

import inspect
from collections.abc import Callable, Sequence

from google.protobuf.message import Message

from connectrpc_protocol import Method
from connectrpc_protocol.argument_checks import check_parameters

_NOT_A_SERVICE: Sequence[tuple[Callable[[object], bool], str]] = (
    (inspect.isclass, "{0} is a class; pass an instance of it, such as {0}()"),
    (inspect.ismethod, "{0} is a method; pass its object"),
    (inspect.iscoroutinefunction, "{0} is a function; pass what it returns: await {0}()"),
    (inspect.isroutine, "{0} is a function; pass what it returns: {0}()"),
    (inspect.iscoroutine, "{0} is a coroutine; await it"),
    (
        inspect.isgenerator,
        "{0} is a generator; write it as an async generator, for an ASGI application",
    ),
    (lambda service: service is None, "None does not have any"),
)


def check_service(service: object) -> None:
    """Raise `TypeError`, which says what to pass, for an object that cannot be a service."""
    for matches, text in _NOT_A_SERVICE:
        if matches(service):
            reason = text.format(getattr(service, "__name__", ""))
            raise TypeError(f"the service must be an object with a method for each RPC: {reason}")


def check_coroutine_function(
    method: Method[Message, Message], function: Callable[..., object]
) -> None:
    """Raise `TypeError` for an ASGI handler of one response that cannot be called and awaited.

    It must be `async def`, and take `request` or `requests`, and `ctx`.
    """
    if inspect.isroutine(function) and not inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise TypeError(f"{method.full_name}: the handler must be an 'async def' without 'yield'")
    _check_parameters(method, function)


def check_async_iterator(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for an ASGI handler of a stream that cannot be called and iterated.

    It must return an async iterator, and take `request` or `requests`, and `ctx`.
    """
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{method.full_name}: the handler must be an async generator ('async def' with 'yield')"
        )
    _check_parameters(method, function)


def check_sync(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for a WSGI handler that is async or has the wrong parameters."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{method.full_name}: a WSGI application needs a sync handler, not async")
    _check_parameters(method, function)


def _check_parameters(method: Method[Message, Message], function: Callable[..., object]) -> None:
    request = "request" if method.kind.one_request else "requests"
    check_parameters(f"{method.full_name}: the handler", function, (request, "ctx"))
