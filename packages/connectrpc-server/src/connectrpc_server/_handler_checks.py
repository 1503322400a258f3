"""The checks of services and handlers, made when an application is built."""

import inspect
from collections.abc import Callable

from google.protobuf.message import Message

from connectrpc_protocol import Method


def check_service(service: object) -> None:
    """Raise `TypeError` for an object that cannot be a service, such as a class."""
    if service is None or isinstance(service, type) or inspect.isroutine(service):
        raise TypeError(f"the service must be an object with a method for each RPC: {service!r}")


def check_coroutine_function(
    method: Method[Message, Message], function: Callable[..., object]
) -> None:
    """Raise `TypeError` for an ASGI handler that returns one response and is not `async def`."""
    if inspect.isroutine(function) and not inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise TypeError(f"{method.full_name}: the handler must be an 'async def' without 'yield'")


def check_async_iterator(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for an ASGI handler that cannot return an async iterator."""
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{method.full_name}: the handler must be an async generator ('async def' with 'yield')"
        )


def check_sync(method: Method[Message, Message], function: Callable[..., object]) -> None:
    """Raise `TypeError` for an async handler in a WSGI application."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{method.full_name}: a WSGI application needs a sync handler, not async")
