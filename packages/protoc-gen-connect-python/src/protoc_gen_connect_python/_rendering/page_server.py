"""The page of `x_connect_server.py`: the classes to implement, and the applications to serve."""

from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import ModuleImports
from protoc_gen_connect_python._imports.statements import SERVER_PACKAGE
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import ProtoFile, ProtoMethod, ProtoService
from protoc_gen_connect_python._rendering import docstrings
from protoc_gen_connect_python._rendering.flavour import (
    Flavour,
    class_names,
    flavours,
    server_class_names,
)
from protoc_gen_connect_python._rendering.header import Header, build_header


@dataclass(frozen=True)
class ServerMethod:
    """One RPC as a method to implement.

    It is not decorated if it is deprecated; the docstring says so. Applications refer to every
    method, and that must not cause warnings.
    """

    name: str
    constant: str
    kind: str
    definition: str
    parameter: str
    result: str
    docstring: str


@dataclass(frozen=True)
class ServiceClass:
    """The base class for implementations of a service; `context` is the type of `ctx`."""

    name: str
    base: str
    context: str
    docstring: str
    methods: tuple[ServerMethod, ...]


@dataclass(frozen=True)
class ApplicationClass:
    """The ASGI or WSGI application of a service.

    `handlers` is the type of its list of handlers. `name_constant` contains the service's name.
    """

    name: str
    base: str
    service_class: str
    name_constant: str
    handler: str
    handlers: str
    docstring: str
    methods: tuple[ServerMethod, ...]


@dataclass(frozen=True)
class ServerService:
    """The classes of one service, async before sync."""

    service_classes: tuple[ServiceClass, ...]
    applications: tuple[ApplicationClass, ...]


@dataclass(frozen=True)
class ServerPage:
    """Everything that `server.py.jinja` shows."""

    header: Header
    services: tuple[ServerService, ...]


def server_page(file: ProtoFile, options: Options) -> ServerPage:
    """Build the page of a file."""
    imports = ModuleImports(file, relative=options.relative_imports)
    services = tuple(_service(service, options, imports) for service in file.services)
    names = [service.names for service in file.services]
    imports.import_generated("_connect", [name for each in names for name in each.constants])
    exports = [name for each in names for name in server_class_names(each, options)]
    return ServerPage(build_header(file, "_connect_server", imports, exports), services)


def _service(service: ProtoService, options: Options, imports: ModuleImports) -> ServerService:
    builders = [_Builder(service, flavour, imports) for flavour in flavours(options)]
    return ServerService(
        tuple(builder.service_class() for builder in builders),
        tuple(builder.application_class() for builder in builders),
    )


@dataclass(frozen=True)
class _Builder:
    service: ProtoService
    flavour: Flavour
    imports: ModuleImports

    def service_class(self) -> ServiceClass:
        service = self.service
        return ServiceClass(
            name=class_names(service.names, self.flavour).service,
            base=self.imports.import_name("typing", "Protocol"),
            context=self._import("RequestContext") if service.methods else "",
            docstring=docstrings.service_class(service, self.flavour),
            methods=tuple(map(self._method, service.methods)),
        )

    def application_class(self) -> ApplicationClass:
        service, flavour = self.service, self.flavour
        names, handler = class_names(service.names, flavour), self._import(flavour.handler)
        return ApplicationClass(
            name=names.application,
            base=f"{self._import(flavour.application)}[{names.service}]",
            service_class=names.service,
            name_constant=service.names.name_constant,
            handler=handler,
            handlers=f"{self._import_abc('Sequence')}[{handler}]",
            docstring=docstrings.application_class(service, flavour),
            methods=tuple(map(self._method, service.methods)),
        )

    def _method(self, method: ProtoMethod) -> ServerMethod:
        kind = method.kind
        response = self.imports.import_message_type(method.response)
        return ServerMethod(
            name=method.name,
            constant=method.constant,
            kind=kind.value,
            # A plain `def` in async code, too: an implementation that is written as an async
            # generator is a function that returns an iterator, not a coroutine function.
            definition="def" if kind.response_stream else self.flavour.definition,
            parameter=self._parameter(method),
            result=self._iterator(response) if kind.response_stream else response,
            docstring=docstrings.server_method(method),
        )

    def _parameter(self, method: ProtoMethod) -> str:
        request = self.imports.import_message_type(method.request)
        if not method.kind.request_stream:
            return f"request: {request}"
        return f"requests: {self._iterator(request)}"

    def _iterator(self, message: str) -> str:
        return f"{self._import_abc(self.flavour.message_iterator)}[{message}]"

    def _import(self, name: str) -> str:
        return self.imports.import_name(SERVER_PACKAGE, name)

    def _import_abc(self, name: str) -> str:
        return self.imports.import_name("collections.abc", name)
