"""The checks of services and handlers, made when an application is built."""

import inspect
from collections.abc import Callable

from google.protobuf.message import Message

from connectrpc_protocol import Method
from connectrpc_protocol.signature_check import check_parameters


def check_service(service: object) -> None:
    """Raise `TypeError` for an object that cannot be a service, such as a class."""
    if service is None or isinstance(service, type) or inspect.isroutine(service):
        raise TypeError(f"the service must be an object with a method for each RPC: {service!r}")


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
