"""The compression `gzip`."""

import zlib

from connectrpc_protocol.encoding.input_steps import input_steps
from connectrpc_protocol.errors import too_large

_GZIP_FORMAT = 31  # zlib's `wbits`: a window of 32 KiB, with a gzip header and trailer


class Gzip:
    """RFC 1952. The header does not hold a time, so equal messages have equal compressed bytes.

    The default level is that of zlib.
    """

    name = "gzip"

    def __init__(self, level: int = 6) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self._level, wbits=_GZIP_FORMAT)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        # A gzip file may hold several members (RFC 1952, section 2.2).
        parts: list[bytes] = []
        size = 0
        member = zlib.decompressobj(wbits=_GZIP_FORMAT)
        for step in input_steps(data):
            rest = step
            while rest:
                if member.eof:
                    member = zlib.decompressobj(wbits=_GZIP_FORMAT)
                try:
                    part = member.decompress(rest, 0 if limit is None else limit - size + 1)
                except zlib.error as error:
                    raise ValueError(str(error)) from None
                size += len(part)
                if limit is not None and size > limit:
                    raise too_large(limit)
                parts.append(part)
                rest = member.unused_data
        if not member.eof:
            raise ValueError("truncated gzip data")
        return b"".join(parts)
