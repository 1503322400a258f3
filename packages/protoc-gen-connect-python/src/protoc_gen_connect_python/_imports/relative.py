"""How one generated module imports another one: absolutely or relatively."""

from dataclasses import dataclass
from functools import cache, cached_property

from protoc_gen_connect_python._naming.keywords import is_identifier


@dataclass(frozen=True)
class ImportPath:
    """The path from a generated module to another one.

    `package` is empty for a top-level module. It starts with dots if the import is relative, as in
    `..common.v1`.
    """

    package: str
    name: str

    @cached_property
    def fits_statement(self) -> bool:
        """Whether an import statement can contain it; `lambda.v1` does not fit into one."""
        return all(map(is_identifier, [*filter(None, self.package.split(".")), self.name]))

    @property
    def is_relative(self) -> bool:
        """Whether it starts from the package of the importing module."""
        return self.package.startswith(".")

    @property
    def dotted(self) -> str:
        """The argument for `importlib.import_module`."""
        joint = "" if self.package == "" or self.package.endswith(".") else "."
        return f"{self.package}{joint}{self.name}"


@cache  # a file uses the same modules in each of its methods
def import_path(module: str, importer: str, *, relative: bool) -> ImportPath:
    """Return the path to the module `module` from the module `importer`; both are dotted names.

    A module of the same folder is also imported relatively if its absolute name does not fit into
    an import statement.
    """
    package, _, name = module.rpartition(".")
    absolute = ImportPath(package, name)
    if relative or (not absolute.fits_statement and package == importer.rpartition(".")[0]):
        return ImportPath(_relative_package(package, importer), name)
    return absolute


def _relative_package(package: str, importer: str) -> str:
    target = package.split(".") if package else []
    origin = importer.split(".")[:-1]
    shared = 0
    while shared < min(len(target), len(origin)) and target[shared] == origin[shared]:
        shared += 1
    return "." * (len(origin) - shared + 1) + ".".join(target[shared:])
