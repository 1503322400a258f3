"""The imports of one generated module, and what their names are in it.

What users type is never renamed because of an import: where an imported name meets a class, a
constant or a method of the module, it is the import that gets underscores at its end.
"""

import re
from collections.abc import Iterable

from protoc_gen_connect_python._imports.relative import (
    ModuleImport,
    import_of,
    is_spellable,
    module_stem,
)
from protoc_gen_connect_python._imports.statements import Imported, import_blocks
from protoc_gen_connect_python._naming.python_names import free_name, methods_of
from protoc_gen_connect_python._proto.descriptors import MessageType
from protoc_gen_connect_python._proto.model import File

# These come with the protobuf runtime, wherever the generated tree stands.
_WELL_KNOWN = "google.protobuf."


class Scope:
    """Collects what a module imports while its contents are put together."""

    def __init__(self, file: File, *, relative: bool) -> None:
        self._module = file.module
        self._relative = relative
        self._taken = _names_in(file)
        self._aliases = _pb2_aliases(file, self._taken)
        self._imported: set[Imported] = set()
        self._assigned: dict[str, str] = {}
        self.uses_private_names = False

    def use(self, module: str, name: str) -> str:
        """Imports a name of the standard library or of the runtime; returns its name here."""
        local = free_name(name, self._taken)
        self._imported.add(Imported(module, name, local))
        return local

    def use_own(self, module: str, names: Iterable[str]) -> None:
        """Imports public names of another module that is generated from the same file."""
        package = self.import_of(module).dotted
        self._note_private(package.split("."))
        self._imported |= {Imported(package, name, name) for name in names}

    def message(self, message: MessageType) -> str:
        """Imports the module of a message; returns an expression for its class."""
        module = _pb2(message)
        self._use_pb2(module)
        self._note_private([*module.split("."), *message.path])
        expression = self._aliases[module]
        for name in message.path:
            template = "{}.{}" if _is_attribute(name) else 'getattr({}, "{}")'
            expression = template.format(expression, name)
        return expression

    def message_type(self, message: MessageType) -> str:
        """The class of a message as a type; `Any` where Python's grammar has no way to write it."""
        if all(map(_is_attribute, message.path)) and self.import_of(_pb2(message)).is_statement:
            return self.message(message)
        return self.use("typing", "Any")

    def import_of(self, module: str) -> ModuleImport:
        """How this module imports another generated one."""
        relative = self._relative and not module.startswith(_WELL_KNOWN)
        return import_of(module, self._module, relative=relative)

    @property
    def imports(self) -> tuple[tuple[str, ...], ...]:
        """The import statements, in blocks."""
        return import_blocks(self._imported)

    @property
    def assignments(self) -> tuple[str, ...]:
        """The imports that no statement can write; they stand below the others."""
        return tuple(f"{name} = {call}" for name, call in sorted(self._assigned.items()))

    def _use_pb2(self, module: str) -> None:
        way, alias = self.import_of(module), self._aliases[module]
        if way.is_statement:
            self._imported.add(Imported(way.package, way.name, alias))
        else:
            function = self.use("importlib", "import_module")
            package = ", __package__" if way.is_relative else ""
            self._assigned[alias] = f'{function}("{way.dotted}"{package})'

    def _note_private(self, names: Iterable[str]) -> None:
        self.uses_private_names |= any(name.startswith("_") for name in names)


def _pb2(message: MessageType) -> str:
    return f"{module_stem(message.file)}_pb2"


def _is_attribute(name: str) -> bool:
    # Within a class, Python mangles a name that starts with two underscores.
    return is_spellable(name) and not name.startswith("__")


def _names_in(file: File) -> set[str]:
    """What may not be hidden: all public names, and the methods, which annotations see first."""
    taken: set[str] = set()
    for service in file.services:
        taken.update(service.names.public)
        for method in service.methods:
            taken |= methods_of(method.name, opens=method.kind.streams_requests)
    return taken


def _pb2_aliases(file: File, taken: set[str]) -> dict[str, str]:
    """A name for each module of messages: its own name, or its whole path where two share one."""
    own = f"{file.module}_pb2"
    others = sorted({_pb2(message) for message in file.messages} - {own})
    aliases: dict[str, str] = {}
    for module in (own, *others):
        used = taken | set(aliases.values())
        short = _identifier(module.rpartition(".")[2])
        aliases[module] = free_name(_identifier(module) if short in used else short, used)
    return aliases


def _identifier(module: str) -> str:
    name = re.sub(r"\W", "_", module).lstrip("_")
    return name if name[0].isalpha() else f"proto_{name}"
