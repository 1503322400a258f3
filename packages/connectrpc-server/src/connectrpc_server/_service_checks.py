"""The checks of a whole service, made when an application is built."""

import inspect
import warnings
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import ClassVar, Protocol, TypeVar

from connectrpc_server._mocks import is_mock
from connectrpc_server._service_methods import (
    closest,
    generated_class,
    helpers,
    rpcs,
    unwritten_rpcs,
)

Service_contra = TypeVar("Service_contra", contravariant=True)
Handler_co = TypeVar("Handler_co", covariant=True)

_MUST_BE = "the service must be an object with a method for each RPC"
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


class ServiceApplication(Protocol[Service_contra, Handler_co]):
    """The part that ASGI and WSGI applications have in common."""

    service_name: ClassVar[str]

    def handlers(self, service: Service_contra) -> Sequence[Handler_co]: ...


def checked_handlers(
    application: ServiceApplication[Service_contra, Handler_co],
    service: Service_contra,
    *,
    is_async: bool,
) -> Sequence[Handler_co]:
    """Return the handlers of a service for an application, an ASGI application if `is_async`.

    Raises `TypeError`, which says what to pass or write, for an object that cannot be the service.
    Warns of methods that resemble an RPC.
    """
    _check_service(service)
    try:
        handlers = application.handlers(service)
    except AttributeError as error:
        # A service that delegates to another object raises the error of that object.
        if error.obj is not service and error.name not in rpcs(generated_class(type(application))):
            raise
        raise _missing_method(str(error.name), service, application) from None
    if not is_mock(service):
        _warn_of_similar_names(service, application, is_async=is_async)
    return handlers


def _check_service(service: object) -> None:
    if is_mock(service):
        return  # `inspect` takes it for the object that it mocks, such as a class
    for matches, text in _NOT_A_SERVICE:
        if matches(service):
            reason = text.format(getattr(service, "__name__", ""))
            raise TypeError(f"{_MUST_BE}: {reason}")


def _missing_method(
    name: str, service: object, application: ServiceApplication[Service_contra, Handler_co]
) -> TypeError:
    type_name = type(service).__name__
    generated = generated_class(type(application))
    known = rpcs(generated)
    if _is_context_manager(service) and not any(hasattr(service, rpc) for rpc in known):
        return TypeError(
            f"{_MUST_BE}: {type_name} is a context manager or an async generator; pass the object "
            "that it yields, or an async one to an ASGI application"
        )
    similar = closest(name, {each for each in dir(service) if each[:1] != "_"}.difference(known))
    rename = "" if similar is None else f"rename {similar!r}, "
    base = "the generated class" if generated is None else generated.__name__
    return TypeError(
        f"{_MUST_BE}: {type_name} does not have the method {name!r} of {application.service_name}; "
        f"{rename}write it, or derive the class from {base}, so that calls of this method fail "
        "with 'unimplemented'"
    )


def _is_context_manager(service: object) -> bool:
    kinds = (AsyncGenerator, AbstractAsyncContextManager, AbstractContextManager)
    return isinstance(service, kinds)


def _warn_of_similar_names(
    service: object,
    application: ServiceApplication[Service_contra, Handler_co],
    *,
    is_async: bool,
) -> None:
    """Warn of each method that is not an RPC, but resembles one that the service does not have.

    Otherwise a handler with a misspelt name would not be noticed: the calls of its RPC fail with
    `unimplemented`.
    """
    generated = generated_class(type(application))
    unwritten = [] if generated is None else unwritten_rpcs(service, generated)
    type_name = type(service).__name__
    for name in helpers(type(service), is_async=is_async) if unwritten else ():
        rpc = closest(name, unwritten)
        if rpc is not None:
            warnings.warn(
                f"{type_name}.{name} is not an RPC of {application.service_name}, but its name "
                f"resembles {rpc!r}, which {type_name} does not implement: rename it to {rpc!r}, "
                f"or to '_{name}' if it is not a handler",
                UserWarning,
                stacklevel=_stacklevel(),
            )


def _stacklevel() -> int:
    """Return the level of the first caller outside this package, for a warning of the caller."""
    package = __name__.rpartition(".")[0]
    frame, level = inspect.currentframe(), 0
    while frame is not None and f"{frame.f_globals.get('__name__')}.".startswith(f"{package}."):
        frame, level = frame.f_back, level + 1
    return level
