"""The page of `x_connect_client.py`: the async and the sync client of every service."""

from collections.abc import Iterator
from dataclasses import dataclass

from protoc_gen_connect_python._imports.module_imports import Scope
from protoc_gen_connect_python._naming.python_names import companion, opener
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.comments import docstring
from protoc_gen_connect_python._proto.model import File, Method, Service
from protoc_gen_connect_python._rendering.header import (
    CLIENT,
    PROTOCOL,
    Header,
    generated_module,
    header,
)


@dataclass(frozen=True)
class ClientMethod:
    """One RPC as methods of a client.

    `name` returns messages, `companion` also what came with them. `opener` returns a call that
    sends requests one by one; it is empty where there is no stream of requests.
    """

    name: str
    companion: str
    opener: str
    constant: str
    kind: str
    definition: str
    parameter: str
    argument: str
    result: str
    output: str
    call: str
    streams_responses: bool
    use_get: bool
    deprecated: str
    docstring: str
    companion_docstring: str
    opener_docstring: str


@dataclass(frozen=True)
class ClientClass:
    """One client class; `definition` is `async def` or `def`, `wait` is `await ` or nothing.

    `cancellation` is the type of the argument that ends sync calls; async ones have none.
    """

    name: str
    base: str
    definition: str
    wait: str
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


def client_page(file: File, options: Options) -> ClientPage:
    """The page of a file."""
    scope = Scope(file, relative=options.imports == "relative")
    clients = tuple(
        client for service in file.services for client in _clients(service, options, scope)
    )
    constants = {method.constant for client in clients for method in client.methods}
    scope.use_own(generated_module(file, "connect"), constants)
    exports = [client.name for client in clients]
    return ClientPage(header(file, "connect_client", scope, exports), clients)


def _clients(service: Service, options: Options, scope: Scope) -> Iterator[ClientClass]:
    if options.asynchronous:
        yield _Async(service, scope).client(service.names.client)
    if options.synchronous:
        yield _Sync(service, scope).client(service.names.client_sync)


class _Async:
    """The words of a client for async code; its heir has those of the other."""

    base, output, stream_output = "Client", "UnaryOutput", "StreamOutput"
    client_stream_call, bidi_call = "ClientStreamCall", "BidiCall"
    cancellation = ""
    generator = "AsyncGenerator"
    iterables: tuple[str, ...] = ("AsyncIterable", "Iterable")
    definition, wait = "async def", "await "
    colour = "async"

    def __init__(self, service: Service, scope: Scope) -> None:
        self._service = service
        self._scope = scope

    def client(self, name: str) -> ClientClass:
        service = self._service
        default = f"Calls `{service.full_name}` from {self.colour} code."
        return ClientClass(
            name=name,
            base=self._scope.use(CLIENT, self.base),
            definition=self.definition,
            wait=self.wait,
            headers=self._scope.use(CLIENT, "HeadersInput") if service.methods else "",
            cancellation=(
                self._scope.use(CLIENT, self.cancellation)
                if service.methods and self.cancellation
                else ""
            ),
            deprecated=self._deprecated(service.full_name) if service.deprecated else "",
            docstring=docstring(service.comment or default),
            methods=tuple(map(self._method, service.methods)),
        )

    def _method(self, method: Method) -> ClientMethod:
        kind = method.kind
        response = self._scope.message_type(method.response)
        return ClientMethod(
            name=method.name,
            companion=companion(method.name),
            opener=opener(method.name) if kind.streams_requests else "",
            constant=method.constant,
            kind=kind.value,
            definition="def" if kind.streams_responses else self.definition,
            parameter=self._parameter(method),
            argument="requests" if kind.streams_requests else "request",
            result=self._stream(response) if kind.streams_responses else response,
            output=self._output(method, response),
            call=self._call(method, response) if kind.streams_requests else "",
            streams_responses=kind.streams_responses,
            use_get=method.use_get,
            deprecated=self._deprecated(method.full_name) if method.deprecated else "",
            docstring=docstring(method.comment),
            companion_docstring=docstring(
                f"`{method.name}`, with the headers and trailers of the response."
            ),
            opener_docstring=docstring(f"`{method.name}`, with its requests sent one by one."),
        )

    def _parameter(self, method: Method) -> str:
        request = self._scope.message_type(method.request)
        if not method.kind.streams_requests:
            return f"request: {request}"
        names = [self._scope.use("collections.abc", name) for name in self.iterables]
        return f"requests: {' | '.join(f'{name}[{request}]' for name in names)}"

    def _stream(self, response: str) -> str:
        return f"{self._scope.use('collections.abc', self.generator)}[{response}]"

    def _output(self, method: Method, response: str) -> str:
        name = self.stream_output if method.kind.streams_responses else self.output
        return f"{self._scope.use(CLIENT, name)}[{response}]"

    def _call(self, method: Method, response: str) -> str:
        request = self._scope.message_type(method.request)
        name = self.bidi_call if method.kind.streams_responses else self.client_stream_call
        return f"{self._scope.use(CLIENT, name)}[{request}, {response}]"

    def _deprecated(self, full_name: str) -> str:
        return f'{self._scope.use(PROTOCOL, "deprecated")}("{full_name} is deprecated")'


class _Sync(_Async):
    base, stream_output = "ClientSync", "StreamOutputSync"
    client_stream_call, bidi_call = "ClientStreamCallSync", "BidiCallSync"
    cancellation = "Cancellation"
    generator = "Generator"
    iterables = ("Iterable",)
    definition, wait = "def", ""
    colour = "sync"
