"""Source: Connect protocol reference, "Error and EndStreamResponse"."""

import json

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, ErrorDetail
from connectrpc_protocol.connect.error_json import (
    dump_json,
    error_from_json,
    error_to_json,
    load_json,
)

from ..helpers import bounded

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
type_names = st.text().filter(lambda name: "/" not in name)
details = st.builds(ErrorDetail, type_names, st.binary(max_size=20))
errors = st.builds(ConnectError, st.sampled_from(Code), st.text(), st.lists(details, max_size=3))


def test_an_error_becomes_an_object_of_code_message_and_details() -> None:
    error = ConnectError(Code.ABORTED, "again", [StringValue(value="why")])
    assert error_to_json(error) == {
        "code": "aborted",
        "message": "again",
        "details": [{"type": "google.protobuf.StringValue", "value": "CgN3aHk"}],
    }


def test_empty_fields_are_left_out() -> None:
    assert error_to_json(ConnectError(Code.ABORTED)) == {"code": "aborted"}


@bounded
@given(errors)
def test_an_error_survives_the_round_trip(error: ConnectError) -> None:
    got = error_from_json(load_json(dump_json(error_to_json(error))), Code.UNKNOWN)
    assert (got.code, got.message, got.details) == (error.code, error.message, error.details)


error_like = st.fixed_dictionaries(
    {},
    optional={
        "code": values | st.sampled_from([code.value for code in Code]),
        "message": values,
        "details": values
        | st.lists(st.fixed_dictionaries({}, optional={"type": values, "value": values})),
    },
)


@bounded
@given(values | error_like)
@example({"code": 5, "message": 5, "details": 5})
@example({"code": ["aborted"], "message": {}, "details": [None, 1, {"type": "a", "value": "!"}]})
@example({"code": "aborted", "message": "\ud800", "details": [{"type": "\0", "value": "é"}]})
def test_any_json_becomes_a_connect_error(value: object) -> None:
    assert isinstance(error_from_json(value, Code.UNAVAILABLE), ConnectError)


@pytest.mark.parametrize("code", ["ABORTED", "nope", "", None, 10, ["aborted"], {}])
def test_an_unknown_code_becomes_the_fallback(code: object) -> None:
    error = error_from_json({"code": code, "message": "m"}, Code.UNAVAILABLE)
    assert (error.code, error.message) == (Code.UNAVAILABLE, "m")


@pytest.mark.parametrize("value", [None, [], "aborted", 5, True])
def test_an_error_that_is_not_an_object_has_the_fallback_code(value: object) -> None:
    error = error_from_json(value, Code.UNAVAILABLE)
    assert str(error) == "unavailable: the server's error is not a JSON object"


@pytest.mark.parametrize(
    "detail",
    [
        None,
        [],
        {},
        {"type": "a.B"},
        {"value": "YQ"},
        {"type": 1, "value": "YQ"},
        {"type": "a.B", "value": 1},
        {"type": "a.B", "value": "!"},
    ],
)
def test_a_malformed_detail_is_left_out(detail: object) -> None:
    good = {"type": "a.B", "value": "YQ"}
    error = error_from_json({"code": "aborted", "details": [detail, good]}, Code.UNKNOWN)
    assert (error.code, error.details) == (Code.ABORTED, (ErrorDetail("a.B", b"a"),))


def test_a_detail_may_be_padded_and_have_a_debug_form() -> None:
    detail = {"type": "a.B", "value": "YQ==", "debug": {"x": 1}}
    error = error_from_json({"code": "aborted", "details": [detail]}, Code.UNKNOWN)
    assert error.details == (ErrorDetail("a.B", b"a"),)


def test_the_type_of_a_detail_may_be_a_url() -> None:
    detail = {"type": "type.googleapis.com/a.B", "value": "YQ"}
    error = error_from_json({"code": "aborted", "details": [detail]}, Code.UNKNOWN)
    assert error.details == (ErrorDetail("a.B", b"a"),)


@bounded
@given(st.binary(max_size=40))
@example(b"[" * 200_000)
@example(b'{"a":' * 100_000)
@example(b"9" * 5000)
@example(b"\xff\xfe{")
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_are_json_or_a_value_error(data: bytes) -> None:
    try:
        load_json(data)
    except ValueError:
        return
    json.loads(data)


def test_json_nested_too_deeply_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        load_json(b"[" * 200_000)


def test_a_lone_surrogate_is_escaped() -> None:
    assert dump_json({"a": "\ud800"}) == b'{"a":"\\ud800"}'
