"""The checks of interceptors when an application or a client is built.

An interceptor that is never called may be the one that should check credentials. So an object that
cannot be used is not ignored, but raises an error.
"""

import inspect
from collections.abc import Callable, Collection

from connectrpc_protocol.argument_checks import (
    check_parameters,
    function_of,
    is_coroutine_function,
)
from connectrpc_protocol.method import MethodKind

_METHOD_OF_KIND = {
    MethodKind.UNARY: "intercept_unary",
    MethodKind.CLIENT_STREAM: "intercept_client_stream",
    MethodKind.SERVER_STREAM: "intercept_server_stream",
    MethodKind.BIDI_STREAM: "intercept_bidi_stream",
}
_PARAMETERS = {
    "intercept_unary": ("call_next", "request", "ctx"),
    "intercept_client_stream": ("call_next", "requests", "ctx"),
    "intercept_server_stream": ("call_next", "request", "ctx"),
    "intercept_bidi_stream": ("call_next", "requests", "ctx"),
    "on_start": ("ctx",),
    "on_end": ("token", "ctx", "error"),
}
_ASYNC = frozenset(_PARAMETERS)
_ITERATED = frozenset({"intercept_server_stream", "intercept_bidi_stream"})
_AWAITED = _ASYNC - _ITERATED
_SYNC = frozenset(f"{name}_sync" for name in _ASYNC)


def check_async_interceptor(interceptor: object) -> None:
    """Raise `TypeError` if an ASGI application or an async client cannot use the object."""
    for name in _usable_methods(interceptor, _ASYNC, _SYNC, "async"):
        _check_async_method(type(interceptor).__name__, name, getattr(interceptor, name))


def check_sync_interceptor(interceptor: object) -> None:
    """Raise `TypeError` if a WSGI application or a sync client cannot use the object."""
    for name in _usable_methods(interceptor, _SYNC, _ASYNC, "sync"):
        _check_sync_method(type(interceptor).__name__, name, getattr(interceptor, name))


def check_is_reached(
    interceptor: object, kinds: Collection[MethodKind], service: str, suffix: str
) -> None:
    """Raise `TypeError` if no call of a service with these kinds of methods runs the interceptor.

    `suffix` ends the names of the methods that are called: empty, or `_sync`.
    """
    called = [_METHOD_OF_KIND[kind] + suffix for kind in MethodKind if kind in kinds]
    pair = [f"on_start{suffix}", f"on_end{suffix}"]
    if not called or any(hasattr(interceptor, name) for name in [*called, *pair]):
        return
    only = " and ".join(kind.value for kind in MethodKind if kind in kinds)
    raise TypeError(
        f"interceptor {type(interceptor).__name__} would never be called: all methods of {service} "
        f"are {only}; implement {' or '.join(called)}, or {' and '.join(pair)}, which run for "
        "every kind"
    )


def _usable_methods(
    interceptor: object, own_names: frozenset[str], twin_names: frozenset[str], kind: str
) -> list[str]:
    """Return the names of the methods that a chain of this kind, async or sync, calls.

    Raises `TypeError` for a misspelt method, for a method that exists only for the other kind, for
    `on_start` or `on_end` alone, and for an object without any method.
    """
    if isinstance(interceptor, type):
        raise TypeError(f"interceptor {interceptor.__name__} is a class; pass an instance of it")
    type_name = type(interceptor).__name__
    names = {name for name in dir(interceptor) if name.startswith(("intercept_", "on_"))}
    usable = names & own_names
    _check_spelling(type_name, names - own_names - twin_names)
    if not usable:
        known = ", ".join(sorted(own_names))
        article = "an" if kind == "async" else "a"
        raise TypeError(
            f"{type_name} is not {article} {kind} interceptor: it has none of the methods {known}"
        )
    _check_twins(type_name, names, names & twin_names)
    start, end = (name if name in own_names else _twin(name) for name in ("on_start", "on_end"))
    if (start in usable) != (end in usable):
        raise TypeError(f"interceptor {type_name} needs both {start} and {end}")
    return sorted(usable)


def _check_spelling(type_name: str, other_names: set[str]) -> None:
    unknown = sorted(name for name in other_names if name.startswith("intercept_"))
    if unknown:
        raise TypeError(f"interceptor {type_name} has an unknown method: {', '.join(unknown)}")


def _check_twins(type_name: str, names: set[str], twins: set[str]) -> None:
    absent = sorted(name for name in map(_twin, twins) if name not in names)
    if absent:
        present = ", ".join(map(_twin, absent))
        raise TypeError(f"interceptor {type_name} has {present} but not {', '.join(absent)}")


def _check_async_method(type_name: str, name: str, function: object) -> None:
    function = _checked_callable(type_name, name, function)
    is_coroutine = is_coroutine_function(function)
    if name in _AWAITED:
        if not is_coroutine:
            raise TypeError(f"interceptor {type_name}: {name} must be an 'async def' function")
    elif is_coroutine:
        raise TypeError(
            f"interceptor {type_name}: {name} must return an iterator, not an awaitable"
        )
    elif inspect.isgeneratorfunction(function_of(function)):
        raise TypeError(f"interceptor {type_name}: {name} must be an async generator")
    check_parameters(f"interceptor {type_name}: {name}", function, _PARAMETERS[name])


def _check_sync_method(type_name: str, name: str, function: object) -> None:
    function = _checked_callable(type_name, name, function)
    code = function_of(function)
    if is_coroutine_function(function) or inspect.isasyncgenfunction(code):
        raise TypeError(f"interceptor {type_name}: {name} must not be async")
    if inspect.isgeneratorfunction(code) and _twin(name) in _AWAITED:
        raise TypeError(
            f"interceptor {type_name}: {name} must return its result, so it must not have 'yield'"
        )
    check_parameters(f"interceptor {type_name}: {name}", function, _PARAMETERS[_twin(name)])


def _checked_callable(type_name: str, name: str, function: object) -> Callable[..., object]:
    if not callable(function):
        raise TypeError(f"interceptor {type_name}: {name} is not callable")
    return function


def _twin(name: str) -> str:
    """Return the name of the sync method for an async method, and the other way round."""
    return name.removesuffix("_sync") if name.endswith("_sync") else f"{name}_sync"
