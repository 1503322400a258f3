"""The tables of docs/architecture.md agree with the tree."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from .docs_tables import rows_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = {next((path / "src").iterdir()).name: path for path in (ROOT / "packages").iterdir()}

# These files hold a docstring, a version, or the way to start a program.
NOT_LAYERS = {"__init__", "__main__", "_version"}


def documented() -> list[tuple[str, int]]:
    """Return each module of the table of layers, with the number of its row."""
    rows = rows_of(PAGE, "| layer | in | modules |")
    return [
        (f"{folder}.{module}", number)
        for number, (_, folders, modules) in enumerate(rows)
        for folder in re.findall(r"`([\w.]+)`", folders)
        for module in re.findall(r"`([\w.]+)`", modules)
    ]


def modules() -> dict[str, Path]:
    """Return the files of all modules, by their dotted names."""
    return {
        ".".join(file.relative_to(path / "src").with_suffix("").parts): file
        for path in PACKAGES.values()
        for file in (path / "src").rglob("*.py")
        if file.stem not in NOT_LAYERS
    }


def imports_of(file: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules of the same package that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    package = file.relative_to(ROOT / "packages").parts[2]
    return {name for name in found & known.keys() if name.partition(".")[0] == package}


def test_each_module_is_in_one_layer() -> None:
    counts = Counter(name for name, _ in documented())
    assert not [name for name, count in counts.items() if count > 1]
    assert counts.keys() == modules().keys()


def test_modules_import_only_their_own_layer_and_those_below() -> None:
    layers, known = dict(documented()), modules()
    upwards = {
        f"{name} imports {imported}"
        for name, file in known.items()
        for imported in imports_of(file, known)
        if layers[imported] < layers[name]
    }
    assert not upwards


def test_the_files_of_decisions_exist() -> None:
    section = PAGE.read_text().partition("### Decisions about the layout")[2].partition("\n## ")[0]
    named = re.findall(r"^- `([\w/.]+)`", section, flags=re.M)
    assert named
    roots = [ROOT, *(path / "src" for path in PACKAGES.values())]
    assert not [name for name in named if not any((root / name).exists() for root in roots)]


def changes() -> list[list[str]]:
    return rows_of(PAGE, "| change | file | name |")


@pytest.mark.parametrize("row", changes(), ids=lambda row: row[0])
def test_the_file_of_a_change_defines_its_name(row: list[str]) -> None:
    _, file, name = row
    text = (ROOT / "packages" / file.strip("`")).read_text()
    symbol = re.escape(name.strip("`"))
    if file.endswith(".py`"):
        assert re.search(rf"^\s*(async def|def|class) {symbol}\b|^{symbol}(:.*)? = ", text, re.M)
    else:
        assert re.search(rf"\b{symbol}\b", text)
