"""The parts that our async and sync clients share."""

import re

from google.protobuf.any_pb2 import Any
from interop.v1 import interop_connect

from clients.interface import CallError, Metadata, Received, by_name
from connectrpc_client import ConnectError, Headers


def client_class(service: str, suffix: str) -> type:
    """Return the class that our plugin generated for a service."""
    return getattr(interop_connect, f"{service}{suffix}")


def snake_case(rpc: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


def options(*, gzip: bool) -> dict[str, object]:
    return {"protocol": "grpc", "send_compression": "gzip" if gzip else None}


def headers(metadata: Metadata) -> Headers:
    sent = Headers()
    for name, value in metadata:
        if isinstance(value, bytes):
            sent.add_binary(name, value)
        else:
            sent.add(name, value)
    return sent


def milliseconds(timeout: float | None) -> int | None:
    return None if timeout is None else int(timeout * 1000)


def received(found: Headers) -> Received:
    return by_name(
        (name, value)
        for name in found
        for value in (found.get_binary(name) if name.endswith("-bin") else found.get_all(name))
    )


def call_error(error: ConnectError) -> CallError:
    details = [
        Any(type_url=f"type.googleapis.com/{detail.type_name}", value=detail.value)
        for detail in error.details
    ]
    return CallError(error.code.value, error.message, details, received(error.metadata))
