import time

import pytest

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.deadline import check_late, deadline_after, deadline_exceeded, remaining


def test_deadline_after_none_is_none() -> None:
    assert deadline_after(None) is None


def test_a_timeout_is_in_milliseconds() -> None:
    before = time.monotonic()
    deadline = deadline_after(1500)
    after = time.monotonic()
    assert deadline is not None
    assert before + 1.5 <= deadline <= after + 1.5


def test_remaining_of_none_is_none() -> None:
    assert remaining(None) is None


def test_remaining_is_in_seconds() -> None:
    seconds = remaining(time.monotonic() + 100)
    assert seconds is not None
    assert 90 < seconds <= 100


def test_remaining_raises_an_error_after_the_deadline() -> None:
    with pytest.raises(ConnectError) as caught:
        remaining(deadline_after(0))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_the_error_of_a_deadline_has_a_code_and_a_message() -> None:
    assert str(deadline_exceeded()) == "deadline_exceeded: deadline exceeded"


def test_check_late_replaces_an_error_after_the_deadline() -> None:
    past = time.monotonic() - 1
    for code in (Code.CANCELED, Code.UNAVAILABLE):
        with pytest.raises(ConnectError) as caught:
            check_late(ConnectError(code), past)
        assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_check_late_keeps_other_errors() -> None:
    check_late(ConnectError(Code.INTERNAL), time.monotonic() - 1)
    check_late(ConnectError(Code.UNAVAILABLE), time.monotonic() + 60)
    check_late(ConnectError(Code.UNAVAILABLE), None)
