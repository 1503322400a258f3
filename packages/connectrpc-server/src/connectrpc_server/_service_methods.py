"""The names of the methods of a service: its RPCs, and names that resemble them."""

import inspect
from collections.abc import Iterable
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


def rpcs(generated: type) -> list[str]:
    """Return the names of the methods of a generated service class."""
    members = vars(generated).items()
    return [name for name, value in members if _is_public(name) and inspect.isfunction(value)]


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


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
