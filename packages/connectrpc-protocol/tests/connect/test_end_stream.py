import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, Headers
from connectrpc_protocol.connect.end_stream import END_STREAM, pack_end_stream, parse_end_stream

from ..helpers import bounded

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def packed(trailers: Headers, error: ConnectError | None = None) -> object:
    """Return the JSON value in the envelope."""
    envelope = pack_end_stream(trailers, error)
    assert envelope[0] == END_STREAM
    assert int.from_bytes(envelope[1:5], "big") == len(envelope) - 5
    return json.loads(envelope[5:])


def parsed_metadata(value: object) -> Headers:
    return parse_end_stream(json.dumps({"metadata": value}).encode()).trailers


def test_metadata_is_an_object_of_lists() -> None:
    trailers = Headers([("x-a", "1"), ("x-a", "2")])
    error = ConnectError(Code.ABORTED, metadata={"x-a": "3", "X-B": "4"})
    assert packed(trailers, error) == {
        "error": {"code": "aborted"},
        "metadata": {"x-a": ["1", "2", "3"], "x-b": ["4"]},
    }


def test_a_success_without_trailers_is_an_empty_object() -> None:
    assert packed(Headers()) == {}


def test_headers_of_the_protocol_are_not_metadata() -> None:
    trailers = Headers({"content-type": "text/html", "x-a": "1"})
    assert packed(trailers) == {"metadata": {"x-a": ["1"]}}


def test_trailers_and_error_survive_the_round_trip() -> None:
    trailers = Headers([("x-a", "1"), ("x-a", "2"), ("x-b", "é")])
    end = parse_end_stream(pack_end_stream(trailers, ConnectError(Code.ABORTED, "why"))[5:])
    assert end.trailers == trailers
    assert str(end.error) == "aborted: why"


def test_missing_metadata_is_empty() -> None:
    assert len(parse_end_stream(b"{}").trailers) == 0
    assert len(parsed_metadata(None)) == 0


@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        5,
        False,
        {"x-a": "1"},
        {"x-a": 1},
        {"x-a": None},
        {"x-a": {}},
        {"x-a": ["1", 2]},
        {"x-a": [["1"]]},
    ],
)
def test_malformed_metadata_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"metadata"):
        parsed_metadata(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("a b", "1"), ("", "1"), ("x-a", "\n"), ("x-a", "\ud800"), ("x-a", "\0"), ("x-a", "\u20ac")],
)
def test_metadata_that_http_cannot_carry_is_left_out(name: str, value: str) -> None:
    headers = parsed_metadata({"x-b": ["2"], name: [value]})
    assert list(headers.multi_items()) == [("x-b", "2")]


@bounded
@given(values | st.dictionaries(st.text(), st.lists(st.text())))
def test_any_json_is_metadata_or_a_value_error(value: object) -> None:
    try:
        headers = parsed_metadata(value)
    except ValueError:
        return
    assert isinstance(headers, Headers)


@bounded
@given(st.binary())
def test_any_bytes_are_an_end_stream_message_or_a_value_error(data: bytes) -> None:
    try:
        parse_end_stream(data)
    except ValueError:
        return
