"""Import statements of generated modules, in the order that isort gives them."""

from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_connect_python._naming.python_names import natural_key

_STANDARD_LIBRARY = ("collections", "importlib", "typing")
_DISTRIBUTIONS = ("connectrpc_client", "connectrpc_protocol", "connectrpc_server", "google")


@dataclass(frozen=True)
class Imported:
    """A name that a module imports; `package` is empty for a top-level module."""

    package: str
    name: str
    local: str

    @property
    def clause(self) -> str:
        """The name, and what it is called here if that differs."""
        return self.name if self.local == self.name else f"{self.name} as {self.local}"

    @property
    def block(self) -> int:
        """Standard library, distributions, generated modules, relative imports."""
        if self.package.startswith("."):
            return 3
        root = (self.package or self.name).partition(".")[0]
        if root in _STANDARD_LIBRARY:
            return 0
        return 1 if root in _DISTRIBUTIONS else 2


def import_blocks(imported: Iterable[Imported]) -> tuple[tuple[str, ...], ...]:
    """The statements, in blocks that an empty line divides."""
    blocks: dict[int, dict[str, list[Imported]]] = {}
    for entry in imported:
        blocks.setdefault(entry.block, {}).setdefault(entry.package, []).append(entry)
    return tuple(_block(blocks[number]) for number in sorted(blocks))


def _block(packages: dict[str, list[Imported]]) -> tuple[str, ...]:
    statements: list[str] = []
    for package in sorted(packages, key=_package_key):
        entries = sorted(packages[package], key=lambda entry: natural_key(entry.name))
        clauses = [entry.clause for entry in entries]
        if package:
            statements.append(f"from {package} import {', '.join(clauses)}")
        else:
            statements += [f"import {clause}" for clause in clauses]
    return tuple(statements)


def _package_key(package: str) -> tuple[int, str]:
    # Relative imports go from the furthest package to the closest one.
    dots = len(package) - len(package.lstrip("."))
    return -dots, package
