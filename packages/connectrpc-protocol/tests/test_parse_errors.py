"""Binary messages that are nested deeper than the stack.

Protobuf in pure Python counts the levels of a message since 5.29.5. Without the count, as in
5.29.0, the parser ends with `RecursionError`.
"""

import os
import subprocess
import sys

PROGRAM = """
import base64

from google.protobuf.internal import api_implementation, decoder
from google.protobuf.struct_pb2 import Value
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError, ErrorDetail, ProtoCodec
from connectrpc_protocol.encoding.messages import MessageDecoder
from connectrpc_protocol.grpc.status_details import decode_details

assert api_implementation.Type() == "python"
set_limit = getattr(decoder, "SetRecursionLimit", None)
if set_limit is not None:
    set_limit(1_000_000)

groups = b"\\x9b\\x06" * 10_000  # unknown fields
try:
    StringValue.FromString(groups)
except RecursionError:
    print("the parser does not count")

try:
    ProtoCodec().decode(groups, StringValue)
except ValueError as error:
    print(error)
try:
    MessageDecoder(ProtoCodec(), Value, None, Code.INVALID_ARGUMENT).decode(groups, None)
except ConnectError as error:
    print(error)
try:
    ErrorDetail("google.protobuf.StringValue", groups).unpack(StringValue)
except ValueError as error:
    print(error)
print(decode_details(base64.b64encode(groups).decode()))
"""


def test_a_message_nested_deeper_than_the_stack_is_malformed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "the parser does not count",
        "nested too deeply",
        "invalid_argument: cannot decode google.protobuf.Value from proto: nested too deeply",
        "the bytes of this detail are not a google.protobuf.StringValue: nested too deeply",
        "[]",
    ]
