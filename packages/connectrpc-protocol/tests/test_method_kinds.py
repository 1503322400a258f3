from functools import wraps

from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Method, MethodKind
from connectrpc_protocol.method_kinds import method_kinds


def method(name: str, kind: MethodKind) -> Method[StringValue, StringValue]:
    return Method(
        service="acme.v1.S", name=name, kind=kind, request=StringValue, response=StringValue
    )


UNARY = method("Unary", MethodKind.UNARY)
STREAM = method("Stream", MethodKind.SERVER_STREAM)


def decorated(function):  # as a deprecated method is
    @wraps(function)
    def call(*args):
        return function(*args)

    return call


class Generated:
    service_name = "acme.v1.S"

    def unary(self) -> object:
        return UNARY, len("unary")

    @decorated
    def stream(self) -> object:
        return STREAM


class Derived(Generated):
    def more(self) -> None: ...


def test_the_kinds_of_the_methods_of_a_generated_class() -> None:
    assert set(method_kinds(Generated)) == {MethodKind.UNARY, MethodKind.SERVER_STREAM}
    assert set(method_kinds(Derived)) == set(method_kinds(Generated))


def test_another_class_does_not_have_kinds() -> None:
    assert list(method_kinds(int)) == []
