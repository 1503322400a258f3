"""Bodies in base64 on the server. Source: grpc/grpc, PROTOCOL-WEB.md."""

import base64

import pytest

from connectrpc_protocol import Code

from ..grpc.server_calls import (
    refused,
    unary_call,
)
from ..helpers import HELLO_ENVELOPE


@pytest.mark.parametrize("body", [b"!", b"AAAA!", b"AAA", base64.b64encode(HELLO_ENVELOPE)[:-1]])
def test_a_body_that_is_not_base64_is_an_invalid_argument(body: bytes) -> None:
    assert refused(unary_call("grpc-web-text"), body).code is Code.INVALID_ARGUMENT
