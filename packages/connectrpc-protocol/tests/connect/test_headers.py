"""The deadline of a request. Source: Connect protocol reference, "Unary-Request"."""

import time

import pytest

from connectrpc_protocol import Compressions
from connectrpc_protocol.connect.headers import read_deadline
from connectrpc_protocol.options import ServerOptions


def test_a_request_without_a_timeout_does_not_have_a_deadline() -> None:
    assert read_deadline({}, ServerOptions(compressions=Compressions([]))) is None


def test_a_request_without_a_timeout_has_the_default_deadline_of_the_server() -> None:
    options = ServerOptions(compressions=Compressions([]), default_timeout_ms=100_000)
    deadline = read_deadline({}, options)
    assert deadline is not None
    assert deadline - time.monotonic() == pytest.approx(100, abs=10)


def test_the_timeout_of_a_request_sets_its_deadline() -> None:
    options = ServerOptions(compressions=Compressions([]))
    deadline = read_deadline({b"connect-timeout-ms": b"100000"}, options)
    assert deadline is not None
    assert deadline - time.monotonic() == pytest.approx(100, abs=10)
