"""`connect-timeout-ms`. Source: Connect protocol reference, "Unary-Request"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.connect.timeout import format_timeout, parse_timeout

from ..helpers import bounded


@pytest.mark.parametrize(
    ("value", "timeout_ms"),
    [(b"0", 0), (b"1", 1), (b"0050", 50), (b"9999999999", 9_999_999_999)],
)
def test_a_timeout_is_a_number_of_milliseconds(value: bytes, timeout_ms: int) -> None:
    assert parse_timeout(value) == timeout_ms


@pytest.mark.parametrize(
    "value",
    [b"", b"-1", b"+1", b" 1", b"1 ", b"1.5", b"1s", b"1_0", b"10000000000", b"9" * 9999, b"\xb2"],
)
def test_a_malformed_timeout_is_an_invalid_argument(value: bytes) -> None:
    with pytest.raises(ConnectError, match="invalid connect-timeout-ms") as caught:
        parse_timeout(value)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert len(caught.value.message) < 200


@bounded
@given(st.binary(max_size=14))
def test_any_bytes_are_a_timeout_or_a_connect_error(value: bytes) -> None:
    try:
        timeout_ms = parse_timeout(value)
    except ConnectError:
        return
    assert 0 <= timeout_ms < 10**10


@bounded
@given(st.integers(0, 10**10 - 1))
def test_a_timeout_survives_the_round_trip(timeout_ms: int) -> None:
    assert parse_timeout(format_timeout(timeout_ms).encode()) == timeout_ms


@bounded
@given(st.integers(10**10))
def test_a_timeout_that_is_too_long_becomes_the_longest_one(timeout_ms: int) -> None:
    assert format_timeout(timeout_ms) == "9999999999"
