"""Public names show the module from which users import them."""

import copy
import importlib
import inspect
import pickle
import traceback
import typing
from typing import Any

import pytest

from connectrpc_protocol import Code, ConnectError, ErrorDetail, Headers, IdempotencyLevel

PACKAGES = ("connectrpc_protocol", "connectrpc_client", "connectrpc_server")
MODULES = (*PACKAGES, "connectrpc_client.testing")


def defined(value: object) -> bool:
    """Return whether it is a class or a function of ours: a type alias is not."""
    module = getattr(value, "__module__", None) or ""
    return (inspect.isclass(value) or inspect.isfunction(value)) and (
        module.partition(".")[0] in PACKAGES
    )


NAMES = [
    pytest.param(module, name, id=f"{module}.{name}")
    for module in MODULES
    for name in importlib.import_module(module).__all__
    if defined(getattr(importlib.import_module(module), name))
]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_shows_a_module_that_exports_it(module: str, name: str) -> None:
    value: Any = getattr(importlib.import_module(module), name)
    assert value.__module__ in {module, "connectrpc_protocol"}
    shown = importlib.import_module(value.__module__)
    assert name in shown.__all__
    assert getattr(shown, name) is value


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_can_be_pickled(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_the_types_of_a_public_name_are_found(module: str, name: str) -> None:
    value: Any = getattr(importlib.import_module(module), name)
    typing.get_type_hints(value)
    if inspect.isclass(value):
        for member in vars(value).values():
            if inspect.isfunction(member):
                typing.get_type_hints(member)


class OwnError(ConnectError):
    """An error of the user."""


def test_a_traceback_names_the_module_that_users_import() -> None:
    lines = traceback.format_exception_only(ConnectError(Code.NOT_FOUND, "no such user"))
    assert lines == ["connectrpc_protocol.ConnectError: not_found: no such user\n"]
    own = traceback.format_exception_only(OwnError(Code.ABORTED))
    assert own == [f"{__name__}.OwnError: aborted\n"]


@pytest.mark.parametrize(
    "value", [Code.ABORTED, IdempotencyLevel.IDEMPOTENT, ErrorDetail("a.B", b"\x01")]
)
def test_values_can_be_pickled_and_copied(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


def test_errors_can_be_pickled_and_copied() -> None:
    error = ConnectError(Code.NOT_FOUND, "gone", [ErrorDetail("a.B", b"")], Headers({"a": "b"}))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is ConnectError
        assert (str(other), other.details, other.metadata) == (
            "not_found: gone",
            error.details,
            error.metadata,
        )


def test_an_error_that_an_older_version_pickled_is_restored() -> None:
    # The class by the module that defines it.
    assert pickle.loads(b"cconnectrpc_protocol.errors\nConnectError\n.") is ConnectError
