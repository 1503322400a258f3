"""The compression `deflate`."""

import zlib

from connectrpc_protocol.errors import too_large


class Deflate:
    """RFC 9110, section 8.4.1.2: the zlib format of RFC 1950, which ends with a checksum.

    Some programs send bare RFC 1951 data under this name. Such data is refused. The default level
    is that of zlib.
    """

    name = "deflate"

    def __init__(self, level: int = 6) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self._level)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        decompressor = zlib.decompressobj()
        try:
            output = decompressor.decompress(data, 0 if limit is None else limit + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if limit is not None and len(output) > limit:
            raise too_large(limit)
        if not decompressor.eof:
            raise ValueError("truncated deflate data")
        if decompressor.unused_data:
            raise ValueError("data after the end of the deflate data")
        return output
