"""The check that a function of the user takes the arguments that it will be called with."""

import inspect
from collections.abc import Callable, Sequence


def check_parameters(subject: str, function: Callable[..., object], names: Sequence[str]) -> None:
    """Raise `TypeError` unless one argument for each name can be passed by position.

    The text begins with `subject` and says the signature to write. A decorator may change the
    parameters, so the wrapper is checked and not the function inside it. A callable whose signature
    Python does not know is accepted.
    """
    signature = _signature(function)
    if signature is None:
        return
    try:
        signature.bind(*names)
    except TypeError:
        if inspect.ismethod(function):  # with `self`, as in the code of the user
            names = ("self", *names)
            signature = _signature(function.__func__) or signature
        wanted = ", ".join(names)
        raise TypeError(
            f"{subject} must have the parameters ({wanted}), not {_without_types(signature)}"
        ) from None


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _without_types(signature: inspect.Signature) -> inspect.Signature:
    empty = inspect.Parameter.empty
    parameters = [each.replace(annotation=empty) for each in signature.parameters.values()]
    return inspect.Signature(parameters)
