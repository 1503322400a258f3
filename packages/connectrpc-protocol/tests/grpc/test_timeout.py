"""`grpc-timeout`. Source: grpc/grpc, PROTOCOL-HTTP2.md, "Timeout"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.grpc.timeout import format_timeout, parse_timeout

from ..helpers import bounded


@pytest.mark.parametrize(
    ("value", "timeout_ms"),
    [
        (b"0n", 0),
        (b"1n", 1),
        (b"1000000n", 1),
        (b"1000001n", 2),
        (b"99999999n", 100),
        (b"1500u", 2),
        (b"250m", 250),
        (b"00000250m", 250),
        (b"3S", 3_000),
        (b"2M", 120_000),
        (b"1H", 3_600_000),
        (b"99999999H", 9_999_999_999),
    ],
)
def test_a_timeout_is_at_most_eight_digits_and_a_unit(value: bytes, timeout_ms: int) -> None:
    assert parse_timeout(value) == timeout_ms


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"m",
        b"1",
        b"1s",
        b"-1m",
        b"+1m",
        b" 1m",
        b"1m ",
        b"1 m",
        b"1.5S",
        b"1_0m",
        b"100000000m",
        b"9" * 9999 + b"m",
        b"\xb2m",
        "٣m".encode(),
    ],
)
def test_a_malformed_timeout_is_an_invalid_argument(value: bytes) -> None:
    with pytest.raises(ConnectError, match="invalid grpc-timeout") as caught:
        parse_timeout(value)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert len(caught.value.message) < 200


@bounded
@given(st.binary(max_size=10))
def test_any_bytes_are_a_timeout_or_a_connect_error(value: bytes) -> None:
    try:
        timeout_ms = parse_timeout(value)
    except ConnectError:
        return
    assert 0 <= timeout_ms < 10**10


@pytest.mark.parametrize(
    ("timeout_ms", "value"),
    [
        (0, "0m"),
        (250, "250m"),
        (99_999_999, "99999999m"),
        (100_000_000, "100000S"),
        (100_000_001, "100001S"),
        (10**8 * 1000, "1666667M"),
        (10**8 * 60_000, "1666667H"),
        (10**8 * 3_600_000, "99999999H"),
        (10**30, "99999999H"),
    ],
)
def test_a_timeout_is_sent_in_the_smallest_unit_that_fits(timeout_ms: int, value: str) -> None:
    assert format_timeout(timeout_ms) == value


@bounded
@given(st.integers(0, 9_999_999_999))
def test_a_timeout_grows_by_less_than_a_minute_when_it_is_sent(timeout_ms: int) -> None:
    value = format_timeout(timeout_ms).encode()
    assert timeout_ms <= parse_timeout(value) < timeout_ms + 60_000
