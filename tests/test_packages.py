"""Rules for every distribution: its files, its metadata, its public names."""

import ast
import importlib
import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = sorted(path.name for path in (ROOT / "packages").iterdir() if path.is_dir())
DEPENDENCIES = {
    "connectrpc-client": {"connectrpc-protocol", "httpx"},
    "connectrpc-protocol": {"protobuf"},
    "connectrpc-server": {"connectrpc-protocol"},
    "protoc-gen-connect-python": {"jinja2", "protobuf"},
}
SHARED = ["license", "license-files", "readme", "requires-python"]

every_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS)


def import_name(distribution: str) -> str:
    return distribution.replace("-", "_")


def sources(distribution: str) -> Path:
    return ROOT / "packages" / distribution / "src" / import_name(distribution)


def project(distribution: str) -> dict[str, Any]:
    text = (ROOT / "packages" / distribution / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def public_order(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then the rest, as ruff does."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@every_distribution
def test_has_the_files_that_users_look_for(distribution: str) -> None:
    folder = ROOT / "packages" / distribution
    assert (sources(distribution) / "py.typed").is_file()
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (folder / "README.md").read_text().startswith(f"# {distribution}\n")


@every_distribution
def test_change_log_starts_with_the_version(distribution: str) -> None:
    text = (ROOT / "packages" / distribution / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (?:Unreleased|(\S+).*)$", text, flags=re.MULTILINE)
    assert next(filter(None, headings)) == project(distribution)["version"]


@every_distribution
def test_all_places_have_the_same_version(distribution: str) -> None:
    version = project(distribution)["version"]
    for path in sources(distribution).rglob("_version.py"):
        assert path.read_text().endswith(f'__version__ = "{version}"\n')
    assert importlib.metadata.version(distribution) == version


@every_distribution
def test_metadata_is_the_same_for_all(distribution: str) -> None:
    declared = project(distribution)
    assert declared["name"] == distribution
    assert [declared[key] for key in SHARED] == ["Apache-2.0", ["LICENSE"], "README.md", ">=3.11"]
    assert "Typing :: Typed" in declared["classifiers"]


@every_distribution
def test_dependencies_are_only_these(distribution: str) -> None:
    required = map(Requirement, project(distribution)["dependencies"])
    assert {requirement.name for requirement in required} == DEPENDENCIES[distribution]


@every_distribution
def test_packages_require_each_other_in_a_compatible_range(distribution: str) -> None:
    for requirement in map(Requirement, project(distribution)["dependencies"]):
        if requirement.name not in DISTRIBUTIONS:
            continue
        version = project(requirement.name)["version"]
        major, minor, _ = map(int, version.split("."))
        compatible = f">={major}.{minor},<{major}.{minor + 1}"
        assert requirement.specifier == SpecifierSet(compatible)
        assert requirement.specifier.contains(version)


@pytest.mark.parametrize("distribution", ["connectrpc-client", "connectrpc-server"])
@pytest.mark.parametrize("extra", project("connectrpc-protocol")["optional-dependencies"])
def test_extras_of_the_protocol_pass_through(distribution: str, extra: str) -> None:
    extras = project(distribution)["optional-dependencies"]
    assert extras[extra] == [f"connectrpc-protocol[{extra}]"]


@every_distribution
def test_all_is_complete_and_sorted(distribution: str) -> None:
    module = importlib.import_module(import_name(distribution))
    assert module.__all__ == sorted(imported_names(sources(distribution)), key=public_order)
    assert set(module.__all__) <= set(dir(module))


def imported_names(package: Path) -> set[str]:
    """Return the names that a package imports into its `__init__`: its public names."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    return {name for name in names if not name.startswith("_") or name.endswith("__")}


@every_distribution
def test_packages_use_only_public_names_of_each_other(distribution: str) -> None:
    others = tuple(import_name(each) for each in DISTRIBUTIONS if each != distribution)
    for path in sources(distribution).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module=str(module), names=aliases):
                    used = [f"{module}.{alias.name}" for alias in aliases]
                case ast.Import(names=aliases):
                    used = [alias.name for alias in aliases]
                case _:
                    continue
            private = [name for name in used if name.startswith(others) and "._" in name]
            assert not private, path.name
