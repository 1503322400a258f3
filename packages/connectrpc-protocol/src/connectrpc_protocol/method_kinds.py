"""The kinds of the methods that a generated class uses."""

import inspect
from collections.abc import Iterator
from types import FunctionType

from connectrpc_protocol.method import Method, MethodKind


def method_kinds(generated: type) -> Iterator[MethodKind]:
    """Yield the kind of each RPC that a generated client or application uses.

    The functions of a generated class name the constant of each RPC that they use: it is found
    among the global names in their code. A class whose functions do not name any yields nothing.
    """
    for function in _functions(generated):
        for name in function.__code__.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, Method):
                yield value.kind


def _functions(generated: type) -> Iterator[FunctionType]:
    for base in generated.__mro__:
        for value in vars(base).values():
            function = inspect.unwrap(value) if callable(value) else None
            if isinstance(function, FunctionType):
                yield function
