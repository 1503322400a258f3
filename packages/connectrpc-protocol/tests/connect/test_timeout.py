"""Source: Connect protocol reference, "Timeouts"."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import Code, Compressions, ConnectError
from connectrpc_protocol.connect.headers import read_deadline
from connectrpc_protocol.connect.timeout import format_timeout, parse_timeout
from connectrpc_protocol.options import ServerOptions

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])


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
def test_anything_else_is_an_invalid_argument(value: bytes) -> None:
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
def test_a_timeout_too_long_for_the_wire_becomes_the_longest(timeout_ms: int) -> None:
    assert format_timeout(timeout_ms) == "9999999999"


def test_a_request_without_a_timeout_has_no_deadline() -> None:
    assert read_deadline({}, ServerOptions(compressions=Compressions([]))) is None


def test_a_request_without_a_timeout_has_the_default_of_the_server() -> None:
    options = ServerOptions(compressions=Compressions([]), default_timeout_ms=100_000)
    deadline = read_deadline({}, options)
    assert deadline is not None
    assert deadline - time.monotonic() == pytest.approx(100, abs=10)


def test_the_timeout_of_a_request_is_its_deadline() -> None:
    options = ServerOptions(compressions=Compressions([]))
    deadline = read_deadline({b"connect-timeout-ms": b"100000"}, options)
    assert deadline is not None
    assert deadline - time.monotonic() == pytest.approx(100, abs=10)
