import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest

from connectrpc_protocol import deprecated, lazy_attributes, lazy_exports


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that writes a module. The test can import it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


def test_a_lazy_attribute_is_imported_on_first_use(write_module) -> None:
    write_module("lazy_target_one", "VALUE = object()")
    get = lazy_attributes("lazy_owner", {"VALUE": "lazy_target_one"})
    assert "lazy_target_one" not in sys.modules
    value = get("VALUE")
    assert value is sys.modules.pop("lazy_target_one").VALUE


def test_a_lazy_attribute_may_come_from_a_relative_module() -> None:
    get = lazy_attributes("connectrpc_protocol", {"Code": ".code"})
    assert get("Code") is sys.modules["connectrpc_protocol"].Code


def test_an_unknown_name_is_an_attribute_error() -> None:
    get = lazy_attributes("acme.eliza_connect", {"Client": ".client"})
    with pytest.raises(AttributeError, match=r"module 'acme\.eliza_connect' has no attribute 'X'"):
        get("X")


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_missing_side_is_an_import_error_that_names_the_distribution(
    write_module, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    package = f"connectrpc_{side}"
    write_module("lazy_target_two", f"import {package}")
    monkeypatch.setattr("sys.meta_path", [Missing(package), *sys.meta_path])
    monkeypatch.delitem(sys.modules, package, raising=False)
    get = lazy_attributes("lazy_owner", {"Eliza": "lazy_target_two"})
    with pytest.raises(ImportError, match=f"Eliza needs .*: pip install connectrpc-{side}") as got:
        get("Eliza")
    assert (got.type, got.value.name) == (ImportError, package)


class Missing:
    """A finder that hides one installed package."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_another_missing_module_is_a_module_not_found_error(write_module) -> None:
    write_module("lazy_target_three", "import a_module_that_does_not_exist")
    get = lazy_attributes("lazy_owner", {"Eliza": "lazy_target_three"})
    with pytest.raises(ModuleNotFoundError) as caught:
        get("Eliza")
    assert caught.value.name == "a_module_that_does_not_exist"


def test_an_attribute_that_its_module_lacks_is_an_attribute_error(write_module) -> None:
    write_module("lazy_target_four", "")
    get = lazy_attributes("lazy_owner", {"Eliza": "lazy_target_four"})
    with pytest.raises(AttributeError, match="Eliza"):
        get("Eliza")


EXPORTS = {"Client": ".a_connect_client", "Service": ".a_connect_server"}


@pytest.fixture
def exporting() -> ModuleType:
    """A module like a generated one, before its first lazy import."""
    module = ModuleType("acme.a_connect")
    module.__package__ = "acme"
    namespace = {"NAME": "a", "_private": "b", "__all__": ["NAME", "Client", "Service"]}
    vars(module).update(namespace)
    module.__getattr__, module.__dir__ = lazy_exports(vars(module), EXPORTS)
    return module


def test_dir_and_all_list_lazy_names_and_import_nothing(exporting, monkeypatch) -> None:
    monkeypatch.setattr("importlib.import_module", None)
    assert exporting.__all__ == ["NAME", "Client", "Service"]
    assert {"NAME", "Client", "Service", "_private", "__all__", "__name__"} <= {*dir(exporting)}
    assert dir(exporting) == sorted(dir(exporting))


@pytest.mark.parametrize(
    ("missing", "kept"), [("client", ["NAME", "Service"]), ("server", ["NAME", "Client"])]
)
@pytest.mark.parametrize("how", ["not found", "blocked"])
def test_dir_and_all_leave_out_the_names_of_a_missing_side(
    exporting, monkeypatch: pytest.MonkeyPatch, missing: str, kept: list[str], how: str
) -> None:
    package = f"connectrpc_{missing}"
    for side in ("client", "server"):  # the other side is installed
        monkeypatch.setitem(sys.modules, f"connectrpc_{side}", ModuleType("installed"))
    monkeypatch.setitem(sys.modules, package, None)
    if how == "not found":
        monkeypatch.delitem(sys.modules, package)
        monkeypatch.setattr("sys.meta_path", [Missing(package), *sys.meta_path])
    assert exporting.__all__ == kept
    assert {"NAME", "Client", "Service"} & {*dir(exporting)} == {*kept}


def test_an_installed_side_that_is_not_imported_yet_is_not_missing(
    exporting, monkeypatch: pytest.MonkeyPatch, write_module
) -> None:
    for side in ("client", "server"):
        write_module(f"connectrpc_{side}", "raise ImportError('not imported for a list of names')")
    assert exporting.__all__ == ["NAME", "Client", "Service"]


def test_a_name_of_no_side_is_always_listed() -> None:
    module = {"__name__": "a", "__package__": "", "__all__": ["Other"]}
    get, _ = lazy_exports(module, {"Other": "a_module_of_the_user"})
    assert get("__all__") == ["Other"]


def test_an_unknown_name_of_a_module_is_an_attribute_error(exporting) -> None:
    with pytest.raises(AttributeError, match=r"module 'acme\.a_connect' has no attribute 'X'"):
        exporting.X  # noqa: B018


def test_an_exported_name_is_imported_from_the_package_of_the_module(
    exporting, monkeypatch
) -> None:
    sibling = ModuleType("acme.a_connect_client")
    sibling.Client = object()
    monkeypatch.setitem(sys.modules, "acme", ModuleType("acme"))
    monkeypatch.setitem(sys.modules, "acme.a_connect_client", sibling)
    assert exporting.Client is sibling.Client


@deprecated("use new")
def old(number: int) -> int:
    """Doubles."""
    return number * 2


@deprecated("use new")
async def old_coroutine(number: int) -> int:
    return number * 2


@deprecated("use New")
class Old:
    def __init__(self, number: int) -> None:
        self.number = number


@deprecated("use New")
class OldService(Protocol):
    def say(self) -> str: ...


def test_a_deprecated_function_warns_and_works() -> None:
    with pytest.warns(DeprecationWarning, match="use new"):
        assert old(3) == 6


def test_the_warning_points_to_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        old(3)
        line = inspect.getframeinfo(inspect.currentframe()).lineno - 1
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]


def test_a_deprecated_function_keeps_its_name_and_documentation() -> None:
    assert (old.__name__, old.__doc__) == ("old", "Doubles.")


@pytest.mark.parametrize("target", [old, old_coroutine, Old, OldService])
def test_a_deprecated_object_has_its_message_as_an_attribute(target) -> None:
    assert target.__deprecated__.startswith("use ")


def test_a_deprecated_coroutine_function_warns_when_it_is_called() -> None:
    with pytest.warns(DeprecationWarning, match="use new"):
        coroutine = old_coroutine(3)
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == 6


def test_a_deprecated_class_warns_when_it_is_instantiated() -> None:
    with pytest.warns(DeprecationWarning, match="use New"):
        assert Old(3).number == 3


def test_a_deprecated_class_is_still_a_class() -> None:
    assert inspect.isclass(Old)


def test_a_deprecated_protocol_class_can_be_implemented() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        class Service(OldService):
            def say(self) -> str:
                return "hello"

        assert Service().say() == "hello"
