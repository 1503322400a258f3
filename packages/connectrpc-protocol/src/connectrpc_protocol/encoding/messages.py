"""Encoding and decoding messages, within the limits."""

import sys
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.codec import Codec, decode_function, encode_function
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import COMPRESSED, pack
from connectrpc_protocol.errors import ConnectError, too_large
from connectrpc_protocol.parse_errors import PARSE_ERRORS, parse_error_reason

M = TypeVar("M", bound=Message)

# In characters. A codec may quote the value that it refuses, and that value may be long. The error
# may be sent in a header, so it must be short; 200 characters are enough for a reason.
_REASON_LENGTH = 200


class MessageDecoder(Generic[M]):
    """Turns bytes into messages of one type.

    `limit` bounds a message before and after decompression, in bytes. `fault` is the code of the
    error for malformed bytes: `invalid_argument` if a client sent them, `internal` if a server did.
    """

    __slots__ = ("_codec", "_decode", "_max", "_type", "fault", "limit")

    def __init__(self, codec: Codec, message_type: type[M], limit: int | None, fault: Code) -> None:
        self._codec = codec
        self._type = message_type
        self.limit = limit
        self._max = sys.maxsize if limit is None else limit
        self._decode = decode_function(codec, message_type)
        self.fault = fault

    def decode(self, data: bytes, compression: Compression | None) -> M:
        """Return the message.

        Raises `ConnectError`: `resource_exhausted` if it is too large, `fault` if it is malformed.
        """
        if compression is not None or len(data) > self._max:
            data = self.decompress(data, compression, self.limit)
        try:
            return self._decode(data)
        except (ValueError, *PARSE_ERRORS) as error:
            name = self._type.DESCRIPTOR.full_name
            reason = parse_error_reason(error)[:_REASON_LENGTH]
            raise ConnectError(
                self.fault, f"cannot decode {name} from {self._codec.name}: {reason}"
            ) from error

    def too_large(self) -> ConnectError:
        """Return the error of a message beyond the limit. The decoder must have a limit."""
        return too_large(self._max)

    def decompress(self, data: bytes, compression: Compression | None, limit: int | None) -> bytes:
        """Return the decompressed bytes. Raises `ConnectError` like `decode`.

        Empty data stays empty in every compression, because other implementations send it so.
        """
        if limit is not None and len(data) > limit:
            raise too_large(limit)
        if compression is None or not data:
            return data
        try:
            return compression.decompress(data, limit)
        except ValueError as error:
            raise ConnectError(
                self.fault, f"cannot decompress with {compression.name}: {error}"
            ) from error


class MessageEncoder:
    """Turns messages of one type into bytes, up to `limit` bytes (`None` for no limit).

    A message below `compress_min` bytes is not compressed, since compression may make it longer.
    """

    __slots__ = ("_encode", "_limit", "_type", "compress_min")

    def __init__(
        self, codec: Codec, message_type: type[Message], compress_min: int, limit: int | None
    ) -> None:
        self._encode = encode_function(codec, message_type)
        self._type = message_type
        self._limit = sys.maxsize if limit is None else limit
        self.compress_min = compress_min

    def check_type(self, message: Message) -> None:
        """Raise `TypeError` for a message of another type. The receiver might decode it wrongly."""
        if not isinstance(message, self._type):
            expected = self._type.DESCRIPTOR.full_name
            raise TypeError(f"expected a message of type {expected}, got {type(message).__name__}")

    def encode(self, message: Message) -> bytes:
        """Return the bytes of a message, without compression.

        Raises `ConnectError` (`resource_exhausted`) if they exceed the limit, and `TypeError` for a
        message of another type.
        """
        if not isinstance(message, self._type):
            self.check_type(message)
        data = self._encode(message)
        if len(data) > self._limit:
            raise ConnectError(
                Code.RESOURCE_EXHAUSTED,
                f"message of {len(data)} bytes exceeds the send limit of {self._limit} bytes",
            )
        return data

    def envelope(self, message: Message, compression: Compression | None) -> bytes:
        """Return the message in an envelope. Raises the errors of `encode`."""
        data = self.encode(message)
        if compression is None or len(data) < self.compress_min:
            return pack(0, data)
        return pack(COMPRESSED, compression.compress(data))
