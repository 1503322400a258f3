"""The page of `x_connect_server.py`: what to implement, and the applications that serve it."""

from collections.abc import Iterator
from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import Scope
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.comments import docstring
from protoc_gen_connect_python._proto.model import File, Method, Service
from protoc_gen_connect_python._rendering.header import (
    SERVER,
    Header,
    generated_module,
    header,
    server_classes,
)


@dataclass(frozen=True)
class ServerMethod:
    """One RPC as a method to implement."""

    name: str
    constant: str
    kind: str
    definition: str
    parameter: str
    result: str
    docstring: str


@dataclass(frozen=True)
class ServiceClass:
    """The class that an implementation of a service inherits from."""

    name: str
    base: str
    context: str
    docstring: str
    methods: tuple[ServerMethod, ...]


@dataclass(frozen=True)
class Application:
    """The ASGI or WSGI application of a service."""

    name: str
    base: str
    service: str
    constant: str
    handler: str
    handlers: str
    docstring: str
    methods: tuple[ServerMethod, ...]


@dataclass(frozen=True)
class ServerService:
    """The classes of one service, async before sync."""

    protocols: tuple[ServiceClass, ...]
    applications: tuple[Application, ...]


@dataclass(frozen=True)
class ServerPage:
    """Everything that `server.py.jinja` shows."""

    header: Header
    services: tuple[ServerService, ...]


def server_page(file: File, options: Options) -> ServerPage:
    """The page of a file."""
    scope = Scope(file, relative=options.imports == "relative")
    services = tuple(_service(service, options, scope) for service in file.services)
    scope.use_own(
        generated_module(file, "connect"),
        [name for s in file.services for name in (s.names.constant, *s.names.method_constants)],
    )
    exports = [name for service in file.services for name in server_classes(service, options)]
    return ServerPage(header(file, "connect_server", scope, exports), services)


def _service(service: Service, options: Options, scope: Scope) -> ServerService:
    words = list(_words(service, options, scope))
    return ServerService(
        tuple(each.protocol() for each in words), tuple(each.application() for each in words)
    )


def _words(service: Service, options: Options, scope: Scope) -> Iterator["_Async"]:
    if options.asynchronous:
        yield _Async(service, scope)
    if options.synchronous:
        yield _Sync(service, scope)


class _Async:
    """The words of a service in async code; its heir has those of the other."""

    interface = "ASGI"
    handler, iterator, definition = "Handler", "AsyncIterator", "async def"
    colour = "async"

    def __init__(self, service: Service, scope: Scope) -> None:
        self._service = service
        self._scope = scope
        self._methods = tuple(map(self._method, service.methods))

    @property
    def name(self) -> str:
        return self._service.names.protocol

    @property
    def application_name(self) -> str:
        return self._service.names.asgi

    def protocol(self) -> ServiceClass:
        service = self._service
        default = f"Implements `{service.full_name}` in {self.colour} code."
        return ServiceClass(
            name=self.name,
            base=self._scope.use("typing", "Protocol"),
            context=self._scope.use(SERVER, "RequestContext") if service.methods else "",
            docstring=docstring(_noted(service.comment or default, service.deprecated)),
            methods=self._methods,
        )

    def application(self) -> Application:
        base = self._scope.use(SERVER, f"{self.interface}Application")
        handler = self._scope.use(SERVER, self.handler)
        return Application(
            name=self.application_name,
            base=f"{base}[{self.name}]",
            service=self.name,
            constant=self._service.names.constant,
            handler=handler,
            handlers=f"{self._scope.use('collections.abc', 'Sequence')}[{handler}]",
            docstring=docstring(f"Serves `{self._service.full_name}` over {self.interface}."),
            methods=self._methods,
        )

    def _method(self, method: Method) -> ServerMethod:
        kind = method.kind
        request = self._scope.message_type(method.request)
        response = self._scope.message_type(method.response)
        parameter = f"requests: {self._stream(request)}" if kind.streams_requests else ""
        return ServerMethod(
            name=method.name,
            constant=method.constant,
            kind=kind.value,
            # A plain `def`: what the implementation writes as an async generator is one.
            definition="def" if kind.streams_responses else self.definition,
            parameter=parameter or f"request: {request}",
            result=self._stream(response) if kind.streams_responses else response,
            docstring=docstring(_noted(method.comment, method.deprecated)),
        )

    def _stream(self, message: str) -> str:
        return f"{self._scope.use('collections.abc', self.iterator)}[{message}]"


class _Sync(_Async):
    interface = "WSGI"
    handler, iterator, definition = "HandlerSync", "Iterator", "def"
    colour = "sync"

    @property
    def name(self) -> str:
        return self._service.names.protocol_sync

    @property
    def application_name(self) -> str:
        return self._service.names.wsgi


def _noted(comment: str, deprecated: bool) -> str:
    # No decorator here: the application refers to every method, and must not warn of it.
    return "\n\n".join(filter(None, [comment, "Deprecated." if deprecated else ""]))
