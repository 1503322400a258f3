"""Errors as JSON. Source: Connect protocol reference, "Error and EndStreamResponse"."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import TypeGuard

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError, ErrorDetail
from connectrpc_protocol.headers import decode_base64

_CODES = {code.value: code for code in Code}


def error_to_json(error: ConnectError) -> dict[str, object]:
    """Return the error as a JSON object, without empty fields."""
    value: dict[str, object] = {"code": error.code.value}
    if error.message:
        value["message"] = error.message
    if error.details:
        value["details"] = [
            {
                "type": detail.type_name,
                "value": base64.b64encode(detail.value).rstrip(b"=").decode(),
            }
            for detail in error.details
        ]
    return value


def error_from_json(value: object, fallback: Code) -> ConnectError:
    """Return the error in a JSON value.

    A missing or unknown code becomes `fallback`. Malformed details are left out, because they must
    not hide the error that they explain.
    """
    if not is_object(value):
        return ConnectError(fallback, "the server's error is not a JSON object")
    code, message = value.get("code"), value.get("message")
    return ConnectError(
        _CODES.get(code, fallback) if isinstance(code, str) else fallback,
        message if isinstance(message, str) else "",
        _details(value.get("details")),
    )


def load_json(data: bytes) -> object:
    """Parse a JSON value. Raises `ValueError` if it is malformed or nested too deeply."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump_json(value: object) -> bytes:
    """Return compact JSON in UTF-8. A lone surrogate becomes an escape, as JSON allows."""
    return json.dumps(value, separators=(",", ":")).encode()


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Return whether a JSON value is an array."""
    return isinstance(value, list)


def _details(value: object) -> Iterable[ErrorDetail]:
    for detail in value if is_array(value) else ():
        if is_object(detail):
            type_name, data = detail.get("type"), detail.get("value")
            if isinstance(type_name, str) and isinstance(data, str):
                try:
                    yield ErrorDetail(type_name.rpartition("/")[2], decode_base64(data))
                except ValueError:
                    continue
