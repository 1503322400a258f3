"""Descriptors as plain frozen data: what a file declares, with every Python name decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._imports.relative import is_spellable, module_stem
from protoc_gen_connect_python._naming import python_names
from protoc_gen_connect_python._proto.descriptors import SERVICE, MessageType, Source

_METHOD = ServiceDescriptorProto.METHOD_FIELD_NUMBER


class Kind(Enum):
    """The kinds of RPC; a value is the part that they have in the names of runtime functions."""

    UNARY = "unary"
    CLIENT_STREAM = "client_stream"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"

    @property
    def streams_requests(self) -> bool:
        """Whether the client sends a stream of messages."""
        return self in (Kind.CLIENT_STREAM, Kind.BIDI_STREAM)

    @property
    def streams_responses(self) -> bool:
        """Whether the server sends a stream of messages."""
        return self in (Kind.SERVER_STREAM, Kind.BIDI_STREAM)


@dataclass(frozen=True)
class Method:
    """One RPC; `name` is the Python method, `proto_name` the name on the wire."""

    proto_name: str
    full_name: str
    name: str
    constant: str
    kind: Kind
    request: MessageType
    response: MessageType
    idempotency: str
    deprecated: bool
    comment: str

    @property
    def use_get(self) -> bool:
        """Whether a client may call it with HTTP GET."""
        return self.kind is Kind.UNARY and self.idempotency == "NO_SIDE_EFFECTS"


@dataclass(frozen=True)
class Service:
    """One service; it is deprecated, too, where its whole file is."""

    full_name: str
    names: python_names.ServiceNames
    methods: tuple[Method, ...]
    deprecated: bool
    comment: str


@dataclass(frozen=True)
class File:
    """One proto file that declares services; `module` is its dotted module without suffix."""

    source: str
    module: str
    services: tuple[Service, ...]

    @property
    def messages(self) -> tuple[MessageType, ...]:
        """The types that its RPCs take and return, without repetition, in order."""
        methods = [method for service in self.services for method in service.methods]
        types = [message for method in methods for message in (method.request, method.response)]
        return tuple(dict.fromkeys(types))


def build_file(
    file: FileDescriptorProto, messages: Mapping[str, MessageType], naming: str
) -> File | None:
    """What to generate for a file; nothing for one without services."""
    if not file.service:
        return None
    source = Source(file)
    module = module_stem(file.name)
    if not is_spellable(name := f"{module.rpartition('.')[2]}_connect"):
        raise PluginError(
            f"Python cannot import a module called {name!r}; rename the file",
            source.where((SERVICE, 0)),
        )
    names = python_names.service_names(
        (service.name, [method.name for method in service.method]) for service in file.service
    )
    builder = _Builder(file, source, messages, naming)
    services = (builder.service(index, names[index]) for index in range(len(file.service)))
    return File(file.name, module, tuple(services))


@dataclass(frozen=True)
class _Builder:
    file: FileDescriptorProto
    source: Source
    messages: Mapping[str, MessageType]
    naming: str

    def service(self, index: int, names: python_names.ServiceNames) -> Service:
        service = self.file.service[index]
        full_name = ".".join(filter(None, [self.file.package, service.name]))
        methods = python_names.method_names(
            [method.name for method in service.method],
            self.naming,
            {method.name for method in service.method if method.client_streaming},
        )
        return Service(
            full_name=full_name,
            names=names,
            methods=tuple(
                self.method((SERVICE, index, _METHOD, i), service.method[i], full_name, name, const)
                for i, (name, const) in enumerate(zip(methods, names.method_constants, strict=True))
            ),
            deprecated=service.options.deprecated or self.file.options.deprecated,
            comment=self.source.comment((SERVICE, index)),
        )

    def method(
        self,
        path: tuple[int, ...],
        method: MethodDescriptorProto,
        service: str,
        name: str,
        constant: str,
    ) -> Method:
        level = method.options.idempotency_level
        declared = level != MethodOptions.IDEMPOTENCY_UNKNOWN
        return Method(
            proto_name=method.name,
            full_name=f"{service}.{method.name}",
            name=name,
            constant=constant,
            kind=_kind(method),
            request=self._message(method.input_type, path),
            response=self._message(method.output_type, path),
            idempotency=MethodOptions.IdempotencyLevel.Name(level) if declared else "",
            deprecated=method.options.deprecated,
            comment=self.source.comment(path),
        )

    def _message(self, full_name: str, path: tuple[int, ...]) -> MessageType:
        if full_name not in self.messages:
            raise PluginError(
                f"the request lacks the message {full_name.lstrip('.')!r}", self.source.where(path)
            )
        return self.messages[full_name]


def _kind(method: MethodDescriptorProto) -> Kind:
    if method.client_streaming:
        return Kind.BIDI_STREAM if method.server_streaming else Kind.CLIENT_STREAM
    return Kind.SERVER_STREAM if method.server_streaming else Kind.UNARY
