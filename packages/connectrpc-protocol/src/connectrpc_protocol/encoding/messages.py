"""Messages between their bytes on the wire and their Python objects, within the limits."""

import sys
from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.codec import Codec, bound_decode, bound_encode
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import COMPRESSED, EnvelopeReader, only_message, pack
from connectrpc_protocol.errors import ConnectError, too_large

M = TypeVar("M", bound=Message)

_END_BYTES = 64 * 1024
# In characters: a codec may quote the value that it does not like, however long it is.
_REASON_LENGTH = 200


def end_limit(limit: int | None) -> int | None:
    """How long the end of a stream may be, in bytes: trailers are no message.

    They have room even where messages must be small.
    """
    return None if limit is None else max(limit, _END_BYTES)


class MessageDecoder(Generic[M]):
    """Bytes to messages of one type.

    `limit` bounds a message before and after decompression, in bytes. `fault` is the code for
    bytes that are no such message: `invalid_argument` where a client sent them, `internal` where a
    server did.
    """

    __slots__ = ("_codec", "_decode", "_max", "_type", "fault", "limit")

    def __init__(self, codec: Codec, message_type: type[M], limit: int | None, fault: Code) -> None:
        self._codec = codec
        self._type = message_type
        self.limit = limit
        self._max = sys.maxsize if limit is None else limit
        self._decode = bound_decode(codec, message_type)
        self.fault = fault

    def decode(self, data: bytes, compression: Compression | None) -> M:
        """The message. Raises `ConnectError`: `resource_exhausted`, or `fault` for bad bytes."""
        if compression is not None or len(data) > self._max:
            data = self.decompress(data, compression, self.limit)
        try:
            return self._decode(data)
        except (ValueError, DecodeError) as error:
            name = self._type.DESCRIPTOR.full_name
            reason = str(error)[:_REASON_LENGTH]
            raise ConnectError(
                self.fault, f"cannot decode {name} from {self._codec.name}: {reason}"
            ) from error

    def decode_one(self, body: bytes, compression: Compression | None) -> M:
        """The one message of a body of envelopes. Raises what `MessageReader` raises."""
        data = only_message(body)
        if data is not None:
            # The path of nearly all calls.
            return self.decode(data, None)
        reader = MessageReader(self, compression, exactly_one=True)
        messages = list(reader.feed(body))
        reader.finish()
        reader.check_count()
        return messages[0]

    def too_large(self) -> ConnectError:
        """The error of a message beyond the limit, which there must be."""
        return too_large(self._max)

    def decompress(self, data: bytes, compression: Compression | None, limit: int | None) -> bytes:
        """The bytes without compression, within the limit. Raises `ConnectError`.

        No bytes are no bytes in every compression: other implementations send them like that.
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
    """Messages to bytes, compressed where that may pay.

    Messages below `compress_min` bytes stay as they are, since compression makes them longer;
    those beyond `limit` bytes are refused, and those of another type than the method's.
    """

    __slots__ = ("_encode", "_limit", "_type", "compress_min")

    def __init__(
        self, codec: Codec, message_type: type[Message], compress_min: int, limit: int | None
    ) -> None:
        self._encode = bound_encode(codec, message_type)
        self._type = message_type
        self._limit = sys.maxsize if limit is None else limit
        self.compress_min = compress_min

    def check(self, message: Message) -> None:
        """Raises `TypeError` for a message of another type, whose bytes might happen to fit."""
        if not isinstance(message, self._type):
            expected = self._type.DESCRIPTOR.full_name
            raise TypeError(f"expected a message of type {expected}, got {type(message).__name__}")

    def encode(self, message: Message) -> bytes:
        """The bytes of a message.

        Raises `ConnectError` (`resource_exhausted`), and `TypeError` for a wrong type.
        """
        if not isinstance(message, self._type):
            self.check(message)
        data = self._encode(message)
        if len(data) > self._limit:
            raise ConnectError(
                Code.RESOURCE_EXHAUSTED,
                f"message of {len(data)} bytes exceeds the send limit of {self._limit} bytes",
            )
        return data

    def envelope(self, message: Message, compression: Compression | None) -> bytes:
        """The message in an envelope. Raises what `encode` raises."""
        data = self.encode(message)
        if compression is None or len(data) < self.compress_min:
            return pack(0, data)
        return pack(COMPRESSED, compression.compress(data))


class MessageReader(Generic[M]):
    """A stream of bytes to messages, up to the envelope that ends the stream.

    `end_flag` marks that envelope; its data is kept in `end_data`. Zero where the protocol has
    none. `exactly_one` refuses a second message at once and its absence at the end: the
    cardinality of the RPC (grpc/grpc, doc/statuscodes.md, `UNIMPLEMENTED`).
    """

    __slots__ = (
        "_compression",
        "_count",
        "_decoder",
        "_end_flag",
        "_end_limit",
        "_envelopes",
        "_exactly_one",
        "end_data",
    )

    def __init__(
        self,
        decoder: MessageDecoder[M],
        compression: Compression | None,
        *,
        exactly_one: bool,
        end_flag: int = 0,
    ) -> None:
        self._decoder = decoder
        self._compression = compression
        self._end_limit = end_limit(decoder.limit)
        self._envelopes = EnvelopeReader(decoder.limit, end_flag, self._end_limit)
        self._exactly_one = exactly_one
        self._end_flag = end_flag
        self._count = 0
        self.end_data: bytes | None = None

    def feed(self, chunk: bytes) -> Iterator[M]:
        """The messages that this chunk completes, decoded one by one as they are asked for.

        Raises `ConnectError` at the message that is at fault; those before it come out.
        """
        self._envelopes.feed(chunk)
        return self._messages()

    def _messages(self) -> Iterator[M]:
        while (envelope := self._envelopes.next()) is not None:
            flags, data = envelope
            if self.end_data is not None:
                raise ConnectError(self._decoder.fault, "data after the end of the stream")
            if flags & ~(COMPRESSED | self._end_flag):
                raise ConnectError(self._decoder.fault, f"invalid envelope flags 0x{flags:02x}")
            compression = self._compression_of(flags)
            if flags & self._end_flag:
                self.end_data = self._decoder.decompress(data, compression, self._end_limit)
            else:
                self._count += 1
                if self._exactly_one and self._count > 1:
                    raise ConnectError(Code.UNIMPLEMENTED, "more than one message, expected one")
                yield self._decoder.decode(data, compression)

    def finish(self) -> None:
        """The bytes have ended.

        Raises `ConnectError` when they ended inside a message.
        """
        if self._envelopes.is_partial:
            missing = self._envelopes.wanted
            raise ConnectError(
                self._decoder.fault, f"the stream ended inside a message: {missing} bytes missing"
            )

    def check_count(self) -> None:
        """Raises `ConnectError` (`unimplemented`) when the one expected message is missing."""
        if self._exactly_one and self._count == 0:
            raise ConnectError(Code.UNIMPLEMENTED, "no message, expected one")

    @property
    def wanted(self) -> int:
        """See `EnvelopeReader.wanted`."""
        return self._envelopes.wanted

    def _compression_of(self, flags: int) -> Compression | None:
        if not flags & COMPRESSED:
            return None
        if self._compression is None:
            raise ConnectError(
                Code.INTERNAL, "compressed message in a stream that declared no compression"
            )
        return self._compression
