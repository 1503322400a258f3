"""Decoding messages within the limits."""

import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from connectrpc_protocol import Code, ConnectError, JsonCodec
from connectrpc_protocol.encoding.messages import MessageDecoder


def test_a_decoding_error_does_not_quote_a_long_value() -> None:
    """The error may be sent in a header, so the value of a client must not make it long."""
    decoder = MessageDecoder(JsonCodec(), Int64Value, None, Code.INVALID_ARGUMENT)
    with pytest.raises(ConnectError, match="cannot decode google") as caught:
        decoder.decode(b'"' + b"9" * 4000 + b'"', None)
    assert len(caught.value.message) < 300
