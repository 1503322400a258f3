"""Enveloped messages: one byte of flags, four of length, then the data.

Connect streams and gRPC and gRPC-Web calls of every kind use them. Sources: Connect protocol
reference, "Streaming-Request"; grpc/grpc, PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
"""

import struct
from typing import NamedTuple

from connectrpc_protocol.errors import too_large

COMPRESSED = 0b0000_0001
_PREFIX = struct.Struct(">BI")
PREFIX_SIZE = _PREFIX.size


class Envelope(NamedTuple):
    """One message as it is on the wire."""

    flags: int
    data: bytes


def only_message(body: bytes) -> bytes | None:
    """Return the data of a body that is one envelope without flags, or `None` for another body."""
    if len(body) < PREFIX_SIZE or _PREFIX.unpack_from(body) != (0, len(body) - PREFIX_SIZE):
        return None
    return body[PREFIX_SIZE:]


def pack(flags: int, data: bytes) -> bytes:
    """Return the bytes of an envelope."""
    return _PREFIX.pack(flags, len(data)) + data


class PrefixReader:
    """Reads the prefixes of a body that should be one envelope, and drops the data.

    A host whose reads block needs it: it reads what the prefix promises, and not more. After a
    second envelope, `wanted` is 0: the body is wrong, so the host stops reading.
    """

    __slots__ = ("_count", "_limit", "_missing", "_prefix")

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._prefix = b""
        self._missing = 0
        self._count = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Raises `ConnectError` (`resource_exhausted`) if a message is larger than the limit, as soon
        as its prefix is complete.
        """
        start = 0
        while start < len(chunk):
            if self._missing:
                size = min(self._missing, len(chunk) - start)
                self._missing -= size
            else:
                size = min(PREFIX_SIZE - len(self._prefix), len(chunk) - start)
                self._prefix += chunk[start : start + size]
                if len(self._prefix) == PREFIX_SIZE:
                    self._read_prefix()
            start += size

    def _read_prefix(self) -> None:
        self._missing = _PREFIX.unpack(self._prefix)[1]
        self._prefix = b""
        self._count += 1
        if self._limit is not None and self._missing > self._limit:
            raise too_large(self._limit)

    @property
    def wanted(self) -> int:
        """The number of bytes that are missing from the next prefix or message."""
        if not self._missing and self._count > 1:
            return 0
        return self._missing or PREFIX_SIZE - len(self._prefix)


class EnvelopeReader:
    """Cuts a stream of bytes into envelopes.

    It refuses an envelope whose length exceeds `limit` (in bytes; `None` for no limit) as soon as
    it has the prefix. So the buffer never holds more than the limit plus one chunk. For envelopes
    with `end_flag`, the limit is `end_limit`.
    """

    __slots__ = ("_buffer", "_end_flag", "_end_limit", "_limit", "_start")

    def __init__(self, limit: int | None, end_flag: int = 0, end_limit: int | None = None) -> None:
        self._limit = limit
        self._end_flag = end_flag
        self._end_limit = end_limit
        self._buffer = bytearray()
        self._start = 0

    def feed(self, chunk: bytes) -> None:
        """Append the next bytes of the stream."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += chunk

    def next(self) -> Envelope | None:
        """Return the next envelope, or `None` if it is not complete yet.

        Raises `ConnectError` (`resource_exhausted`) if it is too large.
        """
        data = self._start + PREFIX_SIZE
        if len(self._buffer) < data:
            return None
        flags, length = _PREFIX.unpack_from(self._buffer, self._start)
        limit = self._end_limit if flags & self._end_flag else self._limit
        if limit is not None and length > limit:
            raise too_large(limit)
        end = data + length
        if len(self._buffer) < end:
            return None
        envelope = Envelope(flags, bytes(self._buffer[data:end]))
        if end == len(self._buffer):
            # Many seconds may pass before the next chunk. Do not hold a large buffer meanwhile.
            self._buffer.clear()
            end = 0
        self._start = end
        return envelope

    @property
    def wanted(self) -> int:
        """The number of bytes that are missing from the next prefix or message.

        This is a good size for a blocking read.
        """
        size = len(self._buffer) - self._start
        if size < PREFIX_SIZE:
            return PREFIX_SIZE - size
        length: int = _PREFIX.unpack_from(self._buffer, self._start)[1]
        return PREFIX_SIZE + length - size

    @property
    def is_partial(self) -> bool:
        """True if the buffer holds a part of an envelope."""
        return len(self._buffer) > self._start
