"""The names of the methods of a service: its RPCs, and what resembles them."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeGuard, get_args

from connectrpc_server._limits import NAME_SIMILARITY


def generated_class(application: type) -> type | None:
    """Return the service class of an application, which is derived from `ASGIApplication[X]`.

    Returns `None` if `X` is not a generated class. Generated classes are protocols.
    """
    for base in getattr(application, "__orig_bases__", ()):
        for argument in get_args(base):
            if _is_protocol(argument):
                return argument
    return None


def rpcs(generated: type | None) -> list[str]:
    """Return the names of the methods of a generated service class."""
    if generated is None:
        return []
    members = vars(generated).items()
    return [name for name, value in members if _is_public(name) and inspect.isfunction(value)]


def unwritten_rpcs(service: object, generated: type) -> list[str]:
    """Return the RPCs for which a service has only the method of the generated class."""
    return [
        name
        for name in rpcs(generated)
        if inspect.getattr_static(service, name, None) is vars(generated)[name]
    ]


def helpers(service_type: type, *, is_async: bool) -> Iterator[str]:
    """Yield the public methods of a class that are not RPCs of one of its generated classes.

    In an async service, a plain function cannot be meant as a handler, so it does not count.
    """
    generated = [base for base in service_type.__mro__ if _is_protocol(base)]
    for name in filter(_is_public, dir(service_type)):
        value = inspect.getattr_static(service_type, name)
        function: object = getattr(value, "__func__", value)
        if not inspect.isfunction(function) or any(name in vars(base) for base in generated):
            continue
        if not is_async or _is_async_or_generator(inspect.unwrap(function)):
            yield name


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that resembles another one, apart from case and underscores."""
    from difflib import get_close_matches  # only a service with a mistake needs it

    known = {_letters(each): each for each in names}
    matches = get_close_matches(_letters(name), known, n=1, cutoff=NAME_SIMILARITY)
    return known[matches[0]] if matches else None


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _is_protocol(value: object) -> TypeGuard[type]:
    return isinstance(value, type) and Protocol in value.__bases__


def _is_async_or_generator(function: object) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
