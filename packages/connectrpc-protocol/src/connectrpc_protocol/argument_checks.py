"""Checks of what users pass: lists, and functions that the library will call."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

T = TypeVar("T")


def as_tuple(name: str, values: Iterable[T]) -> tuple[T, ...]:
    """Return the values of an option that is a list.

    Raises `TypeError`, which says what to write, for one value instead of a list of values.
    """
    if isinstance(values, str) or not _is_iterable(values):
        raise TypeError(f"{name} must be a list: {name}=[{_shown(values)}]")
    return tuple(values)


def _is_iterable(value: object) -> bool:
    return isinstance(value, Iterable)


def _shown(value: object) -> str:
    """Return an object as the code of the user has it, as far as that is known."""
    if value is None:
        return ""
    if isinstance(value, str) or inspect.isroutine(value):
        return getattr(value, "__name__", repr(value))
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__name__}()"


def check_parameters(subject: str, function: Callable[..., object], names: Sequence[str]) -> None:
    """Raise `TypeError` unless one argument for each name can be passed by position.

    The text begins with `subject` and says the signature to write. A decorator may change the
    parameters, so the wrapper is checked and not the function inside it. A callable whose signature
    Python does not know is accepted.
    """
    if inspect.ismethod(function):  # with `self`, as in the code of the user
        function, names = function.__func__, ("self", *names)
    signature = _signature(function)
    if signature is None:
        return
    try:
        signature.bind(*names)
    except TypeError:
        wanted = ", ".join(names)
        raise TypeError(
            f"{subject} must have the parameters ({wanted}), not {_without_types(signature)}"
        ) from None


def without_partial(function: object) -> object:
    """Return the callable inside `functools.partial`, or the given one."""
    while isinstance(function, functools.partial):
        function = cast("object", function.func)
    return function


def function_of(value: object) -> object:
    """Return the function whose code runs if a callable is called.

    It is the callable itself, the one inside `functools.partial`, or the `__call__` of an object.
    """
    function = without_partial(value)
    if inspect.isroutine(function):
        return function
    return cast("object", inspect.getattr_static(type(function), "__call__", None))


def is_coroutine_function(function: object) -> bool:
    """Return whether the calls of a callable return a coroutine, as far as its code shows."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        function_of(function)
    )


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _without_types(signature: inspect.Signature) -> inspect.Signature:
    empty = inspect.Parameter.empty
    parameters = [each.replace(annotation=empty) for each in signature.parameters.values()]
    return inspect.Signature(parameters)
