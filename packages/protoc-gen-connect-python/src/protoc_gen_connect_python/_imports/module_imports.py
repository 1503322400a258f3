"""Collects the imports of one generated module, and the names that they get in it.

An import never renames anything that users type. If an imported name collides with a class, a
constant or a method of the module, then the imported name gets underscores at the end.
"""

import re
from collections.abc import Iterable

from protoc_gen_connect_python._imports.relative import ImportPath, import_path
from protoc_gen_connect_python._imports.statements import ImportedName, import_blocks
from protoc_gen_connect_python._naming.keywords import is_identifier
from protoc_gen_connect_python._naming.output_files import (
    Suffix,
    generated_module,
    message_module,
    module_stem,
)
from protoc_gen_connect_python._naming.python_names import client_methods, free_name
from protoc_gen_connect_python._proto.descriptors import MessageType
from protoc_gen_connect_python._proto.model import ProtoFile

# The protobuf runtime contains these modules; they are not part of the generated tree.
_WELL_KNOWN = "google.protobuf."


class ModuleImports:
    """The imports of one generated module, collected while its page is built."""

    def __init__(self, file: ProtoFile, *, relative: bool) -> None:
        self._file = file
        self._relative = relative
        self._taken = _names_in(file)
        self._aliases = _message_module_aliases(file, self._taken)
        self._imported: set[ImportedName] = set()
        self._assigned: dict[str, str] = {}
        self.has_private_names = False

    def import_name(self, module: str, name: str) -> str:
        """Import a name of the standard library or of the runtime; return its local name."""
        local = free_name(name, self._taken)
        self._imported.add(ImportedName(module, name, local))
        return local

    def import_generated(self, suffix: Suffix, names: Iterable[str]) -> None:
        """Import public names from another module that is generated from the same file."""
        package = self.sibling(suffix)
        self._note_private(package.split("."))
        self._imported |= {ImportedName(package, name, name) for name in names}

    def import_message(self, message: MessageType) -> str:
        """Import the module of a message; return an expression for the class of the message."""
        module = message_module(message.file)
        self._import_message_module(module)
        self._note_private([*module.split("."), *message.path])
        expression = self._aliases[module]
        for name in message.path:
            template = "{}.{}" if _is_attribute(name) else 'getattr({}, "{}")'
            expression = template.format(expression, name)
        return expression

    def import_message_type(self, message: MessageType) -> str:
        """Import the module of a message; return the class of the message for annotations.

        It is `Any` if Python's grammar does not allow the name in an annotation.
        """
        path = self._path(message_module(message.file))
        if path.fits_statement and all(map(_is_attribute, message.path)):
            return self.import_message(message)
        return self.import_name("typing", "Any")

    def sibling(self, suffix: Suffix) -> str:
        """Return the dotted path to another module that is generated from the same file."""
        return self._path(generated_module(self._file.path, suffix)).dotted

    @property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """The import statements in blocks."""
        return import_blocks(self._imported)

    @property
    def assignments(self) -> tuple[str, ...]:
        """Calls of `import_module`, for modules whose names do not fit into a statement."""
        return tuple(f"{name} = {call}" for name, call in sorted(self._assigned.items()))

    def _path(self, module: str) -> ImportPath:
        relative = self._relative and not module.startswith(_WELL_KNOWN)
        return import_path(module, module_stem(self._file.path), relative=relative)

    def _import_message_module(self, module: str) -> None:
        path, alias = self._path(module), self._aliases[module]
        if path.fits_statement:
            self._imported.add(ImportedName(path.package, path.name, alias))
        else:
            function = self.import_name("importlib", "import_module")
            package = ", __package__" if path.is_relative else ""
            self._assigned[alias] = f'{function}("{path.dotted}"{package})'

    def _note_private(self, names: Iterable[str]) -> None:
        self.has_private_names |= any(name.startswith("_") for name in names)


def _is_attribute(name: str) -> bool:
    # Python mangles a name with two leading underscores if it is used in a class.
    return is_identifier(name) and not name.startswith("__")


def _names_in(file: ProtoFile) -> set[str]:
    """Return the names that an import must not use: public names, and the methods of classes.

    An annotation in a class finds the methods of that class before the names of the module.
    """
    names: set[str] = set()
    for service in file.services:
        names.update(service.names.public)
        for method in service.methods:
            names |= client_methods(method.name, request_stream=method.kind.request_stream)
    return names


def _message_module_aliases(file: ProtoFile, taken: set[str]) -> dict[str, str]:
    """Return a local name for each module of messages.

    It is the name of the module, or its whole path if two modules have the same name.
    """
    own = message_module(file.path)
    others = sorted({message_module(message.file) for message in file.messages} - {own})
    aliases: dict[str, str] = {}
    for module in (own, *others):
        used = taken | set(aliases.values())
        short = _identifier(module.rpartition(".")[2])
        aliases[module] = free_name(_identifier(module) if short in used else short, used)
    return aliases


def _identifier(module: str) -> str:
    name = re.sub(r"\W", "_", module).lstrip("_")
    return name if name[0].isalpha() else f"proto_{name}"
