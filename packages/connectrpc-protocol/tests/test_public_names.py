import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TypeAlias

import pytest

from connectrpc_protocol.public_names import set_public_module

Alias: TypeAlias = Mapping[str, int]


class Foreign: ...


def test_sets_the_module_of_what_the_package_defines_and_exports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = ModuleType("acme")
    monkeypatch.setitem(sys.modules, "acme", package)
    own = type("Own", (), {"__module__": "acme._own"})
    hidden = type("Hidden", (), {"__module__": "acme._own"})
    similar = type("Similar", (), {"__module__": "acme_other.own"})
    names = {"Own": own, "Foreign": Foreign, "Similar": similar, "Alias": Alias, "VERSION": "1"}
    vars(package).update(names, Hidden=hidden, __all__=[*names])
    set_public_module("acme")
    assert [each.__module__ for each in (own, hidden, Foreign, similar)] == [
        "acme",
        "acme._own",
        __name__,
        "acme_other.own",
    ]
    assert Alias.__module__ == "collections.abc"
