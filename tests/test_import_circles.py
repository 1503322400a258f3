"""The modules of a package do not import each other in a circle, not even for types.

The graph comes from the source text, so it includes imports inside functions and below
`if TYPE_CHECKING`. An import of a submodule also runs the `__init__` of its parents; those
implicit edges are left out, because every `__init__` that offers names of submodules would be part
of a circle.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages"


def modules_of(source: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of each module in a source folder, by its name."""
    trees: dict[str, ast.Module] = {}
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        trees[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return trees


def imported_by(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the imports of a module, as pairs of a module and a name in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not resolved"
            yield from ((str(node.module), alias.name) for alias in node.names)


def graph_of(source: Path) -> dict[str, set[str]]:
    """Return the modules that each module imports; `from a import b` may import `a.b` or `a`."""
    trees = modules_of(source)
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        pairs = imported_by(tree)
        targets = {f"{a}.{b}" if f"{a}.{b}" in trees else a for a, b in pairs}
        graph[name] = targets & trees.keys()
    return graph


def circle_in(graph: dict[str, set[str]]) -> str:
    """Return a circle as text, each module before the one that imports it; empty if none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


@pytest.mark.parametrize("package", sorted(path.name for path in PACKAGES.iterdir()))
def test_imports_have_no_circle(package: str) -> None:
    graph = graph_of(PACKAGES / package / "src")
    assert len(graph) > 1
    assert circle_in(graph) == ""


@pytest.mark.parametrize(
    "second",
    ["from p import first", "import p.first", "def f():\n    from p.first import name"],
)
def test_a_circle_is_found(tmp_path: Path, second: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text("from p.second import f")
    (tmp_path / "p" / "first.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.second"
    )
    (tmp_path / "p" / "second.py").write_text(second)
    assert sorted(set(circle_in(graph_of(tmp_path)).split(" <- "))) == ["p.first", "p.second"]
