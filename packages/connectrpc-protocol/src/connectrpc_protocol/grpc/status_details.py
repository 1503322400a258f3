"""`grpc-status-details-bin`: a google.rpc.Status with the details of an error.

The description of google.rpc.Status is in a private descriptor pool. In the default pool, it would
clash with the description in googleapis-common-protos.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, cast

from google.protobuf import any_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ErrorDetail
from connectrpc_protocol.headers import decode_base64
from connectrpc_protocol.parse_errors import PARSE_ERRORS

_TYPE_URL_PREFIX = "type.googleapis.com/"


class _Any(Protocol):
    type_url: str
    value: bytes


class _Details(Protocol):
    def add(self, *, type_url: str, value: bytes) -> _Any: ...
    def __iter__(self) -> Iterator[_Any]: ...


class _Status(Protocol):
    # The names of the methods are those of Protobuf.
    code: int
    message: str

    @property
    def details(self) -> _Details: ...
    def SerializeToString(self) -> bytes: ...  # noqa: N802
    def ParseFromString(self, data: bytes) -> int: ...  # noqa: N802


# message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
# This is a serialized google.protobuf.FileDescriptorProto. To import that class would take longer
# than to import the rest of this package.
_FILE = (
    b"\n\x17google/rpc/status.proto\x12\ngoogle.rpc\x1a\x19google/protobuf/any.proto"
    b'"N\n\x06Status\x12\x0c\n\x04code\x18\x01 \x01(\x05\x12\x0f\n\x07message\x18\x02 \x01(\t'
    b"\x12%\n\x07details\x18\x03 \x03(\x0b2\x14.google.protobuf.Anyb\x06proto3"
)


def _status_type() -> Callable[[], _Status]:
    pool = DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_FILE)
    descriptor = pool.FindMessageTypeByName("google.rpc.Status")
    return cast("Callable[[], _Status]", message_factory.GetMessageClass(descriptor))


_new_status = _status_type()


def encode_details(code: Code, message: str, details: Iterable[ErrorDetail]) -> bytes:
    """Return the value on the wire, in base64 without padding."""
    status = _new_status()
    status.code = code.grpc
    status.message = _text(message)
    for detail in details:
        type_url = _TYPE_URL_PREFIX + _text(detail.type_name)
        status.details.add(type_url=type_url, value=detail.value)
    return base64.b64encode(status.SerializeToString()).rstrip(b"=")


def decode_details(value: str) -> list[ErrorDetail]:
    """Return the details.

    Malformed details become an empty list, because they must not hide the error that they explain.
    """
    status = _new_status()
    try:
        status.ParseFromString(decode_base64(value))
    except (ValueError, *PARSE_ERRORS):
        return []
    return [
        ErrorDetail(detail.type_url.rpartition("/")[2], detail.value) for detail in status.details
    ]


def _text(text: str) -> str:
    """Replace lone surrogates, which Protobuf refuses."""
    return text.encode(errors="replace").decode()
