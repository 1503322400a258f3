"""The functions that generated modules call."""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

__all__ = ["deprecated", "lazy_attributes"]

_DISTRIBUTIONS = {
    "connectrpc_client": "connectrpc-client",
    "connectrpc_server": "connectrpc-server",
}


def lazy_attributes(package: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module's `__getattr__` (PEP 562), which imports each name on first use.

    `names` maps a name to the module that defines it. Relative module names start from `package`.
    So generated code for both sides works if only the client or only the server is installed. A
    name of the missing side raises an `ImportError` that names the distribution to install.
    """

    def get_attribute(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(names[name], package), name)
        except ModuleNotFoundError as error:
            distribution = _DISTRIBUTIONS.get(error.name or "")
            if distribution is None:
                raise
            raise ImportError(
                f"{name} needs the distribution {distribution!r}: pip install {distribution}",
                name=error.name,
            ) from error

    return get_attribute


if TYPE_CHECKING:
    from typing_extensions import deprecated
elif sys.version_info >= (3, 13):
    from warnings import deprecated
else:  # pragma: no cover (Python 3.11 and 3.12)
    T = TypeVar("T", bound=Callable[..., object])

    def deprecated(message: str) -> Callable[[T], T]:
        """Return a decorator for functions and classes: `warnings.deprecated` (PEP 702).

        This is for Python 3.11 and 3.12, and supports only the uses in generated code.
        """

        def decorate(target: T) -> T:
            if isinstance(target, type):
                target.__init__ = decorate(target.__init__)
                target.__deprecated__ = message
                return target

            @functools.wraps(target)
            def warn_and_call(*args: object, **kwargs: object) -> object:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                return target(*args, **kwargs)

            warn_and_call.__deprecated__ = message
            return warn_and_call

        return decorate
