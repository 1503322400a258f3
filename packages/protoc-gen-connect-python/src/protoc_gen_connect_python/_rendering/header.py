"""The first part of all three generated modules: comments, imports and `__all__`."""

from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_connect_python._distribution import NAME, VERSION
from protoc_gen_connect_python._imports.module_imports import ModuleImports
from protoc_gen_connect_python._naming.output_files import Suffix, generated_module, module_path
from protoc_gen_connect_python._naming.sort_order import natural_key
from protoc_gen_connect_python._proto.model import ProtoFile


@dataclass(frozen=True)
class Header:
    """The first part of a module, and the path of its file.

    `generator` is the name and the version of the plugin, `source` is the proto file.
    """

    path: str
    generator: str
    source: str
    pragmas: tuple[str, ...]
    imports: tuple[tuple[str, ...], ...]
    assignments: tuple[str, ...]
    exports: tuple[str, ...]


def build_header(
    file: ProtoFile,
    suffix: Suffix,
    imports: ModuleImports,
    exports: Iterable[str],
    *,
    reexports_deprecated: bool = False,
) -> Header:
    """Build the header of a module. Build the rest of its page first, because that adds imports.

    With `reexports_deprecated`, type checkers do not warn about deprecated classes in the module.
    """
    pragmas: list[str] = []
    if reexports_deprecated:
        pragmas.append("reportDeprecated=false")
    if imports.has_private_names:
        pragmas.append("reportPrivateUsage=false")
    return Header(
        path=module_path(generated_module(file.path, suffix)),
        generator=f"{NAME} {VERSION}",
        source=file.path,
        pragmas=tuple(pragmas),
        imports=imports.blocks,
        assignments=imports.assignments,
        exports=tuple(sorted(exports, key=natural_key)),
    )
