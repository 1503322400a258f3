"""The model: the services and methods of a proto file, with all their Python names."""

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
from protoc_gen_connect_python._naming.output_files import check_importable
from protoc_gen_connect_python._naming.python_names import (
    ServiceNames,
    method_names,
    service_names,
)
from protoc_gen_connect_python._proto.descriptors import SERVICE, MessageType, SourceInfo

_METHOD = ServiceDescriptorProto.METHOD_FIELD_NUMBER


class MethodKind(Enum):
    """The kinds of RPC; the names of runtime functions contain the values."""

    UNARY = "unary"
    CLIENT_STREAM = "client_stream"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"

    @property
    def request_stream(self) -> bool:
        """Whether the client sends a stream of messages."""
        return self in (MethodKind.CLIENT_STREAM, MethodKind.BIDI_STREAM)

    @property
    def response_stream(self) -> bool:
        """Whether the server sends a stream of messages."""
        return self in (MethodKind.SERVER_STREAM, MethodKind.BIDI_STREAM)


@dataclass(frozen=True)
class ProtoMethod:
    """One RPC; `proto_name` is its name in the proto file, `name` is the Python method.

    `idempotency` is the name of the declared level, or empty.
    """

    proto_name: str
    full_name: str
    name: str
    constant: str
    kind: MethodKind
    request: MessageType
    response: MessageType
    idempotency: str
    deprecated: bool
    comment: str

    @property
    def allows_get(self) -> bool:
        """Whether a client may call the method with HTTP GET."""
        return self.kind is MethodKind.UNARY and self.idempotency == "NO_SIDE_EFFECTS"


@dataclass(frozen=True)
class ProtoService:
    """One service; it is also deprecated if its whole file is."""

    full_name: str
    names: ServiceNames
    methods: tuple[ProtoMethod, ...]
    deprecated: bool
    comment: str


@dataclass(frozen=True)
class ProtoFile:
    """One proto file that declares services; `path` is its name in the request."""

    path: str
    services: tuple[ProtoService, ...]

    @property
    def messages(self) -> tuple[MessageType, ...]:
        """The message types that its RPCs use: each once, in the order of declaration."""
        methods = [method for service in self.services for method in service.methods]
        types = [message for method in methods for message in (method.request, method.response)]
        return tuple(dict.fromkeys(types))


def build_file(
    file: FileDescriptorProto, messages: Mapping[str, MessageType], naming: str
) -> ProtoFile:
    """Build the model of a file that declares services.

    Raises `PluginError` if Python cannot import the generated modules, or if the request does not
    contain a message that an RPC uses.
    """
    source = SourceInfo(file)
    check_importable(file.name, source.position((SERVICE, 0)))
    names = service_names(
        (service.name, [method.name for method in service.method]) for service in file.service
    )
    builder = _Builder(file, source, messages, naming)
    services = (builder.service(index, names[index]) for index in range(len(file.service)))
    return ProtoFile(file.name, tuple(services))


@dataclass(frozen=True)
class _Builder:
    file: FileDescriptorProto
    source: SourceInfo
    messages: Mapping[str, MessageType]
    naming: str

    def service(self, index: int, names: ServiceNames) -> ProtoService:
        service = self.file.service[index]
        full_name = ".".join(filter(None, [self.file.package, service.name]))
        methods = method_names(
            [method.name for method in service.method],
            self.naming,
            {method.name for method in service.method if method.client_streaming},
        )
        return ProtoService(
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
    ) -> ProtoMethod:
        level = method.options.idempotency_level
        declared = level != MethodOptions.IDEMPOTENCY_UNKNOWN
        return ProtoMethod(
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
            name = full_name.lstrip(".")
            raise PluginError(
                f"the request does not contain the message {name!r}", self.source.position(path)
            )
        return self.messages[full_name]


def _kind(method: MethodDescriptorProto) -> MethodKind:
    if method.client_streaming:
        return MethodKind.BIDI_STREAM if method.server_streaming else MethodKind.CLIENT_STREAM
    return MethodKind.SERVER_STREAM if method.server_streaming else MethodKind.UNARY
