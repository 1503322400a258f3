"""Reading messages from a stream of bytes."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import (
    COMPRESSED,
    PREFIX_SIZE,
    EnvelopeReader,
    only_message,
)
from connectrpc_protocol.encoding.messages import MessageDecoder
from connectrpc_protocol.errors import ConnectError

M = TypeVar("M", bound=Message)

# In bytes. Trailers and an error must fit even if the limit of messages is small. 64 KiB is several
# times as much as servers and clients usually accept as headers (8 to 16 KiB).
_END_BYTES = 64 * 1024


def end_limit(limit: int | None) -> int | None:
    """Return the limit of the envelope that ends a stream, in bytes, for this limit of messages."""
    return None if limit is None else max(limit, _END_BYTES)


def single_message_limit(limit: int | None) -> int | None:
    """Return the limit of a body of one envelope, in bytes, for this limit of messages."""
    return None if limit is None else limit + PREFIX_SIZE


def decode_single_message(
    decoder: MessageDecoder[M], body: bytes, compression: Compression | None
) -> M:
    """Return the one message of a body of envelopes. Raises the errors of `MessageReader`."""
    data = only_message(body)
    if data is not None:
        # Most calls take this path: one envelope without compression.
        return decoder.decode(data, None)
    reader = MessageReader(decoder, compression, exactly_one=True)
    messages = list(reader.feed(body))
    reader.finish()
    reader.check_count()
    return messages[0]


class MessageReader(Generic[M]):
    """Cuts a stream of bytes into messages, up to the envelope that ends the stream.

    The flag `end_flag` marks that envelope, and `end_data` keeps its data. The flag is 0 in a
    protocol without such an envelope. With `exactly_one`, a second message is an error at once, and
    `check_count` finds a missing one. The code is `unimplemented`, because the cardinality of the
    RPC is wrong (grpc/grpc, doc/statuscodes.md).
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
        """Take a chunk; return an iterator that decodes the completed messages one by one.

        The iterator returns the messages before a faulty one, then raises `ConnectError`.
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
        """Take the end of the bytes. Raises `ConnectError` if they end inside a message."""
        if self._envelopes.is_partial:
            missing = self._envelopes.wanted
            raise ConnectError(
                self._decoder.fault, f"the stream ended inside a message: {missing} bytes missing"
            )

    def check_count(self) -> None:
        """Raise `ConnectError` (`unimplemented`) if the one expected message is missing."""
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
