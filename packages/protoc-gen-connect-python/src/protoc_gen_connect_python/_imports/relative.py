"""Where protoc puts the Python module of a proto file, and how code in one imports another."""

import re
from dataclasses import dataclass

from protoc_gen_connect_python._naming.python_names import HARD_KEYWORDS


def module_stem(proto: str) -> str:
    """The dotted module of a proto file without its suffix, by the rule of protoc's Python output.

    A dash becomes an underscore; a dot in the file's name becomes a folder.
    """
    path = re.sub(r"\.(proto|protodevel)$", "", proto)
    return path.replace("-", "_").replace("/", ".")


def module_path(module: str) -> str:
    """The file of a dotted module."""
    return module.replace(".", "/") + ".py"


def is_spellable(name: str) -> bool:
    """Whether Python code can write this name: no `lambda`, no `2fa`."""
    return name.isidentifier() and name not in HARD_KEYWORDS


@dataclass(frozen=True)
class ModuleImport:
    """How one generated module imports another one.

    `package` is empty for a top-level module, and may be relative, as in `..common.v1`.
    """

    package: str
    name: str

    @property
    def is_statement(self) -> bool:
        """Whether an import statement can say it; no folder named by a keyword is in the way."""
        return all(map(is_spellable, [*filter(None, self.package.split(".")), self.name]))

    @property
    def is_relative(self) -> bool:
        """Whether it starts from the importing module's package."""
        return self.package.startswith(".")

    @property
    def dotted(self) -> str:
        """The argument that `importlib.import_module` takes."""
        joint = "" if self.package in ("",) or self.package.endswith(".") else "."
        return f"{self.package}{joint}{self.name}"


def import_of(module: str, importer: str, *, relative: bool) -> ModuleImport:
    """The import of `module` in `importer`, both dotted.

    A module of the same folder is imported relatively in any case where its absolute name cannot
    be written.
    """
    package, _, name = module.rpartition(".")
    absolute = ModuleImport(package, name)
    if relative or (not absolute.is_statement and package == importer.rpartition(".")[0]):
        return ModuleImport(_relative_package(package, importer), name)
    return absolute


def _relative_package(package: str, importer: str) -> str:
    target = package.split(".") if package else []
    origin = importer.split(".")[:-1]
    shared = 0
    while shared < min(len(target), len(origin)) and target[shared] == origin[shared]:
        shared += 1
    return "." * (len(origin) - shared + 1) + ".".join(target[shared:])
