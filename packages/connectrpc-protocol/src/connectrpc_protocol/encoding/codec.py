"""Codecs, which turn messages into bytes and back."""

import json
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from connectrpc_protocol.encoding.json_check import check_json
from connectrpc_protocol.names import CodecName
from connectrpc_protocol.parse_errors import PARSE_ERRORS, parse_error_reason

M = TypeVar("M", bound=Message)


class Codec(Protocol):
    """Turns messages into bytes and back. It must be stateless: any thread may call it."""

    @property
    def name(self) -> str:
        """The name on the wire, which ends the content type: `proto` in `application/proto`."""
        ...

    def encode(self, message: Message) -> bytes:
        """Return the bytes of a message."""
        ...

    def encode_stable(self, message: Message) -> bytes:
        """Return the same bytes for equal messages, so that caches recognize the URL of a GET."""
        ...

    def decode(self, data: bytes, message_type: type[M]) -> M:
        """Return the message of these bytes. Raises `ValueError` if they are malformed."""
        ...


class ProtoCodec:
    """The binary format of Protobuf."""

    name: CodecName = "proto"

    def encode(self, message: Message) -> bytes:
        return message.SerializeToString()

    def encode_stable(self, message: Message) -> bytes:
        return message.SerializeToString(deterministic=True)

    def decode(self, data: bytes, message_type: type[M]) -> M:
        try:
            return message_type.FromString(data)
        except PARSE_ERRORS as error:
            raise ValueError(parse_error_reason(error)) from None


# `json.dumps` makes an encoder for each call, unless all of its options are the defaults.
_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DUMP_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class JsonCodec:
    """The canonical JSON mapping of Protobuf (protobuf.dev/programming-guides/json).

    It ignores unknown fields, because a peer may have a newer schema.
    """

    name: CodecName = "json"

    def encode(self, message: Message) -> bytes:
        return _DUMP(json_format.MessageToDict(message)).encode()

    def encode_stable(self, message: Message) -> bytes:
        return _DUMP_SORTED(json_format.MessageToDict(message)).encode()

    def decode(self, data: bytes, message_type: type[M]) -> M:
        message = message_type()
        try:
            value = json.loads(data.decode(), object_pairs_hook=_without_duplicates)
            check_json(value, cast("Descriptor", message_type.DESCRIPTOR))
            json_format.ParseDict(value, message, ignore_unknown_fields=True)
        except ValueError:
            raise
        except Exception as error:
            # Besides its own error, json_format raises others for values of a wrong type. A hostile
            # peer may nest brackets deeper than the stack of the parser.
            raise ValueError(parse_error_reason(error)) from None
        return message


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a JSON object has two members with the same name")
    return value


PROTO = ProtoCodec()
JSON = JsonCodec()
DEFAULT_CODECS: tuple[Codec, ...] = (PROTO, JSON)


def resolve_codec(codec: CodecName | Codec) -> Codec:
    """Return the codec of that name, or the given one. Raises `ValueError` for an unknown name."""
    if not isinstance(codec, str):
        return codec
    for known in DEFAULT_CODECS:
        if known.name == codec:
            return known
    names = ", ".join(repr(known.name) for known in DEFAULT_CODECS)
    raise ValueError(f"unknown codec {codec!r}; known by name: {names}")


def decode_function(codec: Codec, message_type: type[M]) -> Callable[[bytes], M]:
    """Return a function that decodes messages of one type, as fast as the codec allows.

    It raises `ValueError`, or one of `PARSE_ERRORS`.
    """
    if codec is PROTO:
        return message_type.FromString
    return partial(codec.decode, message_type=message_type)


def encode_function(codec: Codec, message_type: type[Message]) -> Callable[[Message], bytes]:
    """Return a function that encodes messages of one type, as fast as the codec allows."""
    if codec is PROTO:
        return cast("Callable[[Message], bytes]", message_type.SerializeToString)
    return codec.encode
