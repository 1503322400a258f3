"""Errors as JSON. Source: Connect protocol reference, "Error"."""

import base64
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TypeGuard

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError, ErrorDetail
from connectrpc_protocol.headers import Headers, decode_base64

_CODES = {code.value: code for code in Code}


def error_to_json(error: ConnectError) -> dict[str, object]:
    """The error object; what is empty is left out."""
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
    """The error of an error object.

    A missing or unknown code becomes `fallback`; details that cannot be read are left out, since
    they must not hide the error that they explain.
    """
    if not is_object(value):
        return ConnectError(fallback, "the server's error is no JSON object")
    code, message = value.get("code"), value.get("message")
    return ConnectError(
        _CODES.get(code, fallback) if isinstance(code, str) else fallback,
        message if isinstance(message, str) else "",
        _details(value.get("details")),
    )


def load_json(data: bytes) -> object:
    """A JSON value. Raises `ValueError`, also where it is nested too deeply."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump_json(value: object) -> bytes:
    """Compact JSON in UTF-8; a lone surrogate becomes an escape, as JSON allows."""
    return json.dumps(value, separators=(",", ":")).encode()


def metadata_to_json(*sources: Headers) -> dict[str, list[str]]:
    """Metadata as an object of lists."""
    value: dict[str, list[str]] = {}
    for headers in sources:
        for name, each in headers.metadata():
            value.setdefault(name, []).append(each)
    return value


def metadata_from_json(value: object) -> Headers:
    """Metadata of an end-stream message. Raises `ValueError` where it is malformed.

    What HTTP could not carry is left out, since it must not hide the error beside it.
    """
    headers = Headers()
    if value is None:
        return headers
    if not is_object(value):
        raise ValueError("metadata is no JSON object")
    for name, values in value.items():
        for each in _strings(values):
            with suppress(ValueError):
                headers.add(name, each)
    return headers


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _strings(value: object) -> list[str]:
    strings = [each for each in value if isinstance(each, str)] if _is_array(value) else []
    if not _is_array(value) or len(strings) != len(value):
        raise ValueError("metadata values are no list of strings")
    return strings


def _details(value: object) -> Iterable[ErrorDetail]:
    for each in value if _is_array(value) else ():
        if is_object(each):
            type_name, data = each.get("type"), each.get("value")
            if isinstance(type_name, str) and isinstance(data, str):
                try:
                    yield ErrorDetail(type_name.rpartition("/")[2], decode_base64(data))
                except ValueError:
                    continue
