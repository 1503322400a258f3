"""Codecs, which turn messages into bytes and back."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from google.protobuf.message import Message

from connectrpc_protocol.encoding.json_codec import JsonCodec
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
    if type(codec) is ProtoCodec:
        return message_type.FromString
    return partial(codec.decode, message_type=message_type)


def encode_function(codec: Codec, message_type: type[Message]) -> Callable[[Message], bytes]:
    """Return a function that encodes messages of one type, as fast as the codec allows."""
    if type(codec) is ProtoCodec:
        return cast("Callable[[Message], bytes]", message_type.SerializeToString)
    return codec.encode
