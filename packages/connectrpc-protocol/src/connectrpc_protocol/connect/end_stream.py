"""The end-stream message, which ends the response of every call with a stream.

Source: Connect protocol reference, "Error and EndStreamResponse".
"""

from contextlib import suppress
from typing import NamedTuple

from connectrpc_protocol.code import Code
from connectrpc_protocol.connect.error_json import (
    dump_json,
    error_from_json,
    error_to_json,
    is_array,
    is_object,
    load_json,
)
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.headers import Headers

END_STREAM = 0b0000_0010
"""The flag of the envelope of an end-stream message."""


class EndStream(NamedTuple):
    """How a call ended: its trailers, and its error if it failed."""

    trailers: Headers
    error: ConnectError | None


def pack_end_stream(trailers: Headers, error: ConnectError | None) -> bytes:
    """Return the envelope. The metadata of the error is sent together with the trailers."""
    value: dict[str, object] = {}
    sources = [trailers]
    if error is not None:
        value["error"] = error_to_json(error)
        sources.append(error.metadata)
    metadata: dict[str, list[str]] = {}
    for source in sources:
        for name, text in source.metadata():
            metadata.setdefault(name, []).append(text)
    if metadata:
        value["metadata"] = metadata
    return pack(END_STREAM, dump_json(value))


def parse_end_stream(data: bytes) -> EndStream:
    """Parse the data of the envelope. Raises `ValueError` if it is malformed."""
    value = load_json(data)
    if not is_object(value):
        raise ValueError("not a JSON object")
    trailers = _metadata_from_json(value.get("metadata"))
    error = value.get("error")
    return EndStream(trailers, None if error is None else error_from_json(error, Code.UNKNOWN))


def _metadata_from_json(value: object) -> Headers:
    headers = Headers()
    if value is None:
        return headers
    if not is_object(value):
        raise ValueError("metadata is not a JSON object")
    for name, values in value.items():
        for text in _strings(values):
            # Metadata that HTTP cannot carry is left out, because it must not hide the error.
            with suppress(ValueError):
                headers.add(name, text)
    return headers


def _strings(value: object) -> list[str]:
    strings = [item for item in value if isinstance(item, str)] if is_array(value) else []
    if not is_array(value) or len(strings) != len(value):
        raise ValueError("metadata values are not a list of strings")
    return strings
