import pytest
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, IdempotencyLevel, Method, MethodKind


def method(
    kind: MethodKind = MethodKind.UNARY, level: IdempotencyLevel = IdempotencyLevel.UNKNOWN
) -> Method[StringValue, Duration]:
    return Method(
        service="acme.v1.TimeService",
        name="Parse",
        kind=kind,
        request=StringValue,
        response=Duration,
        idempotency=level,
    )


def test_a_method_has_its_names() -> None:
    assert (method().service, method().name, method().full_name, method().path) == (
        "acme.v1.TimeService",
        "Parse",
        "acme.v1.TimeService/Parse",
        "/acme.v1.TimeService/Parse",
    )


def test_a_method_has_its_message_types() -> None:
    assert (method().request, method().response) == (StringValue, Duration)


@pytest.mark.parametrize(
    ("kind", "one_request", "one_response"),
    [
        (MethodKind.UNARY, True, True),
        (MethodKind.CLIENT_STREAM, False, True),
        (MethodKind.SERVER_STREAM, True, False),
        (MethodKind.BIDI_STREAM, False, False),
    ],
)
def test_a_kind_has_one_or_many_requests_and_responses(
    kind: MethodKind, one_request: bool, one_response: bool
) -> None:
    assert (kind.one_request, kind.one_response) == (one_request, one_response)


@pytest.mark.parametrize("kind", MethodKind)
@pytest.mark.parametrize("level", IdempotencyLevel)
def test_only_unary_methods_without_side_effects_allow_get(
    kind: MethodKind, level: IdempotencyLevel
) -> None:
    allowed = (kind, level) == (MethodKind.UNARY, IdempotencyLevel.NO_SIDE_EFFECTS)
    assert method(kind, level).allows_get is allowed


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (IdempotencyLevel.UNKNOWN, "IDEMPOTENCY_UNKNOWN"),
        (IdempotencyLevel.NO_SIDE_EFFECTS, "NO_SIDE_EFFECTS"),
        (IdempotencyLevel.IDEMPOTENT, "IDEMPOTENT"),
    ],
)
def test_a_level_has_the_number_of_the_descriptor(level: IdempotencyLevel, name: str) -> None:
    assert level.value == MethodOptions.IdempotencyLevel.Value(name)


def test_an_unimplemented_method_names_itself() -> None:
    error = method().unimplemented()
    assert error.code is Code.UNIMPLEMENTED
    assert error.message == "acme.v1.TimeService/Parse is not implemented"


def test_the_repr_of_a_method_shows_its_name_and_kind() -> None:
    shown = repr(method(MethodKind.BIDI_STREAM))
    assert shown == "<Method acme.v1.TimeService/Parse (bidi stream)>"
