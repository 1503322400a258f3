"""The page of `x_connect.py`: constants for services and methods, and lazy imports of classes."""

from collections.abc import Iterator
from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import ModuleImports
from protoc_gen_connect_python._imports.statements import PROTOCOL_PACKAGE
from protoc_gen_connect_python._naming.sort_order import natural_key
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import ProtoFile, ProtoMethod, ProtoService
from protoc_gen_connect_python._rendering.flavour import client_class_names, server_class_names
from protoc_gen_connect_python._rendering.header import Header, build_header


@dataclass(frozen=True)
class MethodConstant:
    """The constant that describes one RPC; `idempotency` is empty if the RPC declares none."""

    name: str
    proto_name: str
    kind: str
    request: str
    response: str
    idempotency: str


@dataclass(frozen=True)
class ServiceConstants:
    """The constants of one service; `name` is the constant that contains `full_name`."""

    name: str
    full_name: str
    methods: tuple[MethodConstant, ...]


@dataclass(frozen=True)
class LazyModule:
    """A module that Python imports at the first access to one of its classes."""

    module: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ConnectPage:
    """Everything that `connect.py.jinja` shows.

    `type_checking`, `final`, `method_class` and `lazy_exports` are imported names.
    """

    header: Header
    type_checking: str
    final: str
    method_class: str
    lazy_exports: str
    lazy_modules: tuple[LazyModule, ...]
    services: tuple[ServiceConstants, ...]


def connect_page(file: ProtoFile, options: Options) -> ConnectPage:
    """Build the page of a file; the module imports neither the client nor the server package."""
    imports = ModuleImports(file, relative=options.relative_imports)
    lazy_modules = tuple(_lazy_modules(file, options, imports))
    classes = [name for module in lazy_modules for name in module.classes]
    constants = [name for service in file.services for name in service.names.constants]
    services = tuple(_service(service, imports) for service in file.services)
    has_methods = any(service.methods for service in services)
    return ConnectPage(
        type_checking=imports.import_name("typing", "TYPE_CHECKING"),
        final=imports.import_name("typing", "Final"),
        method_class=imports.import_name(PROTOCOL_PACKAGE, "Method") if has_methods else "",
        lazy_exports=imports.import_name(PROTOCOL_PACKAGE, "lazy_exports"),
        lazy_modules=lazy_modules,
        services=services,
        header=build_header(
            file,
            "_connect",
            imports,
            [*constants, *classes],
            reexports_deprecated=(
                options.client and any(service.deprecated for service in file.services)
            ),
        ),
    )


def _lazy_modules(
    file: ProtoFile, options: Options, imports: ModuleImports
) -> Iterator[LazyModule]:
    names = [service.names for service in file.services]
    if options.client:
        classes = [name for each in names for name in client_class_names(each, options)]
        yield _lazy_module(imports.sibling("_connect_client"), classes)
    if options.server:
        classes = [name for each in names for name in server_class_names(each, options)]
        yield _lazy_module(imports.sibling("_connect_server"), classes)


def _lazy_module(module: str, classes: list[str]) -> LazyModule:
    return LazyModule(module, tuple(sorted(classes, key=natural_key)))


def _service(service: ProtoService, imports: ModuleImports) -> ServiceConstants:
    return ServiceConstants(
        name=service.names.name_constant,
        full_name=service.full_name,
        methods=tuple(_method(method, imports) for method in service.methods),
    )


def _method(method: ProtoMethod, imports: ModuleImports) -> MethodConstant:
    return MethodConstant(
        name=method.constant,
        proto_name=method.proto_name,
        kind=f"{imports.import_name(PROTOCOL_PACKAGE, 'MethodKind')}.{method.kind.name}",
        request=imports.import_message(method.request),
        response=imports.import_message(method.response),
        idempotency=_idempotency(method.idempotency, imports),
    )


def _idempotency(level: str, imports: ModuleImports) -> str:
    if not level:
        return ""
    return f"{imports.import_name(PROTOCOL_PACKAGE, 'IdempotencyLevel')}.{level}"
