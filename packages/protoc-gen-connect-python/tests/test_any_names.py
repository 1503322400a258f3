"""The generated modules work with all names that a proto file can contain."""

import importlib
import sys
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from hypothesis import given, settings
from hypothesis import strategies as st

from connectrpc_client import Client
from connectrpc_protocol import Method
from protoc_gen_connect_python._plugin import respond

_DIFFICULT = """
    A Any ASGI ASGIApplication AsyncIterator AsyncIterable Base BidiCall Bool Call CallSay
    Cancellation Checking Client ClientStreamCallSync ClientSync Close Ctx Deprecated Final
    Generator GetFoo Handler HandlerSync Handlers Headers HeadersInput IdempotencyLevel
    ImportModule Int Iterable Iterator M Method MethodKind Name None O OpenSay Protocol Request
    RequestContext Requests S Say Self Sequence ServiceName Str StreamOutput Sync TYPE
    TYPE_CHECKING Type UnaryOutput WSGIApplication X_pb2 _ __Say ____ __init__ bool cls call_say
    deprecated get_foo getattr globals import_module int lazy_attributes lazy_exports names_pb2
    object open_say self str super type x_pb2
""".split()  # noqa: SIM905
identifiers = st.one_of(
    st.sampled_from(_DIFFICULT),
    st.builds("{}{}".format, st.sampled_from(_DIFFICULT), st.sampled_from(_DIFFICULT)),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
)
methods = st.tuples(identifiers, st.booleans(), st.booleans(), st.integers(0, 2), st.booleans())
services = st.lists(
    st.tuples(identifiers, st.lists(methods, max_size=4, unique_by=lambda method: method[0])),
    min_size=1,
    max_size=3,
    unique_by=lambda service: service[0],
)
Services = list[tuple[str, list[tuple[str, bool, bool, int, bool]]]]


def _file(services: Services, message: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name="names.proto", syntax="proto3")
    file.package = "messages"
    file.message_type.add(name=message)
    for service, methods in services:
        descriptor = file.service.add(name=service)
        for name, client_streaming, server_streaming, level, deprecated in methods:
            method = descriptor.method.add(
                name=name,
                input_type=f".messages.{message}",
                output_type=f".messages.{message}",
                client_streaming=client_streaming,
                server_streaming=server_streaming,
            )
            method.options.idempotency_level = level
            method.options.deprecated = deprecated
    return file


@contextmanager
def _modules(file: FileDescriptorProto, parameter: str) -> Iterator[ModuleType]:
    """Import the modules generated from the file, with its messages in `names_pb2`."""
    request = CodeGeneratorRequest(
        file_to_generate=[file.name], proto_file=[file], parameter=parameter
    )
    response = respond(request)
    assert response.error == ""
    pool = descriptor_pool.DescriptorPool()
    only_messages = FileDescriptorProto.FromString(file.SerializeToString())
    del only_messages.service[:]
    pool.Add(only_messages)
    messages = ModuleType("names_pb2")
    for name in (message.name for message in file.message_type):
        descriptor = pool.FindMessageTypeByName(f"messages.{name}")
        setattr(messages, name, message_factory.GetMessageClass(descriptor))
    made = {"names_pb2": messages}
    sys.modules["names_pb2"] = messages
    try:
        for generated in response.file:
            name = generated.name.removesuffix(".py")
            made[name] = sys.modules[name] = ModuleType(name)
            exec(compile(generated.content, generated.name, "exec"), made[name].__dict__)
        yield importlib.import_module("names_connect")
    finally:
        for name in made:
            sys.modules.pop(name, None)


@settings(deadline=None, max_examples=200)
@given(services, st.sampled_from(["M", "None", "__M", "_M", "Client"]), st.booleans())
def test_modules_work_with_any_names(services: Services, message: str, proto: bool) -> None:
    parameter = "naming=proto" if proto else ""
    with _modules(_file(services, message), parameter) as module:
        values = {name: getattr(module, name) for name in module.__all__}
    described = [value.full_name for value in values.values() if isinstance(value, Method)]
    assert sorted(described) == sorted(
        f"messages.{service}/{method[0]}" for service, methods in services for method in methods
    )
    classes = [value for value in values.values() if isinstance(value, type)]
    assert len(classes) == 6 * len(services)
    rpcs = sum(len(methods) for _, methods in services)
    open_methods = sum(streams for _, methods in services for _, streams, *_ in methods)
    clients = [each for each in classes if issubclass(each, Client)]
    public = [name for each in clients for name in vars(each) if not name.startswith("_")]
    assert len(public) == 2 * rpcs + open_methods
    applications = [each for each in classes if isinstance(_service_name(each), str)]
    assert len(applications) == 2 * len(services)
    for application in applications:
        [service] = typing.get_args(application.__orig_bases__[0])
        application(type("Implementation", (service,), {})())


def _service_name(value: type) -> object:
    return vars(value).get("service_name")
