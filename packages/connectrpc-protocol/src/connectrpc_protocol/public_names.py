"""The module that public classes and functions name as theirs: the one that users import."""

import sys


def set_public_module(package: str) -> None:
    """Set `__module__` of everything that a package defines and lists in `__all__`.

    Tracebacks, `repr` and `help` then show the name that users import, such as
    `connectrpc_protocol.ConnectError`. A name that comes from another distribution keeps its
    module: `connectrpc_client.ConnectError` is that of `connectrpc_protocol`.
    """
    namespace = vars(sys.modules[package])
    for name in namespace["__all__"]:
        value = namespace[name]
        # A type alias, such as a union, is an object of the standard library.
        if getattr(value, "__module__", "").startswith(f"{package}."):
            value.__module__ = package
