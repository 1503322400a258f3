import copy
import pickle

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError, ErrorDetail, Headers, too_large
from connectrpc_protocol.errors import as_connect_error, connect_errors

DETAIL = StringValue(value="why")
PACKED = ErrorDetail("google.protobuf.StringValue", DETAIL.SerializeToString())


def full_error() -> ConnectError:
    return ConnectError(
        Code.ABORTED, "again", [DETAIL, Duration(seconds=1)], [("x-a", "1"), ("x-a", "2")]
    )


def parts(error: ConnectError) -> tuple[object, ...]:
    return (type(error), error.code, error.message, error.details, error.metadata, error.args)


def test_an_error_shows_its_code_and_message() -> None:
    assert str(ConnectError(Code.NOT_FOUND, "no such user")) == "not_found: no such user"


def test_a_code_given_as_a_string_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="'not_found'"):
        ConnectError("not_found")  # type: ignore[arg-type]


def test_a_message_that_is_not_a_string_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="message of an error"):
        ConnectError(Code.INTERNAL, ValueError("x"))  # type: ignore[arg-type]


class OutOfMilk(ConnectError):
    def __init__(self, bottles: int) -> None:
        super().__init__(Code.RESOURCE_EXHAUSTED, f"{bottles} bottles")
        self.bottles = bottles


def test_a_subclass_with_other_parameters_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(OutOfMilk(3)))
    assert (type(error), str(error), error.bottles) == (
        OutOfMilk,
        "resource_exhausted: 3 bottles",
        3,
    )


def test_an_error_without_a_message_shows_its_code() -> None:
    assert str(ConnectError(Code.NOT_FOUND)) == "not_found"


def test_the_repr_of_an_error_shows_its_code_message_and_details() -> None:
    error = ConnectError(Code.NOT_FOUND, "gone", [ErrorDetail("a.B", b"\0")])
    expected = r"ConnectError(Code.NOT_FOUND, 'gone', details=(ErrorDetail('a.B', b'\x00'),))"
    assert repr(error) == expected


def test_details_are_kept_serialized() -> None:
    assert full_error().details[0] == PACKED


def test_metadata_may_be_a_mapping() -> None:
    error = ConnectError(Code.ABORTED, metadata={"X-A": ["1", "2"]})
    assert error.metadata.get_all("x-a") == ["1", "2"]


def test_metadata_may_be_headers() -> None:
    headers = Headers({"x-a": "1"})
    assert ConnectError(Code.ABORTED, metadata=headers).metadata is headers


def test_errors_do_not_share_metadata() -> None:
    one, other = ConnectError(Code.ABORTED), ConnectError(Code.ABORTED)
    one.metadata["x-a"] = "1"
    assert len(other.metadata) == 0


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_error_is_the_same(protocol: int) -> None:
    assert parts(pickle.loads(pickle.dumps(full_error(), protocol))) == parts(full_error())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_error_is_the_same(copied) -> None:
    assert parts(copied(full_error())) == parts(full_error())


class OwnError(ConnectError):
    pass


def test_a_pickled_error_keeps_its_type() -> None:
    assert type(pickle.loads(pickle.dumps(OwnError(Code.ABORTED)))) is OwnError


def test_a_detail_may_be_given_as_a_detail() -> None:
    assert ErrorDetail.of(PACKED) is PACKED


def test_an_any_becomes_a_detail_of_the_message_inside_it() -> None:
    packed = Any()
    packed.Pack(DETAIL)
    assert ErrorDetail.of(packed) == PACKED


def test_an_any_of_another_host_has_the_same_type() -> None:
    packed = Any(type_url="example.com/types/google.protobuf.StringValue", value=PACKED.value)
    assert ErrorDetail.of(packed) == PACKED


def test_a_detail_is_unpacked_as_its_type() -> None:
    assert PACKED.unpack(StringValue) == DETAIL


def test_is_type_compares_the_type_of_a_detail() -> None:
    assert (PACKED.is_type(StringValue), PACKED.is_type(Duration)) == (True, False)


def test_a_detail_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"is a google\.protobuf\.StringValue, not a .*Duration"):
        PACKED.unpack(Duration)


def test_a_detail_with_bad_bytes_is_a_value_error() -> None:
    detail = ErrorDetail("google.protobuf.StringValue", b"\x0a\xff")
    with pytest.raises(ValueError, match=r"are not a google\.protobuf\.StringValue"):
        detail.unpack(StringValue)


@pytest.mark.parametrize(
    "other",
    [
        ErrorDetail("google.protobuf.StringValue", b""),
        ErrorDetail("a.B", PACKED.value),
        "google.protobuf.StringValue",
    ],
)
def test_details_differ_by_type_and_value(other: object) -> None:
    assert other != PACKED


def test_equal_details_have_equal_hashes() -> None:
    assert {PACKED, ErrorDetail(PACKED.type_name, PACKED.value)} == {PACKED}


def test_as_connect_error_returns_a_connect_error_unchanged() -> None:
    error = full_error()
    assert as_connect_error(error) is error


def test_as_connect_error_hides_the_text_of_another_exception() -> None:
    assert str(as_connect_error(ValueError("secret"))) == "internal: internal error"


def test_as_connect_error_may_expose_the_text_of_another_exception() -> None:
    assert str(as_connect_error(ValueError("bug"), expose=True)) == "internal: ValueError: bug"


def test_the_error_of_a_message_that_is_too_large_names_the_limit() -> None:
    assert str(too_large(7)) == "resource_exhausted: message exceeds the limit of 7 bytes"


NOT_FOUND = ConnectError(Code.NOT_FOUND, "no row")
ABORTED = ConnectError(Code.ABORTED, "again")


@pytest.mark.parametrize(
    ("group", "errors"),
    [
        (ExceptionGroup("", [NOT_FOUND]), [NOT_FOUND]),
        (ExceptionGroup("", [NOT_FOUND, ABORTED]), [NOT_FOUND, ABORTED]),
        (ExceptionGroup("", [ExceptionGroup("", [ABORTED]), NOT_FOUND]), [ABORTED, NOT_FOUND]),
        (ExceptionGroup("", [NOT_FOUND, ValueError("secret")]), []),
        (BaseExceptionGroup("", [NOT_FOUND, KeyboardInterrupt()]), []),
        (ValueError("secret"), []),
        (NOT_FOUND, [NOT_FOUND]),
    ],
)
def test_a_group_of_connect_errors_is_the_first_of_them(
    group: BaseException, errors: list[ConnectError]
) -> None:
    assert connect_errors(group) == errors
    expected = str(errors[0]) if errors else "internal: internal error"
    assert str(as_connect_error(group)) == expected
