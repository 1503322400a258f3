import base64
import copy
import pickle
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Headers
from connectrpc_protocol.header_names import RESERVED
from connectrpc_protocol.headers import HeadersInput, decode_base64, merged, raw_pairs

from .helpers import bounded

names = st.from_regex(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}", fullmatch=True)
texts = st.from_regex(r"[\t\x20-\x7e\x80-\xff]{0,20}", fullmatch=True)
pairs = st.lists(st.tuples(names, texts), max_size=8)


def test_a_key_ignores_case() -> None:
    headers = Headers({"X-Request-Id": "7"})
    assert (headers["x-request-ID"], "X-REQUEST-id" in headers, headers.get("x-Request-id")) == (
        "7",
        True,
        "7",
    )


def test_keys_are_in_lower_case() -> None:
    assert list(Headers([("X-B", "1"), ("x-a", "2"), ("x-b", "3")])) == ["x-b", "x-a"]


def test_several_values_are_joined() -> None:
    assert Headers([("x-a", "1"), ("X-A", "2")])["x-a"] == "1, 2"


def test_several_values_are_kept_apart() -> None:
    headers = Headers({"x-a": ["1", "2"], "x-b": ("3",), "x-c": "4"})
    assert list(headers.multi_items()) == [("x-a", "1"), ("x-a", "2"), ("x-b", "3"), ("x-c", "4")]


def test_get_all_returns_all_values_of_a_name() -> None:
    headers = Headers([("x-a", "1"), ("x-a", "2")])
    assert (headers.get_all("X-A"), headers.get_all("x-b")) == (["1", "2"], [])


def test_get_all_returns_a_copy() -> None:
    headers = Headers({"x-a": "1"})
    headers.get_all("x-a").append("2")
    assert headers.get_all("x-a") == ["1"]


def test_headers_made_of_headers_keep_several_values_apart() -> None:
    headers = Headers([("x-a", "1"), ("x-a", "2"), ("x-b", "3")])
    assert Headers(headers) == headers


def test_headers_made_of_headers_are_a_copy() -> None:
    headers = Headers({"x-a": "1"})
    Headers(headers).add("x-a", "2")
    assert headers.get_all("x-a") == ["1"]


def test_setting_replaces_all_values() -> None:
    headers = Headers([("x-a", "1"), ("x-a", "2")])
    headers["X-A"] = "3"
    assert headers.get_all("x-a") == ["3"]


def test_deleting_removes_all_values() -> None:
    headers = Headers([("x-a", "1"), ("x-a", "2")])
    del headers["X-A"]
    assert len(headers) == 0


def test_a_missing_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Headers()["x-a"]


def test_an_object_that_is_not_a_string_is_not_a_key() -> None:
    assert 7 not in Headers({"7": "x"})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "é", "a\0", '"a"', "a\r\nb"])
def test_a_name_that_http_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="invalid header name"):
        Headers().add(name, "value")


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\0", "\x7f", "€", "\ud800", "a\n"])
def test_a_value_that_http_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="invalid character in the value of header 'x-a'"):
        Headers({"x-a": value})


@pytest.mark.parametrize("value", [7, None, b"bytes", [b"bytes"], [None], {"a": "b"}])
def test_a_value_that_is_not_a_string_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="the value of header 'x-a' must be a string"):
        Headers({"x-a": value})


@pytest.mark.parametrize("value", [" a b", "a b\t", "\t a b  "])
def test_spaces_around_a_value_are_removed(value: str) -> None:
    headers = Headers({"x-a": value})
    headers["x-b"] = value
    assert list(headers.multi_items()) == [("x-a", "a b"), ("x-b", "a b")]


@pytest.mark.parametrize(("name", "value"), [("a b", "x"), ("x-a", "\n")])
def test_setting_refuses_a_name_or_a_value_that_http_cannot_carry(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        Headers()[name] = value


@bounded
@given(pairs)
def test_headers_survive_the_wire(given_pairs: list[tuple[str, str]]) -> None:
    headers = Headers(given_pairs)
    assert Headers.from_raw(raw_pairs(headers.multi_items())) == headers


@bounded
@given(st.lists(st.tuples(st.binary(max_size=10), st.binary(max_size=10)), max_size=5))
def test_any_bytes_from_the_wire_are_headers(raw: list[tuple[bytes, bytes]]) -> None:
    values = [value for _, value in Headers.from_raw(raw).multi_items()]
    assert sorted(value.encode("latin-1") for value in values) == sorted(value for _, value in raw)


def test_names_from_the_wire_are_in_lower_case() -> None:
    assert list(Headers.from_raw([(b"X-A", b"1"), (b"x-a", b"2")])) == ["x-a"]


def test_raw_pairs_may_have_a_prefix() -> None:
    assert raw_pairs([("x-a", "1")], b"trailer-") == [(b"trailer-x-a", b"1")]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_metadata_leaves_out_reserved_names(name: str) -> None:
    assert list(Headers([(name.upper(), "1111"), ("x-a", "2")]).metadata()) == [("x-a", "2")]


@bounded
@given(st.lists(st.binary(max_size=20), max_size=4))
def test_binary_values_survive_the_round_trip(values: list[bytes]) -> None:
    headers = Headers()
    for value in values:
        headers.add_binary("X-Data-Bin", value)
    assert headers.get_binary("x-data-bin") == values


def test_add_binary_writes_base64_without_padding() -> None:
    headers = Headers()
    headers.add_binary("x-bin", b"a")
    assert headers["x-bin"] == "YQ"


def test_add_binary_refuses_a_name_that_does_not_end_in_bin() -> None:
    with pytest.raises(ValueError, match="end in '-bin': 'x-data'"):
        Headers().add_binary("x-data", b"a")


def test_get_binary_reads_several_values_of_one_header() -> None:
    assert Headers({"x-bin": "YQ==,Yg , YWI"}).get_binary("x-bin") == [b"a", b"b", b"ab"]


@pytest.mark.parametrize("text", ["!", "Y", "YQ==YQ", "=", "Y Q", "YQ\n", "é", "-_-_"])
def test_malformed_base64_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="invalid base64"):
        decode_base64(text)


@bounded
@given(st.text(max_size=20) | st.text("AZaz09+/=-_", max_size=20))
def test_any_text_is_base64_or_a_value_error(text: str) -> None:
    try:
        data = decode_base64(text)
    except ValueError:
        return
    assert base64.b64decode(text + "=" * (-len(text) % 4)) == data


def test_invalid_base64_in_a_header_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="invalid base64"):
        Headers.from_raw([(b"x-bin", b"YQ,!")]).get_binary("x-bin")


@pytest.mark.parametrize("value", ["raw text", "YQ,!", "A", "_-8", "YQ==="])
def test_a_binary_value_that_is_not_base64_is_refused(value: str) -> None:
    headers = Headers()
    for name in ("x-bin", "X-BIN"):
        with pytest.raises(ValueError, match=f"the value of header '{name}': invalid base64"):
            headers.add(name, value)
        with pytest.raises(ValueError, match="add_binary encodes"):
            headers[name] = value
    assert not headers


def test_merged_headers_hold_each_pair_once() -> None:
    one = Headers([("x-a", "1"), ("x-b", "2")])
    other = Headers([("x-a", "1"), ("x-a", "3"), ("x-c", "2")])
    assert list(merged(one, other).multi_items()) == [
        ("x-a", "1"),
        ("x-a", "3"),
        ("x-b", "2"),
        ("x-c", "2"),
    ]


def test_merging_accepts_any_headers_from_the_wire() -> None:
    raw = Headers.from_raw([(b"a b", b"\x00\xff")])
    assert merged(raw) == raw


def test_time_to_merge_grows_in_proportion_to_the_number_of_values(grows_in_proportion) -> None:
    def work(count: int) -> None:
        merged(Headers([("x-a", str(number)) for number in range(count)]))

    assert grows_in_proportion(work, 2_000)


def test_equal_headers_have_equal_values_in_order() -> None:
    assert Headers([("x-a", "1"), ("x-b", "2")]) == Headers([("X-B", "2"), ("X-A", "1")])
    assert Headers([("x-a", "1"), ("x-a", "2")]) != Headers([("x-a", "2"), ("x-a", "1")])


def test_joined_and_separate_values_are_not_equal() -> None:
    assert Headers({"x-a": "1, 2"}) != Headers({"x-a": ["1", "2"]})


def test_headers_are_not_equal_to_another_mapping() -> None:
    assert Headers({"x-a": "1"}) != {"x-a": "1"}


def test_headers_are_not_hashable() -> None:
    assert not isinstance(Headers(), Hashable)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copied_headers_are_equal(copied) -> None:
    headers = Headers([("x-a", "1"), ("x-a", "2")])
    assert copied(headers) == headers


def test_the_repr_of_headers_shows_their_pairs() -> None:
    assert repr(Headers({"X-A": ["1", "2"]})) == "Headers([('x-a', '1'), ('x-a', '2')])"


def test_a_refused_value_is_not_stored() -> None:
    headers = Headers()
    with pytest.raises(ValueError, match="invalid character"):
        headers.add("x-a", "\n")
    assert "x-a" not in headers


def test_get_returns_the_joined_values_or_a_default() -> None:
    headers = Headers([("x-a", "1"), ("X-A", "2")])
    assert (headers.get("x-A"), headers.get("x-b"), headers.get("x-b", "3")) == ("1, 2", None, "3")


@pytest.mark.parametrize("value", ["x-a: 1", ["x-a"], ["ab"], [("x-a",)], [("a", "b", "c")], 5])
def test_headers_that_are_not_pairs_are_a_type_error(value: HeadersInput) -> None:
    with pytest.raises(TypeError, match="headers must be a dict, or pairs of a name and a value"):
        Headers(value)


@pytest.mark.parametrize("name", [b"x-a", 5, None])
def test_a_name_that_is_not_a_string_is_a_type_error(name: str) -> None:
    with pytest.raises(TypeError, match="the name of a header must be a string"):
        Headers({name: "1"})
    with pytest.raises(TypeError, match="the name of a header must be a string"):
        Headers()[name] = "1"
