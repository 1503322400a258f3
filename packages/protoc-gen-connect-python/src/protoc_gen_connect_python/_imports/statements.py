"""The import statements of generated modules, in the order of isort."""

from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_connect_python._naming.sort_order import natural_key

PROTOCOL_PACKAGE = "connectrpc_protocol"
CLIENT_PACKAGE = "connectrpc_client"
SERVER_PACKAGE = "connectrpc_server"

_STANDARD_LIBRARY = ("collections", "importlib", "typing")
_DISTRIBUTIONS = (CLIENT_PACKAGE, PROTOCOL_PACKAGE, SERVER_PACKAGE, "google")


@dataclass(frozen=True)
class ImportedName:
    """A name that a module imports; `local` is what it is called in that module.

    `package` is empty if the name is a top-level module.
    """

    package: str
    name: str
    local: str

    @property
    def clause(self) -> str:
        """The part of the statement for this name: `name` or `name as local`."""
        return self.name if self.local == self.name else f"{self.name} as {self.local}"

    @property
    def block(self) -> int:
        """Its block: standard library, distributions, generated modules, relative imports."""
        if self.package.startswith("."):
            return 3
        root = (self.package or self.name).partition(".")[0]
        if root in _STANDARD_LIBRARY:
            return 0
        return 1 if root in _DISTRIBUTIONS else 2


def import_blocks(imported: Iterable[ImportedName]) -> tuple[tuple[str, ...], ...]:
    """Return the statements in blocks, which an empty line separates."""
    blocks: dict[int, dict[str, list[ImportedName]]] = {}
    for entry in imported:
        blocks.setdefault(entry.block, {}).setdefault(entry.package, []).append(entry)
    return tuple(_block(blocks[number]) for number in sorted(blocks))


def _block(packages: dict[str, list[ImportedName]]) -> tuple[str, ...]:
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
