"""The suite's types and ours: codes, headers, and messages packed into `Any`."""

from collections.abc import Iterable
from typing import TypeVar

from connectrpc.conformance.v1 import service_pb2 as pb
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from connectrpc_protocol import Code, Headers

M = TypeVar("M", bound=Message)

_CODES = {code.grpc: code for code in Code}


def code_of(error: pb.Error) -> Code:
    """Return the code that the suite asks for; it has the numbers of gRPC."""
    return _CODES[error.code]


def suite_code(code: Code) -> str:
    """Return the suite's name of a code."""
    return f"CODE_{code.name}"


def pairs_of(headers: Iterable[pb.Header]) -> list[tuple[str, str]]:
    """Return the suite's headers as pairs of name and value."""
    return [(header.name, value) for header in headers for value in header.value]


def suite_headers(headers: Headers) -> list[pb.Header]:
    """Return headers as the suite's messages."""
    return [pb.Header(name=name, value=headers.get_all(name)) for name in headers]


def pack(message: Message) -> Any:
    """Return a message as `Any`."""
    packed = Any()
    packed.Pack(message)
    return packed


def unpack(packed: Any, message_type: type[M]) -> M:
    """Return the message in an `Any`. Raises `LookupError` if its type is another."""
    message = message_type()
    if not packed.Unpack(message):
        raise LookupError(f"unexpected message type {packed.type_url}")
    return message
