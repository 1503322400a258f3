"""The functions that generated modules call."""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

__all__ = ["deprecated", "lazy_attributes", "lazy_exports"]

_DISTRIBUTIONS = {
    "connectrpc_client": "connectrpc-client",
    "connectrpc_server": "connectrpc-server",
}
# By the end of the generated module's name.
_RUNTIMES = {"_connect_client": "connectrpc_client", "_connect_server": "connectrpc_server"}


def lazy_exports(
    module: MutableMapping[str, object], names: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a module's `__getattr__` and `__dir__` (PEP 562), which import names on first use.

    `module` is the module's `globals()`. `names` is that of `lazy_attributes`; relative module
    names start from the package of the module.

    If only the client or only the server is installed, `__all__` and `dir` leave out the names of
    the other one. Otherwise `from … import *` would fail. `__all__` is removed from the module, so
    that Python asks `__getattr__` for it, and looks for the installed packages only then.
    """
    name, package = str(module["__name__"]), str(module["__package__"])
    exports = tuple(cast("Sequence[str]", module.pop("__all__")))

    def get_attribute(attribute: str) -> object:
        if attribute == "__all__":
            missing = _missing(names)
            return [export for export in exports if export not in missing]
        if attribute not in names:
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        return _import(attribute, names[attribute], package)

    def list_attributes() -> list[str]:
        return sorted({*module, *names, "__all__"} - _missing(names))

    return get_attribute, list_attributes


def _missing(names: Mapping[str, str]) -> set[str]:
    """Return the names that cannot be imported, because their runtime is not installed."""
    ends = tuple(end for end, runtime in _RUNTIMES.items() if not _is_installed(runtime))
    return {name for name, module in names.items() if module.endswith(ends)}


def _is_installed(package: str) -> bool:
    if sys.modules.get(package) is not None:
        return True
    from importlib.util import find_spec  # here, because its import takes time

    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def lazy_attributes(package: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module's `__getattr__`, for code that an older generator wrote.

    `names` maps a name to the module that defines it. Relative module names start from `package`.
    So generated code for both sides works if only the client or only the server is installed. A
    name of the missing side raises an `ImportError` that names the distribution to install.
    """

    def get_attribute(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return _import(name, names[name], package)

    return get_attribute


def _import(name: str, module: str, package: str) -> object:
    try:
        return getattr(importlib.import_module(module, package), name)
    except ModuleNotFoundError as error:
        distribution = _DISTRIBUTIONS.get(error.name or "")
        if distribution is None:
            raise
        raise ImportError(
            f"{name} needs the distribution {distribution!r}: pip install {distribution}",
            name=error.name,
        ) from error


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
