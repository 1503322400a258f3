"""The page of `x_connect_client.py`: the async and the sync client class of each service."""

from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import ModuleImports
from protoc_gen_connect_python._imports.statements import CLIENT_PACKAGE, PROTOCOL_PACKAGE
from protoc_gen_connect_python._naming.python_names import call_method, open_method
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import ProtoFile, ProtoMethod, ProtoService
from protoc_gen_connect_python._rendering import docstrings
from protoc_gen_connect_python._rendering.flavour import Flavour, class_names, flavours
from protoc_gen_connect_python._rendering.header import Header, build_header


@dataclass(frozen=True)
class ClientMethod:
    """One RPC as methods of a client class.

    `name` returns messages. `call_method` returns an object of the type `output`, which also has
    the headers and trailers of the response. `open_method` opens a call of the type `open_call`,
    which sends requests one by one; both are empty if the RPC does not have a stream of requests.
    """

    name: str
    call_method: str
    open_method: str
    constant: str
    kind: str
    definition: str
    parameter: str
    argument: str
    result: str
    output: str
    open_call: str
    response_stream: bool
    use_get: bool
    deprecated: str
    docstring: str
    call_docstring: str
    open_docstring: str


@dataclass(frozen=True)
class ClientClass:
    """One client class.

    `definition` is `async def` or `def`, `await_prefix` is `await ` or empty. `headers` and
    `cancellation` are the types of the arguments of these names; `cancellation` is empty in async
    code.
    """

    name: str
    base: str
    definition: str
    await_prefix: str
    headers: str
    cancellation: str
    deprecated: str
    docstring: str
    methods: tuple[ClientMethod, ...]


@dataclass(frozen=True)
class ClientPage:
    """Everything that `client.py.jinja` shows."""

    header: Header
    clients: tuple[ClientClass, ...]


def client_page(file: ProtoFile, options: Options) -> ClientPage:
    """Build the page of a file."""
    imports = ModuleImports(file, relative=options.relative_imports)
    clients = tuple(
        _Builder(service, flavour, imports).client_class()
        for service in file.services
        for flavour in flavours(options)
    )
    constants = {method.constant for client in clients for method in client.methods}
    imports.import_generated("_connect", constants)
    exports = [client.name for client in clients]
    return ClientPage(build_header(file, "_connect_client", imports, exports), clients)


@dataclass(frozen=True)
class _Builder:
    service: ProtoService
    flavour: Flavour
    imports: ModuleImports

    def client_class(self) -> ClientClass:
        service, flavour = self.service, self.flavour
        has_cancellation = service.methods and flavour.cancellation
        return ClientClass(
            name=class_names(service.names, flavour).client,
            base=self._import(flavour.client),
            definition=flavour.definition,
            await_prefix=flavour.await_prefix,
            headers=self._import("HeadersInput") if service.methods else "",
            cancellation=self._import(flavour.cancellation) if has_cancellation else "",
            deprecated=self._deprecated(service.full_name) if service.deprecated else "",
            docstring=docstrings.client_class(service, flavour),
            methods=tuple(map(self._method, service.methods)),
        )

    def _method(self, method: ProtoMethod) -> ClientMethod:
        kind, name = method.kind, method.name
        response = self.imports.import_message_type(method.response)
        return ClientMethod(
            name=name,
            call_method=call_method(name),
            open_method=open_method(name) if kind.request_stream else "",
            constant=method.constant,
            kind=kind.value,
            # A method that returns a generator is a plain function in async code, too.
            definition="def" if kind.response_stream else self.flavour.definition,
            parameter=self._parameter(method),
            argument="requests" if kind.request_stream else "request",
            result=self._generator(response) if kind.response_stream else response,
            output=self._output(method, response),
            open_call=self._open_call(method, response) if kind.request_stream else "",
            response_stream=kind.response_stream,
            use_get=method.allows_get,
            deprecated=self._deprecated(method.full_name) if method.deprecated else "",
            docstring=docstrings.client_method(method, self.flavour),
            call_docstring=docstrings.call_method(method, self.flavour),
            open_docstring=(
                docstrings.open_method(method, self.flavour) if kind.request_stream else ""
            ),
        )

    def _parameter(self, method: ProtoMethod) -> str:
        request = self.imports.import_message_type(method.request)
        if not method.kind.request_stream:
            return f"request: {request}"
        names = [self._import_abc(name) for name in self.flavour.request_iterables]
        return f"requests: {' | '.join(f'{name}[{request}]' for name in names)}"

    def _generator(self, response: str) -> str:
        return f"{self._import_abc(self.flavour.response_generator)}[{response}]"

    def _output(self, method: ProtoMethod, response: str) -> str:
        is_stream = method.kind.response_stream
        name = self.flavour.stream_output if is_stream else "UnaryOutput"
        return f"{self._import(name)}[{response}]"

    def _open_call(self, method: ProtoMethod, response: str) -> str:
        request = self.imports.import_message_type(method.request)
        is_bidi = method.kind.response_stream
        name = self.flavour.bidi_call if is_bidi else self.flavour.client_stream_call
        return f"{self._import(name)}[{request}, {response}]"

    def _deprecated(self, full_name: str) -> str:
        decorator = self.imports.import_name(PROTOCOL_PACKAGE, "deprecated")
        return f'{decorator}("{full_name} is deprecated")'

    def _import(self, name: str) -> str:
        return self.imports.import_name(CLIENT_PACKAGE, name)

    def _import_abc(self, name: str) -> str:
        return self.imports.import_name("collections.abc", name)
