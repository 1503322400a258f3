"""The page of `x_connect.py`: constants of the methods, and the classes of the other modules."""

from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import Scope
from protoc_gen_connect_python._naming.python_names import natural_key
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import File, Method, Service
from protoc_gen_connect_python._rendering.header import (
    PROTOCOL,
    Header,
    Role,
    client_classes,
    generated_module,
    header,
    server_classes,
)


@dataclass(frozen=True)
class MethodConstant:
    """The constant that describes one RPC; `idempotency` is empty where none is declared."""

    name: str
    proto_name: str
    kind: str
    request: str
    response: str
    idempotency: str


@dataclass(frozen=True)
class ServiceConstants:
    """The constants of one service."""

    name: str
    full_name: str
    methods: tuple[MethodConstant, ...]


@dataclass(frozen=True)
class LazyModule:
    """A module that is imported when one of its classes is asked for."""

    module: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ConnectPage:
    """Everything that `connect.py.jinja` shows."""

    header: Header
    type_checking: str
    final: str
    method: str
    lazy_attributes: str
    package: str
    lazy: tuple[LazyModule, ...]
    services: tuple[ServiceConstants, ...]


def connect_page(file: File, options: Options) -> ConnectPage:
    """The page of a file; it imports neither side of the runtime."""
    scope = Scope(file, relative=options.imports == "relative")
    lazy = _lazy(file, options, scope)
    classes = [name for module in lazy for name in module.classes]
    constants = [name for service in file.services for name in _constants(service)]
    services = tuple(_service(service, scope) for service in file.services)
    return ConnectPage(
        type_checking=scope.use("typing", "TYPE_CHECKING"),
        final=scope.use("typing", "Final"),
        method=scope.use(PROTOCOL, "Method") if any(s.methods for s in services) else "",
        lazy_attributes=scope.use(PROTOCOL, "lazy_attributes"),
        package="__package__" if lazy[0].module.startswith(".") else "__name__",
        lazy=lazy,
        services=services,
        header=header(
            file,
            "connect",
            scope,
            [*constants, *classes],
            deprecated=options.client and any(service.deprecated for service in file.services),
        ),
    )


def _lazy(file: File, options: Options, scope: Scope) -> tuple[LazyModule, ...]:
    sides: tuple[tuple[Role, list[str]], ...] = (
        ("connect_client", [name for s in file.services for name in client_classes(s, options)]),
        ("connect_server", [name for s in file.services for name in server_classes(s, options)]),
    )
    return tuple(
        LazyModule(
            scope.import_of(generated_module(file, role)).dotted,
            tuple(sorted(classes, key=natural_key)),
        )
        for role, classes in sides
        if classes
    )


def _constants(service: Service) -> tuple[str, ...]:
    return (service.names.constant, *service.names.method_constants)


def _service(service: Service, scope: Scope) -> ServiceConstants:
    return ServiceConstants(
        name=service.names.constant,
        full_name=service.full_name,
        methods=tuple(_method(method, scope) for method in service.methods),
    )


def _method(method: Method, scope: Scope) -> MethodConstant:
    kinds = scope.use(PROTOCOL, "MethodKind")
    level = method.idempotency
    return MethodConstant(
        name=method.constant,
        proto_name=method.proto_name,
        kind=f"{kinds}.{method.kind.name}",
        request=scope.message(method.request),
        response=scope.message(method.response),
        idempotency=f"{scope.use(PROTOCOL, 'IdempotencyLevel')}.{level}" if level else "",
    )
