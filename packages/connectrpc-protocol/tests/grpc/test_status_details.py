"""`grpc-status-details-bin`. Source: google.rpc.Status in googleapis."""

import base64
import subprocess
import sys

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.grpc.status import (
    error_to_trailers,
)

from .client_calls import error_of


def status_of_google(code: int, message: bytes = b"") -> bytes:
    """Return a google.rpc.Status with one detail.

    `int32 code = 1; string message = 2; repeated Any details = 3;`
    """
    detail = AnyMessage()
    detail.Pack(StringValue(value="why"))
    data = detail.SerializeToString()
    return bytes((8, code, 18, len(message), *message, 26, len(data))) + data


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_details_are_sent_as_a_google_rpc_status() -> None:
    error = ConnectError(Code.NOT_FOUND, "gone", [StringValue(value="why")])
    value = dict(error_to_trailers(error))[b"grpc-status-details-bin"]
    assert b"=" not in value
    assert base64.b64decode(value + b"==") == status_of_google(5, b"gone")


@pytest.mark.parametrize(("message", "padding"), [(b"a", ""), (b"", "="), (b"aa", "==")])
def test_a_google_rpc_status_is_read_with_and_without_padding(message: bytes, padding: str) -> None:
    value = in_base64(status_of_google(5, message))
    assert value.endswith(padding)
    assert value.count("=") == len(padding)
    for each in (value, value.rstrip("=")):
        error = error_of({"grpc-status": "5", "grpc-status-details-bin": each})
        assert error.details[0].unpack(StringValue) == StringValue(value="why")


def test_a_code_and_a_message_in_the_details_do_not_change_the_error() -> None:
    details = in_base64(status_of_google(16, b"another"))
    error = error_of(
        {"grpc-status": "5", "grpc-message": "gone", "grpc-status-details-bin": details}
    )
    assert (error.code, error.message, len(error.details)) == (Code.NOT_FOUND, "gone", 1)


@pytest.mark.parametrize(
    "details",
    [
        "",
        "%",
        "A",
        "\xe4",
        in_base64(b"\xff"),
        in_base64(b"\x1a\xff\xff\xff\xff\x0f"),
        in_base64(b"\x12\x01\xff"),
        in_base64(b"\x1b" * 10_000),
        f"{in_base64(b'')}, {in_base64(b'')}",
    ],
)
def test_malformed_details_do_not_hide_the_error(details: str) -> None:
    error = error_of(
        {"grpc-status": "5", "grpc-message": "gone", "grpc-status-details-bin": details}
    )
    assert (error.code, error.message, error.details) == (Code.NOT_FOUND, "gone", ())


# googleapis-common-protos registers a description like this one. Protobuf refuses a second
# description of the same name that differs.
GOOGLE = """
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool
file = descriptor_pb2.FileDescriptorProto(
    name="google/rpc/status.proto", package="google.rpc", syntax="proto3"
)
status = file.message_type.add(name="Status")
status.field.add(name="code", number=1, type=5, label=1, json_name="otherwise")
descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
"""
OURS = "import connectrpc_protocol.client, connectrpc_protocol.server"


@pytest.mark.parametrize("script", [f"{GOOGLE}\n{OURS}", f"{OURS}\n{GOOGLE}"])
def test_another_description_of_google_rpc_status_does_not_clash(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)
